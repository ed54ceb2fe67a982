"""Sessions: which there were, and one of them turn by turn."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models.functions import RowNumber

from apps.core.models import User, Workspace
from apps.tracing.exceptions import InvalidCursor
from apps.tracing.explorer import keyset
from apps.tracing.explorer.bounded import LIST_TIMEOUT_S, at_most
from apps.tracing.ids import is_trace_id
from apps.tracing.models import Comment, Observation, Score, Trace
from apps.tracing.querysets import TraceQuerySet

PAGE_SIZE: Final = 50
#: Turns of a page of a session.
PAGE_TURNS: Final = 30
#: Steps of a turn that are listed; the trace page has all.
MAX_STEPS: Final = 20
#: What a person would call a step between question and answer.
STEP_TYPES: Final = ("tool", "retriever", "reranker", "agent", "guardrail", "evaluator")


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session in a list. `last` is its newest trace."""

    last: Trace
    traces: int
    errors: int
    tokens: int
    cost: Decimal
    start: datetime
    end: datetime
    scores: tuple[Score, ...]

    @property
    def session_id(self) -> str:
        """The session's id."""
        return self.last.session_id


@dataclass(frozen=True, slots=True)
class SessionList:
    """A page of sessions with the cursors of its neighbours."""

    rows: list[SessionRow]
    newer: str = ""
    older: str = ""


def list_sessions(
    *,
    user: User | AnonymousUser,
    workspace: Workspace,
    start: datetime,
    end: datetime | None = None,
    text: str = "",
    user_id: str = "",
    cursor: str = "",
    size: int = PAGE_SIZE,
) -> SessionList:
    """Sessions whose newest trace began in a range, newest first. Three queries.

    Walked from the newest trace backwards, taking only those that are the last of their session: a page costs what its
    traces cost, however many sessions there are. Raises InvalidCursor and SearchTooSlow.
    """
    found = Trace.objects.in_workspace(workspace).visible_to(user)
    found = found.exclude(session_id="").filter(start_time__gte=start)
    if end is not None:
        found = found.filter(start_time__lt=end)
    if text:
        found = found.filter(session_id__icontains=text)
    later = _later()
    if user_id:  # sessions in which the user took part, told by their own last trace
        found, later = found.filter(user_id=user_id), later.filter(user_id=user_id)
    found = found.filter(~models.Exists(later))
    with at_most(LIST_TIMEOUT_S):
        window = keyset.read(found, ties=("id",), cursor=cursor, size=size)
        ids = [trace.session_id for trace in window.rows]
        sums = _sums(workspace, ids)
    scores = _session_scores(workspace, ids)
    rows = [
        SessionRow(last=trace, **sums[trace.session_id], scores=tuple(scores.get(trace.session_id, ())))
        for trace in window.rows
        if trace.session_id in sums
    ]
    return SessionList(rows, window.newer, window.older)


def _later() -> models.QuerySet[Trace]:
    """Later traces of the same session, through the index of sessions."""
    outer = models.OuterRef
    later = models.Q(start_time__gt=outer("start_time")) | models.Q(id__gt=outer("id"))
    return (
        Trace.objects.filter(
            workspace_id=outer("workspace_id"),
            session_id=outer("session_id"),
            start_time__gte=outer("start_time"),
        )
        .exclude(session_id="")
        .filter(later)
    )


def _sums(workspace: Workspace, session_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    found = Trace.objects.in_workspace(workspace).exclude(session_id="").filter(session_id__in=session_ids)
    rows = found.values("session_id").annotate(
        traces=models.Count("pk"),
        errors=models.Count("pk", filter=models.Q(status="error")),
        tokens=models.Sum("input_tokens") + models.Sum("output_tokens"),
        cost=models.Sum("cost"),
        start=models.Min("start_time"),
        end=models.Max("end_time"),
    )
    names = ("traces", "errors", "tokens", "cost", "start", "end")
    found_sums: dict[str, dict[str, Any]] = {}
    for session_id, *values in rows.values_list("session_id", *names):
        found_sums[session_id] = dict(zip(names, values, strict=True))
    return found_sums


def _session_scores(workspace: Workspace, session_ids: Sequence[str]) -> dict[str, list[Score]]:
    found: dict[str, list[Score]] = {}
    scores = Score.objects.in_workspace(workspace).exclude(session_id="").filter(session_id__in=session_ids)
    for score in scores.filter(trace_id="").order_by("created_at"):
        found.setdefault(score.session_id, []).append(score)
    return found


@dataclass(frozen=True, slots=True)
class Turn:
    """One trace of a session: what was asked and answered, and what happened in between."""

    trace: Trace
    #: The step that gave the trace its input and output, if it is there already.
    root: Observation | None
    steps: list[Observation] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)
    comments: int = 0


