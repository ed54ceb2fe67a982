"""What steps were given and what they gave, for whoever makes examples or tasks of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db import models

from apps.core.models import Workspace
from apps.tracing.downloads.payloads import Key, Row, read_payloads
from apps.tracing.explorer import OBSERVATIONS
from apps.tracing.models import Observation, Trace
from apps.tracing.selection import Selected


@dataclass(frozen=True, slots=True)
class Exchange:
    """The whole input and output of a step.

    `observation_id` is "" where the trace itself is meant: then `step` is the one that gave the trace its name.
    """

    trace: Trace
    observation_id: str
    step: Observation
    input: str
    output: str


def read_exchanges(workspace: Workspace, rows: Sequence[Selected]) -> Iterator[Exchange]:
    """Inputs and outputs of traces and steps, a few megabytes at a time; what is no longer stored is passed over.

    The caller has checked who may see them.
    """
    found = _steps(workspace, rows)
    known = [(row, step) for row in rows if (step := found.get((row.trace.trace_id, row.observation_id)))]
    keys: dict[Key, list[tuple[Selected, Observation]]] = {}
    for row, step in known:
        keys.setdefault((str(step.trace_id), str(step.span_id), step.start_time), []).append((row, step))
    values: list[Row] = [
        {
            "trace_id": trace_id,
            "span_id": span_id,
            "start_time": start,
            "input_preview": entries[0][1].input_preview,
            "output_preview": entries[0][1].output_preview,
        }
        for (trace_id, span_id, start), entries in keys.items()
    ]
    for group in read_payloads(OBSERVATIONS, values, workspace):
        for value in group:
            for row, step in keys[value["trace_id"], value["span_id"], value["start_time"]]:
                yield Exchange(row.trace, row.observation_id, step, value["input"], value["output"])


def _steps(workspace: Workspace, rows: Sequence[Selected]) -> dict[tuple[str, str], Observation]:
    """The steps by trace id and chosen span id, in one query for chosen steps and one for whole traces."""
    steps = [row for row in rows if row.observation_id]
    traces = [row for row in rows if not row.observation_id]
    found: dict[tuple[str, str], Observation] = {}
    if steps:
        chosen = _of(workspace, steps).filter(span_id__in={row.observation_id for row in steps})
        found |= {(str(step.trace_id), str(step.span_id)): step for step in chosen}
    if traces:
        named = {row.trace.trace_id: row.trace.named_at for row in traces}
        first = _of(workspace, traces).filter(start_time__in=set(named.values()))
        for step in sorted(first, key=lambda one: (one.parent_id is not None, one.span_id)):
            if step.start_time == named[step.trace_id]:
                found.setdefault((str(step.trace_id), ""), step)
    return found


def _of(workspace: Workspace, rows: Sequence[Selected]) -> models.QuerySet[Observation]:
    return Observation.objects.in_workspace(workspace).of_traces([row.trace for row in rows])
