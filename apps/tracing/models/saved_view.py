"""A list of the explorer as somebody wants to find it again."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.access import Access, Role
from apps.core.models import WorkspaceModel
from apps.tracing.querysets import SavedViewQuerySet


class SavedView(WorkspaceModel):
    """Filters and columns under a name; a shared one is offered to the whole workspace."""

    access: ClassVar[Access] = Access(add=Role.VIEWER, change=Role.VIEWER, delete=Role.VIEWER)

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="+",
        verbose_name=_("owner"),
        editable=False,
    )
    list_name = models.CharField(_("list"), max_length=20, editable=False)
    name = models.CharField(_("name"), max_length=100)
    # the address of the list after the question mark, without the cursor
    query = models.TextField(_("filters and columns"), blank=True, default="")
    shared = models.BooleanField(_("shared with the workspace"), default=False)

    objects = SavedViewQuerySet.as_manager()

    class Meta:
        verbose_name = _("saved view")
        verbose_name_plural = _("saved views")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "list_name", "owner", "name"], name="tracing_saved_view_name"
            )
        ]

    def __str__(self) -> str:
        return self.name
