"""Writes on traces."""

from django.db import transaction

from apps.core import audit, permissions
from apps.core.actors import Actor
from apps.tracing.models import Observation, ObservationPayload, Score, Trace


@transaction.atomic
def set_bookmark(*, actor: Actor, trace: Trace, bookmarked: bool) -> Trace:
    """Mark a trace to find it again, or take the mark away."""
    permissions.require(actor, "change", trace)
    before = audit.snapshot(trace, ["bookmarked"])
    trace.bookmarked = bookmarked
    trace.save(update_fields=["bookmarked"])
    after = audit.snapshot(trace, ["bookmarked"])
    audit.record(actor=actor, action="tracing.trace.bookmark", obj=trace, before=before, after=after)
    return trace


@transaction.atomic
def delete_trace(*, actor: Actor, trace: Trace) -> None:
    """Delete a trace with its observations, payloads and scores."""
    permissions.require(actor, "delete", trace)
    audit.record(actor=actor, action="tracing.trace.delete", obj=trace, before=audit.snapshot(trace))
    Observation.objects.of_trace(trace)._raw_delete(trace._state.db)
    ObservationPayload.objects.of_trace(trace)._raw_delete(trace._state.db)
    Score.objects.in_workspace(trace.workspace).filter(trace_id=trace.trace_id).delete()
    trace.delete()
