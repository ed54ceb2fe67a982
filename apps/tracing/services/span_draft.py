"""Spans that arrive in pieces: "started", "named", "ended" as messages of their own, as older clients send them.

The pieces of a span are put together in a draft, which is stored before the client is answered. As soon as the span
is whole its observation is written, by the path of all spans; a piece that comes later has it written anew. A trace
that clients speak of as of a thing of its own becomes the root of its steps.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson
from django.db import transaction
from django.utils import timezone

from apps.tracing import stored
from apps.tracing.ingest import prepare
from apps.tracing.mapping import ObservationRow, SpanRecord
from apps.tracing.masking import masked, masks_of
from apps.tracing.models import SpanDraft, TagChange
from apps.tracing.writer.rewrite import SpanRewriter

logger = logging.getLogger(__name__)

#: A root is written when nothing has come of its trace for so long, or when it has said its output.
ROOT_QUIET: Final = timedelta(seconds=10)
#: A step that nobody has ended is written as it is after this time.
OPEN_QUIET: Final = timedelta(minutes=10)
#: Drafts are kept for later pieces so long.
KEPT: Final = timedelta(days=7)
_AT_ONCE: Final = 500

#: What a root says that holds for the whole trace, and so for its steps: they may be seen before it.
OF_TRACE: Final = (
    "langfuse.trace.name", "langfuse.user.id", "langfuse.session.id", "langfuse.trace.tags", "langfuse.release",
)  # fmt: skip
_OUTPUT: Final = "langfuse.observation.output"
#: Attributes whose objects are merged rather than replaced.
_MERGED: Final = frozenset({"langfuse.observation.metadata"})


@dataclass(frozen=True, slots=True)
class Piece:
    """What one message says of a span; None says nothing. `root_of` is the trace it stands for, for a root."""

    trace_id: str
    span_id: str
    root_id: str
    parent_id: str | None = None
    name: str | None = None
    start_ns: int | None = None
    end_ns: int | None = None
    #: When the message was made: the start of a span that nobody told the start of.
    said_ns: int = 0
    whole: bool = False
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_root(self) -> bool:
        """Whether it speaks of the trace itself."""
        return self.span_id == self.root_id


Body = dict[str, Any]


def add_pieces(*, workspace_id: UUID, pieces: Sequence[Piece]) -> list[str]:
    """Keep pieces, and write the spans that are whole by them; returns a sentence for each that can't be stored.

    When this returns everything is stored. The same pieces again change nothing. Raises psycopg.Error when the
    database takes no spans now.
    """
    by_trace: dict[str, list[Piece]] = {}
    for piece in pieces:
        by_trace.setdefault(piece.trace_id, []).append(_hidden(piece, workspace_id))
    due: list[UUID] = []
    # in one order, so that two requests of the same traces wait for each other instead of deadlocking
    for trace_id in sorted(by_trace):
        due += _keep(workspace_id, trace_id, by_trace[trace_id])
    return write_drafts(due)


def _hidden(piece: Piece, workspace_id: UUID) -> Piece:
    """The piece without what masking rules take out: not even a draft may hold it."""
    masks = masks_of(workspace_id)
    if not masks:
        return piece
    record = masked(SpanRecord("", "", "", piece.name or "", 0, 0, attributes=piece.attributes), masks)
    return Piece(
        piece.trace_id, piece.span_id, piece.root_id, piece.parent_id,
        None if piece.name is None else record.name,
        piece.start_ns, piece.end_ns, piece.said_ns, piece.whole, record.attributes,
    )  # fmt: skip


@transaction.atomic
def _keep(workspace_id: UUID, trace_id: str, pieces: Sequence[Piece]) -> list[UUID]:
    """Merge pieces of one trace into their drafts; returns those to be written now."""
    now = timezone.now()
    root_id = pieces[0].root_id
    # the root first: its row is the lock of the trace
    root = _locked(workspace_id, trace_id, [root_id]).get(root_id)
    if root is None:
        root, _made = SpanDraft.objects.get_or_create(
            workspace_id=workspace_id, trace_id=trace_id, span_id=root_id, defaults={"body": "{}"}
        )
        root = _locked(workspace_id, trace_id, [root_id])[root_id]
    others = sorted({piece.span_id for piece in pieces} - {root_id})
    drafts = _locked(workspace_id, trace_id, others)
    bodies = {root_id: _load(root)} | {span_id: _load(draft) for span_id, draft in drafts.items()}
    before = {span_id: orjson.dumps(body) for span_id, body in bodies.items()}
    for piece in pieces:
        _merge(bodies.setdefault(piece.span_id, {}), piece)
    _stretch(bodies[root_id], [bodies[span_id] for span_id in others])
    due = []
    for span_id in (*others, root_id):
        text = orjson.dumps(bodies[span_id])
        draft = root if span_id == root_id else drafts.get(span_id)
        if draft is None:
            draft = SpanDraft(workspace_id=workspace_id, trace_id=trace_id, span_id=span_id)
        elif text == before.get(span_id) and draft.due_at is None and draft.stored_start is not None:
            continue
        draft.body = text.decode()
        draft.due_at = now + _patience(bodies[span_id], is_root=span_id == root_id)
        draft.save()
        if draft.due_at <= now:
            due.append(draft.pk)
    return due


def _locked(workspace_id: UUID, trace_id: str, span_ids: Iterable[str]) -> dict[str, SpanDraft]:
    drafts = SpanDraft.objects.select_for_update().filter(
        workspace_id=workspace_id, trace_id=trace_id, span_id__in=list(span_ids)
    )
    return {draft.span_id: draft for draft in drafts.order_by("span_id")}


def _load(draft: SpanDraft) -> Body:
    body: Body = orjson.loads(draft.body)
    return body


def _merge(body: Body, piece: Piece) -> None:
    """What a piece says over what was said before."""
    for name in ("parent_id", "name", "start_ns", "end_ns"):
        value = getattr(piece, name)
        if value is not None:
            body[name] = value
    body["root_id"] = piece.root_id
    body["whole"] = bool(body.get("whole")) or piece.whole
    body["said_ns"] = min(body.get("said_ns") or piece.said_ns, piece.said_ns)
    attributes = body.setdefault("attributes", {})
    for key, value in piece.attributes.items():
        known = attributes.get(key)
        merges = key in _MERGED and isinstance(known, dict) and isinstance(value, Mapping)
        attributes[key] = {**known, **value} if merges else value


def _stretch(root: Body, steps: Sequence[Body]) -> None:
    """A root lasts from its first step to the end of its last."""
    starts = [start for body in (root, *steps) if (start := _start(body))]
    ends = [body["end_ns"] for body in (root, *steps) if body.get("end_ns")]
    root["start_ns"] = min(starts)
    root["end_ns"] = max([*ends, root["start_ns"]])
    names = [body["name"] for body in steps if body.get("name")]
    if names and not root.get("named_after"):
        root["named_after"] = names[0]


def _start(body: Body) -> int:
    return int(body.get("start_ns") or body.get("said_ns") or 0)


def _patience(body: Body, *, is_root: bool) -> timedelta:
    """How long to wait for more before the span is written."""
    if is_root:
        return timedelta(0) if _OUTPUT in body.get("attributes", {}) else ROOT_QUIET
    return timedelta(0) if body.get("whole") or body.get("end_ns") else OPEN_QUIET


def write_due() -> int:
    """Write the drafts whose time has come; returns how many."""
    written = 0
    while True:
        due = SpanDraft.objects.filter(due_at__lte=timezone.now()).order_by("due_at")
        found = list(due.values_list("pk", flat=True)[:_AT_ONCE])
        write_drafts(found)
        written += len(found)
        if len(found) < _AT_ONCE:
            return written


@transaction.atomic
def write_drafts(pks: Sequence[UUID]) -> list[str]:
    """Write the observations of drafts, in place of those written before; returns a sentence for each refused."""
    if not pks:
        return []
    drafts = list(
        SpanDraft.objects.select_for_update().filter(pk__in=pks, due_at__isnull=False).order_by("id")
    )
    bodies = {draft.pk: _load(draft) for draft in drafts}
    roots = _roots_of(drafts, bodies)
    rejected: list[str] = []
    rows: dict[UUID, ObservationRow] = {}
    for draft in drafts:
        body = bodies[draft.pk]
        root = roots.get((draft.workspace_id, draft.trace_id, body.get("root_id") or draft.span_id))
        for row in prepare([_record(draft, body, root)], draft.workspace_id, rejected):
            rows[draft.pk] = row
    old = {
        id(rows[draft.pk]): draft.stored_start for draft in drafts if draft.pk in rows and draft.stored_start
    }
    with SpanRewriter() as writer:
        result = writer.rewrite(rows.values(), old)
    refused = {id(row) for row, _reason in result.rejected}
    rejected += [f"Span {row.name[:80]!r}: {reason.splitlines()[0]}" for row, reason in result.rejected]
    stored.tell([row for row in rows.values() if id(row) not in refused])
    # steps are added up when they are first received; tags that a new form brings have to be told
    TagChange.objects.bulk_create(
        TagChange(workspace_id=draft.workspace_id, trace_id=draft.trace_id)
        for draft in drafts
        if draft.stored_start and draft.pk in rows and rows[draft.pk].tags
    )
    for draft in drafts:
        written = rows.get(draft.pk)
        if written is not None and id(written) not in refused:
            draft.stored_start = written.start_time
        # what can't be stored can't be stored later either
        draft.due_at = None
    SpanDraft.objects.bulk_update(drafts, ["stored_start", "due_at"])
    for sentence in rejected:
        logger.warning("A span in pieces can't be stored: %s", sentence)
    return rejected


Key = tuple[UUID, str, str]


def _roots_of(drafts: Sequence[SpanDraft], bodies: Mapping[UUID, Body]) -> dict[Key, Body]:
    """The roots of the drafts' traces, by workspace, trace and span."""
    wanted = {str(bodies[draft.pk].get("root_id") or draft.span_id) for draft in drafts}
    found = SpanDraft.objects.filter(
        workspace_id__in={draft.workspace_id for draft in drafts},
        trace_id__in={draft.trace_id for draft in drafts},
        span_id__in=wanted,
    )
    return {(draft.workspace_id, draft.trace_id, draft.span_id): _load(draft) for draft in found}


