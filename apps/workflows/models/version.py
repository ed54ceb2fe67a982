"""Published versions of workflows."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.access import Access, Role
from apps.core.json import JSONField
from apps.core.models import WorkspaceModel
from apps.workflows.models.workflow import Workflow
from apps.workflows.querysets import WorkflowVersionQuerySet


class WorkflowVersion(WorkspaceModel):
    """A document as it was published. Only its name and note may change; `checksum` names the compiled graph."""

    access = Access(change=Role.EDITOR, delete=Role.OWNER)

    workflow = models.ForeignKey(
        Workflow, models.CASCADE, related_name="versions", verbose_name=_("workflow")
    )
    number = models.PositiveIntegerField(_("number"))
    document = JSONField(_("document"))
    #: SHA-256 of the canonical JSON, hexadecimal.
    checksum = models.CharField(_("checksum"), max_length=64)
    name = models.CharField(_("name"), max_length=120, blank=True)
    note = models.TextField(_("note"), blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("published by"),
    )

    objects = WorkflowVersionQuerySet.as_manager()

    class Meta:
        ordering = ["-number"]
        verbose_name = _("version of a workflow")
        verbose_name_plural = _("versions of workflows")
        constraints = [
            models.UniqueConstraint(fields=["workflow", "number"], name="workflows_version_number_once")
        ]
        indexes = [models.Index(fields=["workspace", "-created_at"], name="workflows_version_newest")]

    def __str__(self) -> str:
        return self.name or str(_("Version %(number)d")) % {"number": self.number}
