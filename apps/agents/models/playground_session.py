"""What a person tries in the playground."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.agents.querysets import PlaygroundSessionQuerySet
from apps.core.access import Access, Role
from apps.core.json import JSONField
from apps.core.models import WorkspaceModel


class PlaygroundSession(WorkspaceModel):
    """Columns with their messages, tools, models and last answers, and the values of the variables.

    Only its owner changes it; other editors who have its address begin with a copy. `state` belongs to the page.
    """

    access = Access(view=Role.EDITOR)

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("person"), db_index=False
    )
    name = models.CharField(_("name"), max_length=120, blank=True)
    state = JSONField(_("state"), default=dict)

    objects = PlaygroundSessionQuerySet.as_manager()

    class Meta:
        ordering = ["-updated_at"]
        verbose_name = _("playground session")
        verbose_name_plural = _("playground sessions")
        indexes = [
            models.Index(fields=["user", "workspace", "-updated_at"], name="agents_playground_last"),
            models.Index(fields=["workspace", "-created_at"], name="agents_playground_newest"),
        ]

    def __str__(self) -> str:
        return self.name or str(_("Playground"))
