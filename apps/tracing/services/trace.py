"""Writes on traces."""

from collections.abc import Sequence

from django.db import transaction

from apps.core import audit, permissions
from apps.core.actors import Actor
from apps.core.models import Workspace
from apps.tracing.models import (
    Comment,
    CountedTags,
    MediaUse,
    Observation,
    ObservationPayload,
    Score,
    SpanDraft,
    Trace,
)


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
    """Delete a trace with its observations, payloads, scores, comments and uses of media."""
    permissions.require(actor, "delete", trace)
    audit.record(actor=actor, action="tracing.trace.delete", obj=trace, before=audit.snapshot(trace))
    erase(trace.workspace, [trace])


def erase(workspace: Workspace, traces: Sequence[Trace]) -> int:
    """Delete traces of a workspace with all that they hold, in a few statements; returns how many.

    The caller has checked who may, writes the audit entry, and holds the transaction. Spans that arrive meanwhile are
    either part of what is deleted or of a new trace: their writer waits for the summary's lock, or this for theirs.
    """
    # anew: how far a trace reaches may have changed since, and decides in which days its steps are looked for
    found = Trace.objects.in_workspace(workspace).filter(pk__in=[trace.pk for trace in traces])
    traces = list(found.select_for_update().order_by("trace_id"))
    if not traces:
        return 0
    trace_ids = [trace.trace_id for trace in traces]
    for model in (Observation, ObservationPayload):
        model.objects.in_workspace(workspace).of_traces(traces)._raw_delete(model.objects.db)
    Score.objects.in_workspace(workspace).filter(trace_id__in=trace_ids).delete()
    Comment.objects.in_workspace(workspace).filter(trace_id__in=trace_ids).delete()
    SpanDraft.objects.in_workspace(workspace).filter(trace_id__in=trace_ids).delete()
    counted = CountedTags.objects.filter(workspace=workspace, trace_id__in=trace_ids)
    counted._raw_delete(counted.db)
    MediaUse.objects.filter(media__workspace=workspace, trace_id__in=trace_ids).delete()
    return Trace.objects.filter(pk__in=[trace.pk for trace in traces])._raw_delete(Trace.objects.db)
