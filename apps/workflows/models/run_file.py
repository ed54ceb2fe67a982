"""A file given to a run, or made by one."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.access import Access, Role
from apps.core.models import WorkspaceModel
from apps.core.querysets import WorkspaceQuerySet

#: Longest extension that is kept on the disk.
_SUFFIX_CHARS = 12


def storage_path(file: RunFile, filename: str) -> str:
    """Where content is kept: names that people and nodes give stay in the database, never on the disk."""
    suffix = PurePath(filename).suffix.lower()[:_SUFFIX_CHARS]
    plain = suffix if suffix[1:].isascii() and suffix[1:].isalnum() else ""
    return f"workflows/{file.workspace_id}/{file.pk}{plain}"


class RunFileQuerySet(WorkspaceQuerySet["RunFile"]):
    """Files of runs."""

    def unclaimed(self) -> RunFileQuerySet:
        """Files that no run has used yet, or whose run was deleted."""
        return self.filter(run=None)

    def unused(self) -> RunFileQuerySet:
        """Files that nothing needs any more: unclaimed ones, and those of runs whose history was forgotten."""
        return self.filter(models.Q(run=None) | models.Q(run__ledger_kept=False))


class RunFile(WorkspaceModel):
    """Content in the media storage with what is known about it.

    ``run`` is the run that made it or first used it; a file outlives its run until retention removes it. ``key``
    names what made it (a node's idempotency key and a number), so that a node that runs again keeps it once.
    """

    # whoever may start a workflow may give it files, which they can do by role; the rows are never changed
    access = Access(add=Role.VIEWER, change=Role.EDITOR, delete=Role.EDITOR)

    run = models.ForeignKey(
        "workflows.WorkflowRun",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="files",
        verbose_name=_("run"),
    )
    key = models.CharField(max_length=200, blank=True, editable=False)
    name = models.CharField(_("name"), max_length=255)
    content_type = models.CharField(_("type"), max_length=120)
    size = models.PositiveBigIntegerField(_("size"), default=0)
    #: Of the content, hexadecimal.
    sha256 = models.CharField(max_length=64, editable=False)
    content = models.FileField(_("content"), upload_to=storage_path, max_length=255)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("given by"),
    )

    objects = RunFileQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        verbose_name = _("file of a run")
        verbose_name_plural = _("files of runs")
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "key"], condition=~models.Q(key=""), name="workflows_runfile_once"
            )
        ]
        indexes = [
            models.Index(fields=["workspace", "-created_at"], name="workflows_runfile_list"),
            models.Index(
                fields=["created_at"], condition=models.Q(run=None), name="workflows_runfile_unused"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def described(self) -> dict[str, Any]:
        """The file as a variable of a run holds it."""
        return {
            "id": str(self.pk),
            "name": self.name,
            "content_type": self.content_type,
            "size": self.size,
            "url": f"/api/v1/workflow-files/{self.pk}/content/",
        }