@dataclass(frozen=True, slots=True)
class Conversation:
    """Some turns of a session, oldest first, and the cursors of the pages before and after."""

    turns: list[Turn]
    earlier: str = ""
    later: str = ""


def read_conversation(
    traces: TraceQuerySet, *, workspace: Workspace, cursor: str = "", size: int = PAGE_TURNS
) -> Conversation:
    """A page of `traces` (those of one session that the person may see). Four queries. Raises InvalidCursor.

    A cursor is the id of the trace that the page begins after, or ends before with a "-" in front.
    """
    before = cursor.startswith("-")
    page = traces.order_by("-start_time", "-id") if before else traces.order_by("start_time", "id")
    if cursor:
        page = page.filter(_beyond(traces, cursor.removeprefix("-"), before=before))
    found = list(page[: size + 1])
    more, found = len(found) > size, found[:size]
    if before:
        found.reverse()
    if not found:
        return Conversation([])
    earlier = f"-{found[0].trace_id}" if (more if before else cursor) else ""
    later = found[-1].trace_id if (before or more) else ""
    return Conversation(_turns(workspace, found), earlier, later)


def _beyond(traces: TraceQuerySet, trace_id: str, *, before: bool) -> models.Q:
    place = traces.filter(trace_id=trace_id).first() if is_trace_id(trace_id) else None
    if place is None:
        raise InvalidCursor
    suffix = "lt" if before else "gt"
    same = models.Q(start_time=place.start_time, **{f"id__{suffix}": place.pk})
    return models.Q(**{f"start_time__{suffix}": place.start_time}) | same


def _turns(workspace: Workspace, traces: Sequence[Trace]) -> list[Turn]:
    ids = [trace.trace_id for trace in traces]
    roots, steps = _steps(workspace, traces)
    scores: dict[str, list[Score]] = {}
    for score in Score.objects.in_workspace(workspace).of_traces(ids).of_whole_traces():
        scores.setdefault(score.trace_id, []).append(score)
    comments = _comment_counts(workspace, ids)
    return [
        Turn(
            trace,
            roots.get(trace.trace_id),
            steps.get(trace.trace_id, []),
            scores.get(trace.trace_id, []),
            comments.get(trace.trace_id, 0),
        )
        for trace in traces
    ]


def _comment_counts(workspace: Workspace, trace_ids: Sequence[str]) -> Mapping[str, int]:
    found = Comment.objects.in_workspace(workspace).filter(trace_id__in=trace_ids)
    return Counter(found.values_list("trace_id", flat=True))


def _steps(
    workspace: Workspace, traces: Sequence[Trace]
) -> tuple[dict[str, Observation], dict[str, list[Observation]]]:
    """The root and the first few telling steps of each trace, in one query over the partitions of their time."""
    is_root = models.Q(parent_id=None)
    number = models.Window(
        RowNumber(),
        partition_by=["trace_id", models.Case(models.When(is_root, then=1), default=0)],
        order_by="start_time",
    )
    found = (
        Observation.objects.in_workspace(workspace)
        .of_traces(traces)
        .filter(is_root | models.Q(type__in=STEP_TYPES))
        .annotate(number=number)
        .filter(number__lte=MAX_STEPS)
        .only("trace_id", "span_id", "parent_id", "start_time", "end_time", "type", "name", "status")
        .order_by("start_time", "span_id")
    )
    roots: dict[str, Observation] = {}
    steps: dict[str, list[Observation]] = {}
    for observation in found:
        trace_id = str(observation.trace_id)
        if observation.parent_id is None and trace_id not in roots:
            roots[trace_id] = observation
        elif observation.type in STEP_TYPES:
            steps.setdefault(trace_id, []).append(observation)
    return roots, steps
