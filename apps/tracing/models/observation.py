"""One step of a trace: wide, immutable, partitioned by day."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.access import Access
from apps.core.json import JSONField
from apps.core.models import Workspace
from apps.tracing.models.fields import SpanIdField, TraceIdField
from apps.tracing.querysets import ObservationQuerySet


class Observation(models.Model):
    """A span as stored; its table is made in SQL by the migrations. Always filter by `start_time` as well."""

    access: ClassVar[Access] = Access()

    pk = models.CompositePrimaryKey("workspace_id", "trace_id", "span_id", "start_time")
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+", db_constraint=False)
    trace_id = TraceIdField(_("trace id"))
    span_id = SpanIdField(_("span id"))
    parent_id = SpanIdField(_("parent"), null=True)
    start_time = models.DateTimeField(_("start"))
    end_time = models.DateTimeField(_("end"))
    type = models.TextField(_("type"))
    name = models.TextField(_("name"))
    status = models.TextField(_("status"))
    status_message = models.TextField(_("status message"))
    level = models.TextField(_("level"))
    model = models.TextField(_("model"))
    provider = models.TextField(_("provider"))
    input_tokens = models.IntegerField(_("input tokens"), null=True)
    output_tokens = models.IntegerField(_("output tokens"), null=True)
    usage = JSONField(_("usage"), null=True)
    cost = models.DecimalField(_("cost"), max_digits=20, decimal_places=10, null=True)
    ttft_ms = models.FloatField(_("time to first token (ms)"), null=True)
    session_id = models.TextField(_("session"))
    user_id = models.TextField(_("user"))
    environment = models.TextField(_("environment"))
    release = models.TextField(_("release"))
    version = models.TextField(_("version"))
    source_type = models.TextField(_("source"))
    source_id = models.TextField(_("source id"))
    prompt_name = models.TextField(_("prompt"))
    prompt_version = models.TextField(_("prompt version"))
    tags = ArrayField(models.TextField(), verbose_name=_("tags"))
    metadata = JSONField(_("metadata"), null=True)
    attributes = JSONField(_("attributes"), null=True)
    input_preview = models.TextField(_("input"))
    output_preview = models.TextField(_("output"))
    received_at = models.DateTimeField(_("received"))

    objects = ObservationQuerySet.as_manager()

    class Meta:
        managed = False
        db_table = "tracing_observation"
        verbose_name = _("observation")
        verbose_name_plural = _("observations")

    def __str__(self) -> str:
        return self.name

    @property
    def previews(self) -> tuple[str, str]:
        """The beginnings of input and output; all of them where no payload is stored."""
        return self.input_preview, self.output_preview

    @property
    def latency_ms(self) -> float:
        """Duration in milliseconds."""
        return (self.end_time - self.start_time).total_seconds() * 1000
