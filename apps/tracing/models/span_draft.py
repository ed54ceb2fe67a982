"""Steps that arrive in pieces."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.access import Access
from apps.core.models import WorkspaceModel
from apps.tracing.models.fields import SpanIdField, TraceIdField
from apps.tracing.querysets import SpanDraftQuerySet


class SpanDraft(WorkspaceModel):
    """What is known of a span that clients describe by several messages; see `services.span_draft`.

    An observation is immutable, so the pieces are put together here and the observation is written anew when one
    arrives. `stored_start` is the start time of the observation as it stands in the table; `due_at` says when what has
    arrived is to be written, and is null when all of it is.
    """

    access: ClassVar[Access] = Access()

    trace_id = TraceIdField(_("trace id"))
    span_id = SpanIdField(_("span id"))
    #: The span as JSON text, masked already.
    body = models.TextField(_("span"))
    stored_start = models.DateTimeField(_("start as stored"), null=True)
    due_at = models.DateTimeField(_("to be stored"), null=True)

    objects = SpanDraftQuerySet.as_manager()

    class Meta:
        verbose_name = _("span in pieces")
        verbose_name_plural = _("spans in pieces")
        constraints = [
            models.UniqueConstraint(fields=["workspace", "trace_id", "span_id"], name="tracing_draft_once")
        ]
        indexes = [
            models.Index(fields=["updated_at"], name="tracing_draft_age"),
            models.Index(
                fields=["due_at"], name="tracing_draft_due", condition=models.Q(due_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return str(self.span_id)