def _record(draft: SpanDraft, body: Body, root: Body | None) -> SpanRecord:
    """The span as all doors hand it on."""
    attributes = dict(body.get("attributes", {}))
    is_root = body.get("root_id") in (None, draft.span_id)
    if not is_root and root is not None:
        known = root.get("attributes", {})
        attributes = {key: known[key] for key in OF_TRACE if key in known} | attributes
    start = _start(body)
    return SpanRecord(
        trace_id=draft.trace_id,
        span_id=draft.span_id,
        parent_id="" if is_root else str(body.get("parent_id") or body["root_id"]),
        name=str(body.get("name") or body.get("named_after") or ("trace" if is_root else "span")),
        start_ns=start,
        end_ns=max(int(body.get("end_ns") or start), start),
        attributes=attributes,
    )


def drop_old_drafts() -> int:
    """Forget drafts that nothing has come for in a week; returns how many."""
    old = SpanDraft.objects.filter(updated_at__lt=timezone.now() - KEPT, due_at=None)
    return int(old._raw_delete(old.db))


def nanoseconds(moment: datetime) -> int:
    """A point of time as spans tell it, exact to the microsecond."""
    elapsed = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (elapsed.days * 86_400 + elapsed.seconds) * 10**9 + elapsed.microseconds * 1_000
