"""A file made of a list of the explorer."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.access import Access, Role
from apps.core.json import JSONField
from apps.core.models import WorkspaceModel
from apps.tracing.querysets import TraceExportQuerySet


class ExportList(models.TextChoices):
    """What the rows of a file are."""

    TRACES = "traces", _("Traces")
    OBSERVATIONS = "observations", _("Observations")
    SCORES = "scores", _("Scores")
    SESSIONS = "sessions", _("Sessions")


class ExportFormat(models.TextChoices):
    """Formats, named like the ending of the file."""

    CSV = "csv", _("CSV")
    JSONL = "jsonl", _("JSON Lines")
    PARQUET = "parquet", _("Parquet")


class ExportLimit(models.TextChoices):
    """Why a file ends before the list does."""

    NONE = "", _("none")
    ROWS = "rows", _("rows")
    BYTES = "bytes", _("size")


def export_path(export: "TraceExport", filename: str) -> str:
    """Where the file lies below the media root; `filename` carries what nobody guesses."""
    return f"trace-exports/{export.workspace_id}/{export.pk}/{filename}"


class TraceExport(WorkspaceModel):
    """What was asked for, and the file once it is whole; there is never half a file.

    `selection` is what `apps.tracing.selection.Selection` writes and reads.
    """

    access: ClassVar[Access] = Access(
        view=Role.EDITOR, add=Role.EDITOR, change=Role.EDITOR, delete=Role.EDITOR
    )

    list_name = models.CharField(_("list"), max_length=20, choices=ExportList.choices)
    selection = JSONField(_("filters"), default=dict)
    format = models.CharField(_("format"), max_length=10, choices=ExportFormat.choices)
    columns = ArrayField(models.CharField(max_length=60), verbose_name=_("columns"))
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("author")
    )
    job = models.ForeignKey(
        "core.Job", models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("job")
    )
    file = models.FileField(_("file"), upload_to=export_path, max_length=300, blank=True)
    row_count = models.PositiveIntegerField(_("rows"), default=0)
    byte_count = models.PositiveBigIntegerField(_("size"), default=0)
    limit_reached = models.CharField(
        _("limit reached"), max_length=5, choices=ExportLimit.choices, blank=True, default=""
    )
    completed_at = models.DateTimeField(_("completed"), null=True, blank=True)
    expires_at = models.DateTimeField(_("kept until"))

    objects = TraceExportQuerySet.as_manager()

    class Meta:
        verbose_name = _("trace export")
        verbose_name_plural = _("trace exports")
        ordering = ("-created_at", "-id")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(completed_at__isnull=True) | ~models.Q(file=""),
                name="tracing_export_has_file",
            )
        ]
        indexes = [
            models.Index(fields=["workspace", "-created_at", "-id"], name="tracing_export_latest"),
            models.Index(fields=["expires_at"], name="tracing_export_expiry"),
        ]

    def __str__(self) -> str:
        return self.filename

    @property
    def filename(self) -> str:
        """Name offered to the browser."""
        return f"{self.list_name}-{self.created_at:%Y%m%d-%H%M%S}.{self.format}"

    @property
    def state(self) -> str:
        """`completed`, or the state of its job: `queued`, `running`, `failed`, `cancelled`."""
        if self.completed_at is not None:
            return "completed"
        return str(self.job.state) if self.job is not None else "failed"
