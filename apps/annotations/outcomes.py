"""What came out of runs over datasets: outputs and figures from the traces, judgements from the scores."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.db import connection

from apps.annotations.models import DatasetItem, DatasetRun, DatasetRunItem
from apps.tracing.models import Observation, ObservationPayload, Score, ScoreDataType, Trace

#: Characters of an output that tables show.
SHOWN: Final = 2_000
#: Items of a comparison on one page.
PAGE: Final = 50
_COUNTED: Final = (ScoreDataType.NUMERIC, ScoreDataType.BOOLEAN)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One item of a run. `latency_ms` and `cost` are None as long as nothing of the trace is stored."""

    run_item: DatasetRunItem
    output: str = ""
    failed: bool = False
    latency_ms: float | None = None
    cost: Decimal | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    environment: str = ""
    scores: tuple[Score, ...] = ()


@dataclass(slots=True)
class Summary:
    """A run in figures: means over its items, and what was said of the run as a whole."""

    item_count: int = 0
    failed_count: int = 0
    latency_ms: float | None = None
    cost: Decimal = Decimal(0)
    means: dict[str, float] = field(default_factory=dict)
    scores: list[Score] = field(default_factory=list)


def outcomes_of(items: Sequence[DatasetRunItem]) -> list[Outcome]:
    """What came out of these items of one workspace; four queries, however many there are."""
    if not items:
        return []
    workspace_id = items[0].workspace_id
    trace_ids = [item.trace_id for item in items]
    traces = {
        trace.trace_id: trace
        for trace in Trace.objects.filter(workspace_id=workspace_id, trace_id__in=trace_ids)
    }
    steps = _steps(items, list(traces.values()))
    outputs = _outputs(list(steps.values()))
    scores: dict[str, list[Score]] = defaultdict(list)
    for score in Score.objects.filter(workspace_id=workspace_id, trace_id__in=trace_ids).order_by(
        "name", "id"
    ):
        scores[score.trace_id].append(score)
    return [
        _outcome(item, traces.get(item.trace_id), steps.get(item.pk), outputs, scores[item.trace_id])
        for item in items
    ]


def _outcome(
    item: DatasetRunItem,
    trace: Trace | None,
    step: Observation | None,
    outputs: dict[tuple[str, str], str],
    scores: list[Score],
) -> Outcome:
    if trace is None:
        return Outcome(item, scores=tuple(scores))
    output = trace.output_preview
    if step is not None:
        output = outputs.get((step.trace_id, step.span_id), step.output_preview)
    return Outcome(
        run_item=item,
        output=output,
        failed=(step.status if step is not None else trace.status) == "error",
        latency_ms=step.latency_ms if step is not None else trace.latency_ms,
        cost=trace.cost,
        start_time=(step or trace).start_time,
        end_time=(step or trace).end_time,
        environment=(step or trace).environment,
        scores=tuple(scores),
    )


def _steps(items: Sequence[DatasetRunItem], traces: Sequence[Trace]) -> dict[UUID, Observation]:
    """By item: the step whose output counts, else the root of its trace."""
    if not traces:
        return {}
    found = Observation.objects.of_traces(traces)
    wanted = [item.observation_id for item in items if item.observation_id]
    by_id = {
        (step.trace_id, step.span_id): step for step in found.filter(span_id__in=wanted).defer("attributes")
    }
    roots: dict[str, Observation] = {}
    if any(item.observation_id is None for item in items):
        for root in found.filter(parent_id__isnull=True).defer("attributes").order_by("start_time"):
            roots.setdefault(root.trace_id, root)
    steps = {}
    for item in items:
        step = by_id.get((item.trace_id, item.observation_id or "")) or roots.get(item.trace_id)
        if step is not None:
            steps[item.pk] = step
    return steps


def _outputs(steps: Sequence[Observation]) -> dict[tuple[str, str], str]:
    """The beginning of the outputs that are longer than their previews."""
    payloads = ObservationPayload.objects.of_steps(steps).values_list("trace_id", "span_id", "texts")
    return {(trace_id, span_id): texts[1][:SHOWN] for trace_id, span_id, texts in payloads if texts[1]}


_FIGURES: Final = """
SELECT i.run_id, count(*), count(*) FILTER (WHERE t.status = 'error'), avg(t.latency_ms), coalesce(sum(t.cost), 0)
FROM annotations_datasetrunitem i
LEFT JOIN tracing_trace t ON t.workspace_id = i.workspace_id AND t.trace_id = i.trace_id
WHERE i.run_id = ANY (%s)
GROUP BY i.run_id
"""

_MEANS: Final = """
SELECT i.run_id, s.name, avg(s.value)
FROM annotations_datasetrunitem i
JOIN tracing_score s ON s.workspace_id = i.workspace_id AND s.trace_id = replace(i.trace_id::text, '-', '')
WHERE i.run_id = ANY (%s) AND s.data_type = ANY (%s)
GROUP BY i.run_id, s.name
ORDER BY i.run_id, s.name
"""


def summaries_of(runs: Sequence[DatasetRun]) -> dict[UUID, Summary]:
    """Runs of one workspace in figures; three queries, however many there are."""
    found = {run.pk: Summary() for run in runs}
    if not found:
        return found
    with connection.cursor() as cursor:
        cursor.execute(_FIGURES, [list(found)])
        for run_id, *figures in cursor.fetchall():
            summary = found[run_id]
            summary.item_count, summary.failed_count, summary.latency_ms, summary.cost = figures
        cursor.execute(_MEANS, [list(found), list(_COUNTED)])
        for run_id, name, mean in cursor.fetchall():
            found[run_id].means[name] = mean
    by_code = {run.code: found[run.pk] for run in runs}
    of_runs = Score.objects.filter(workspace_id=runs[0].workspace_id, dataset_run_id__in=list(by_code))
    for score in of_runs.order_by("name", "id"):
        by_code[score.dataset_run_id].scores.append(score)
    return found


@dataclass(frozen=True, slots=True)
class Compared:
    """An item of a dataset and what came out of it in each run; None where a run has not tried it."""

    item: DatasetItem | None
    outcomes: tuple[Outcome | None, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A page of items beside each other; `next_after` leads on, "" at the end."""

    rows: list[Compared]
    next_after: str


def compare_runs(runs: Sequence[DatasetRun], *, after: UUID | None = None) -> Comparison:
    """Items that any of the runs has tried, in the order they were added."""
    tried = DatasetRunItem.objects.filter(run__in=runs)
    keys = tried.filter(key__gt=after) if after is not None else tried
    page = list(keys.order_by("key").values_list("key", flat=True).distinct()[: PAGE + 1])
    shown = page[:PAGE]
    items = list(tried.filter(key__in=shown).select_related("item").order_by("key", "id"))
    # an item tried again in the same run: the last try counts
    by_place = {(outcome.run_item.key, outcome.run_item.run_id): outcome for outcome in outcomes_of(items)}
    forms = {item.key: item.item for item in items if item.item is not None}
    rows = [Compared(forms.get(key), tuple(by_place.get((key, run.pk)) for run in runs)) for key in shown]
    return Comparison(rows, str(shown[-1]) if len(page) > PAGE else "")
