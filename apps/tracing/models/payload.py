"""Input and output of an observation where its 200-character preview isn't all of it."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.access import Access
from apps.core.models import Workspace
from apps.tracing.models.fields import SpanIdField, TraceIdField
from apps.tracing.models.packed import PackedTextsField
from apps.tracing.querysets import ObservationPayloadQuerySet


class ObservationPayload(models.Model):
    """A missing row or text means that the observation's preview is the whole value.

    Read it through `payloads` and `selectors.read_payload`, which put the two together.
    """

    access: ClassVar[Access] = Access()

    pk = models.CompositePrimaryKey("workspace_id", "trace_id", "span_id", "start_time")
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+", db_constraint=False)
    trace_id = TraceIdField(_("trace id"))
    span_id = SpanIdField(_("span id"))
    start_time = models.DateTimeField(_("start"))
    texts = PackedTextsField(_("input and output"))

    objects = ObservationPayloadQuerySet.as_manager()

    class Meta:
        managed = False
        db_table = "tracing_observationpayload"
        verbose_name = _("observation payload")
        verbose_name_plural = _("observation payloads")

    def __str__(self) -> str:
        return str(self.span_id)

    @property
    def input(self) -> str | None:
        """What went in."""
        text: str | None = self.texts[0]
        return text

    @property
    def output(self) -> str | None:
        """What came out."""
        text: str | None = self.texts[1]
        return text
