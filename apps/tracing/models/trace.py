"""What lists and dashboards read: one row per trace, kept by the writer."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from apps.core.access import Access, Role
from apps.core.ids import uuid7
from apps.core.models import Workspace
from apps.tracing.models.fields import TraceIdField
from apps.tracing.querysets import TraceQuerySet


class TraceStatus(models.TextChoices):
    """How a trace ended: as its root span did, or with an error as long as no root is known."""

    OK = "ok", _("OK")
    ERROR = "error", _("Error")


class Trace(models.Model):
    """The sum of the observations that share a trace id.

    There is no constraint to the workspace in the database: spans of a workspace deleted a moment ago must
    not make a batch fail.
    """

    access: ClassVar[Access] = Access(change=Role.ANNOTATOR)

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(
        Workspace, models.CASCADE, related_name="+", db_constraint=False, db_index=False, editable=False
    )
    trace_id = TraceIdField(_("trace id"))
    name = models.TextField(_("name"))
    start_time = models.DateTimeField(_("start"))
    end_time = models.DateTimeField(_("end"))
    latency_ms = models.FloatField(_("latency (ms)"))
    status = models.CharField(_("status"), max_length=8, choices=TraceStatus.choices)
    has_root = models.BooleanField(_("complete"), default=False)
    # start of the span that gave name and previews: an earlier root takes over
    named_at = models.DateTimeField(editable=False)
    observation_count = models.IntegerField(_("observations"))
    error_count = models.IntegerField(_("errors"))
    input_tokens = models.BigIntegerField(_("input tokens"))
    output_tokens = models.BigIntegerField(_("output tokens"))
    cost = models.DecimalField(_("cost"), max_digits=20, decimal_places=10)
    model_names = ArrayField(models.TextField(), verbose_name=_("models"), default=list)
    session_id = models.TextField(_("session"), default="")
    user_id = models.TextField(_("user"), default="")
    environment = models.TextField(_("environment"), default="")
    release = models.TextField(_("release"), default="")
    version = models.TextField(_("version"), default="")
    source_type = models.TextField(_("source"), default="")
    source_id = models.TextField(_("source id"), default="")
    tags = ArrayField(models.TextField(), verbose_name=_("tags"), default=list)
    input_preview = models.TextField(_("input"), default="")
    output_preview = models.TextField(_("output"), default="")
    bookmarked = models.BooleanField(_("bookmarked"), default=False, db_default=False)
    updated_at = models.DateTimeField(_("changed"), db_default=Now())

    objects = TraceQuerySet.as_manager()

    class Meta:
        verbose_name = _("trace")
        verbose_name_plural = _("traces")
        constraints = [models.UniqueConstraint(fields=["workspace", "trace_id"], name="tracing_trace_once")]
        indexes = [
            models.Index(fields=["workspace", "-start_time", "-id"], name="tracing_trace_latest"),
            models.Index(
                fields=["workspace", "session_id", "start_time"],
                name="tracing_trace_session",
                condition=~models.Q(session_id=""),
            ),
            models.Index(
                fields=["workspace", "-start_time", "-id"],
                name="tracing_trace_in_session",
                condition=~models.Q(session_id=""),
            ),
            models.Index(
                fields=["workspace", "user_id", "-start_time"],
                name="tracing_trace_user",
                condition=~models.Q(user_id=""),
            ),
            models.Index(
                fields=["workspace", "-start_time"],
                name="tracing_trace_errors",
                condition=models.Q(error_count__gt=0),
            ),
            # what few traces are
            models.Index(
                fields=["workspace", "error_count"],
                name="tracing_trace_many_errors",
                condition=models.Q(error_count__gt=1),
            ),
            models.Index(
                fields=["workspace", "-start_time"],
                name="tracing_trace_bookmarked",
                condition=models.Q(bookmarked=True),
            ),
            models.Index(
                fields=["workspace", "-start_time"],
                name="tracing_trace_incomplete",
                condition=models.Q(has_root=False),
            ),
            models.Index(
                fields=["workspace", "source_type", "source_id"],
                name="tracing_trace_source",
                condition=~models.Q(source_type=""),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """The trace page."""
        return reverse("admin:tracing_trace", args=[self.trace_id])

    @property
    def total_tokens(self) -> int:
        """Input and output together."""
        return self.input_tokens + self.output_tokens
