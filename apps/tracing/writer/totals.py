"""What a batch of observations adds to the summaries of its traces."""

from collections.abc import Iterable, Sequence
from operator import attrgetter

from apps.tracing.mapping import ObservationRow

Total = dict[str, object]

#: Of these the last in the order of letters counts when the spans of a batch disagree; the first batch's wins.
_TEXTS = (
    "trace_name", "session_id", "user_id", "environment", "release", "version", "source_type", "source_id",
)  # fmt: skip
_GETTERS = tuple((name, attrgetter(name)) for name in _TEXTS)
_start, _end, _model = attrgetter("start_time"), attrgetter("end_time"), attrgetter("model")


def totals(rows: Iterable[ObservationRow]) -> list[Total]:
    """One total per trace, as the writer's statement reads it; ordered by workspace and trace.

    The order lets two writers of the same traces wait for each other instead of deadlocking.
    """
    traces: dict[tuple[int, str], list[ObservationRow]] = {}
    for row in rows:
        traces.setdefault((row.workspace_id.int, row.trace_id), []).append(row)
    return [_total(traces[key]) for key in sorted(traces)]


def _total(rows: Sequence[ObservationRow]) -> Total:
    head = min(rows, key=lambda row: (row.parent_id != "", row.start_time))
    total: Total = {name: max(map(get, rows)) for name, get in _GETTERS}
    total |= {
        "workspace_id": head.workspace_id,
        "trace_id": head.trace_id,
        "start_time": min(map(_start, rows)),
        "end_time": max(map(_end, rows)),
        "observation_count": len(rows),
        "error_count": sum(row.status == "error" for row in rows),
        "input_tokens": sum(row.input_tokens or 0 for row in rows),
        "output_tokens": sum(row.output_tokens or 0 for row in rows),
        # as text: a float would lose the sub-cent parts
        "cost": str(sum(row.cost or 0 for row in rows)),
        "model_names": sorted(set(map(_model, rows)) - {""}),
        "tags": sorted({tag for row in rows for tag in row.tags}),
        "name": total["trace_name"] or head.name,
        "has_root": not head.parent_id,
        "named_at": head.start_time,
        "input_preview": head.input_preview,
        "output_preview": head.output_preview,
    }
    total["status"] = head.status if total["has_root"] or not total["error_count"] else "error"
    return total
