"""Writes on traces."""

from collections.abc import Sequence
from typing import Final

from django.db import connection, transaction
from django.utils.translation import gettext as _

from apps.core import audit, permissions
from apps.core.actors import Actor
from apps.tracing.exceptions import InvalidTag
from apps.tracing.models import Comment, MediaUse, Observation, ObservationPayload, Score, SpanDraft, Trace

MAX_TAG: Final = 100

_ADD_TAG = """
UPDATE tracing_trace SET tags = ARRAY(SELECT DISTINCT unnest(tags || %s::text) ORDER BY 1), updated_at = now()
WHERE id = ANY (%s) AND NOT tags @> ARRAY[%s]
"""


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
    """Delete a trace with its observations, payloads, scores and comments."""
    permissions.require(actor, "delete", trace)
    audit.record(actor=actor, action="tracing.trace.delete", obj=trace, before=audit.snapshot(trace))
    Observation.objects.of_trace(trace)._raw_delete(trace._state.db)
    ObservationPayload.objects.of_trace(trace)._raw_delete(trace._state.db)
    Score.objects.in_workspace(trace.workspace).filter(trace_id=trace.trace_id).delete()
    Comment.objects.in_workspace(trace.workspace).filter(trace_id=trace.trace_id).delete()
    SpanDraft.objects.in_workspace(trace.workspace).filter(trace_id=trace.trace_id).delete()
    MediaUse.objects.filter(media__workspace=trace.workspace, trace_id=trace.trace_id).delete()
    trace.delete()


@transaction.atomic
def add_tag(*, actor: Actor, traces: Sequence[Trace], tag: str) -> int:
    """Tag traces; returns how many did not carry the tag before. Raises InvalidTag."""
    tag = tag.replace("\0", "").strip()
    if not tag or len(tag) > MAX_TAG:
        raise InvalidTag(_("A tag has 1 to %(limit)d characters.") % {"limit": MAX_TAG})
    for trace in traces:
        permissions.require(actor, "change", trace)
    # in the row itself: the writer may be adding tags of its own
    with connection.cursor() as cursor:
        cursor.execute(_ADD_TAG, [tag, sorted(trace.pk for trace in traces), tag])
        changed = cursor.rowcount
    for trace in traces:
        audit.record(actor=actor, action="tracing.trace.tag", obj=trace, after={"tag": tag})
    return int(changed)
