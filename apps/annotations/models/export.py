"""A training file made from a dataset version."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.annotations.models.dataset import Dataset
from apps.annotations.models.dataset_version import DatasetVersion
from apps.annotations.querysets import ExportQuerySet
from apps.core.access import Access, Role
from apps.core.json import JSONField
from apps.core.models import WorkspaceModel


def export_path(export: Export, filename: str) -> str:
    """Where the file lies below the media root; the id keeps it unguessable and unique."""
    return f"exports/{export.workspace_id}/{export.pk}/{filename}"


class Export(WorkspaceModel):
    """A file with its manifest: format, version, counts, hash, and why rows were left out."""

    access: ClassVar[Access] = Access(
        view=Role.EDITOR, add=Role.EDITOR, change=Role.EDITOR, delete=Role.EDITOR
    )

    dataset = models.ForeignKey(
        Dataset, verbose_name=_("dataset"), on_delete=models.CASCADE, related_name="exports"
    )
    version = models.ForeignKey(
        DatasetVersion, verbose_name=_("version"), on_delete=models.CASCADE, related_name="exports"
    )
    format = models.CharField(_("format"), max_length=40)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("author"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    job = models.ForeignKey(
        "core.Job",
        verbose_name=_("job"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    file = models.FileField(_("file"), upload_to=export_path, max_length=300, blank=True)
    row_count = models.PositiveIntegerField(_("rows"), default=0)
    rejected_count = models.PositiveIntegerField(_("rejected rows"), default=0)
    rejections = JSONField(_("reasons"), default=list, blank=True)
    byte_count = models.PositiveBigIntegerField(_("size"), default=0)
    sha256 = models.CharField(_("SHA-256"), max_length=64, blank=True)
    completed_at = models.DateTimeField(_("completed at"), null=True, blank=True)

    objects = ExportQuerySet.as_manager()

    class Meta:
        verbose_name = _("export")
        verbose_name_plural = _("exports")
        ordering = ("-created_at", "-id")
        indexes = [models.Index(fields=("workspace", "-created_at", "-id"), name="annotations_export_recent")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(completed_at__isnull=True) | ~models.Q(sha256=""),
                name="annotations_export_has_hash",
            ),
        ]

    def __str__(self) -> str:
        return self.filename

    @property
    def filename(self) -> str:
        """Name offered to the browser."""
        return f"{self.version_id}.{self.format}.jsonl"

    @property
    def state(self) -> str:
        """`completed`, or the state of its job (`queued`, `running`, `failed`, `cancelled`)."""
        if self.completed_at is not None:
            return "completed"
        return str(self.job.state) if self.job is not None else "queued"
