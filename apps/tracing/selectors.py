"""Reads of traces for pages and the API."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.utils import timezone

from apps.core.models import User, Workspace
from apps.tracing import payloads
from apps.tracing.explorer import keyset
from apps.tracing.ids import is_span_id, is_trace_id
from apps.tracing.models import Observation, Score, Trace
from apps.tracing.querysets import TraceQuerySet

DEFAULT_RANGE = timedelta(days=7)
PAGE_SIZE = 50
#: More observations than this are not drawn; the page says so.
MAX_OBSERVATIONS = 5_000
#: Characters of an input or output that a page loads at first.
FIRST_CHARS = 50_000


@dataclass(frozen=True, slots=True)
class TraceFilter:
    """What a list of traces is narrowed to. There is always a time range: by default the last seven days."""

    start: datetime | None = None
    end: datetime | None = None
    name: str = ""
    status: str = ""
    model: str = ""
    session_id: str = ""
    user_id: str = ""
    environment: str = ""
    source_type: str = ""
    source_id: str = ""
    tag: str = ""
    min_latency_ms: float | None = None
    text: str = ""

    def apply(self, traces: TraceQuerySet) -> TraceQuerySet:
        """`traces` within the range and with everything that is set."""
        now = timezone.now()
        end = self.end or now + timedelta(days=1)
        found = traces.between(self.start or min(end, now) - DEFAULT_RANGE, end)
        for field in ("session_id", "user_id", "environment", "source_type", "source_id"):
            if value := getattr(self, field):
                found = found.filter(**{field: value})
        if self.name:
            found = found.filter(name__icontains=self.name)
        if self.status == "failed_step":
            found = found.filter(error_count__gt=0)
        elif self.status:
            found = found.filter(status=self.status)
        if self.model:
            found = found.filter(model_names__contains=[self.model])
        if self.tag:
            found = found.filter(tags__contains=[self.tag])
        if self.min_latency_ms is not None:
            found = found.filter(latency_ms__gte=self.min_latency_ms)
        return found.with_text(self.text) if self.text else found


@dataclass(frozen=True, slots=True)
class TracePage:
    """One page of a list, and the cursors to the next newer and older page where there is one."""

    traces: list[Trace]
    newer: str
    older: str


def list_traces(
    *,
    user: User | AnonymousUser,
    workspace: Workspace,
    filters: TraceFilter,
    cursor: str = "",
    size: int = PAGE_SIZE,
) -> TracePage:
    """A page of the traces that `user` may see, newest first; a deep page costs no more than the first."""
    found = filters.apply(Trace.objects.in_workspace(workspace).visible_to(user))
    window = keyset.read(found, ties=("id",), cursor=cursor, size=size)
    return TracePage(traces=window.rows, newer=window.newer, older=window.older)


def find_trace(*, user: User | AnonymousUser, workspace: Workspace, trace_id: str) -> Trace | None:
    """The trace, when it exists in the workspace and `user` may see it."""
    if not is_trace_id(trace_id):
        return None
    return Trace.objects.in_workspace(workspace).visible_to(user).filter(trace_id=trace_id).first()


def list_observations(trace: Trace) -> list[Observation]:
    """What the tree shows of the first MAX_OBSERVATIONS observations of `trace`: no texts but the names."""
    shown = Observation.objects.of_trace(trace).defer(
        "metadata", "attributes", "input_preview", "output_preview", "tags", "usage"
    )
    return list(shown[:MAX_OBSERVATIONS])


def find_observation(trace: Trace, span_id: str) -> Observation | None:
    """One observation of `trace`."""
    if not is_span_id(span_id):
        return None
    return Observation.objects.of_trace(trace).filter(span_id=span_id).first()


@dataclass(frozen=True, slots=True)
class Payload:
    """Input and output of an observation, perhaps cut, and how many characters there are in all."""

    input: str
    output: str
    input_length: int
    output_length: int


def read_payload(observation: Observation, *, limit: int | None = None) -> Payload:
    """Input and output, each cut to `limit` characters where it is longer than its preview."""
    if not limit:
        taken, given = payloads.read_texts(observation)
        return Payload(taken, given, len(taken), len(given))
    first, last = payloads.read_beginnings(observation, limit=limit)
    return Payload(first.text, last.text, first.total, last.total)


def scores_of(
    workspace: Workspace, trace_ids: Sequence[str], *, steps: bool = False
) -> dict[str, list[Score]]:
    """Scores by trace id; with `steps` also those of single observations."""
    scores = Score.objects.in_workspace(workspace).of_traces(trace_ids)
    found: dict[str, list[Score]] = defaultdict(list)
    for score in scores if steps else scores.of_whole_traces():
        found[score.trace_id].append(score)
    return dict(found)


@dataclass(frozen=True, slots=True)
class SessionFigures:
    """Sums over the traces of a session."""

    count: int
    cost: Decimal
    input_tokens: int
    output_tokens: int
    start: datetime | None
    end: datetime | None


def session_figures(traces: TraceQuerySet) -> SessionFigures:
    """Sums over `traces`, in one query."""
    sums = traces.order_by().aggregate(
        count=models.Count("pk"),
        cost=models.Sum("cost", default=Decimal(0)),
        input_tokens=models.Sum("input_tokens", default=0),
        output_tokens=models.Sum("output_tokens", default=0),
        start=models.Min("start_time"),
        end=models.Max("end_time"),
    )
    return SessionFigures(**sums)
