"""Reading what a file holds, in steps whose size is bounded in rows and in bytes."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import orjson
from django.db import models

from apps.core.models import User, Workspace
from apps.tracing.downloads.columns import Column, Part
from apps.tracing.downloads.payloads import read_payloads
from apps.tracing.explorer import OBSERVATIONS, TRACES
from apps.tracing.explorer.bounded import at_most
from apps.tracing.models import ExportList, Score
from apps.tracing.selection import Order, Selection, order_of, walk

#: Rows of one query. A row without payloads is about a kilobyte; with its JSON columns it may be a few.
STEP: Final = 1_000
#: One query of an export may take so long; the whole export as long as it needs.
QUERY_TIMEOUT_S: Final = 120.0
#: Aliases must not be names of fields.
_PREFIX: Final = "column_"

Row = dict[str, Any]


def read_rows(
    list_name: str, selection: Selection, columns: Sequence[Column], *, user: User, workspace: Workspace
) -> Iterator[list[Row]]:
    """The rows that `user` may see, as values by column name.

    Raises SearchTooSlow when one step takes too long.
    """
    own = [column for column in columns if column.part is Part.ROW]
    rows, order = _query(list_name, selection, own, user, workspace)
    steps = walk(rows, order, size=STEP)
    while True:
        with at_most(QUERY_TIMEOUT_S):
            step = next(steps, None)
        if step is None:
            return
        _add_scores(step, columns, selection, workspace)
        if any(column.part is Part.PAYLOAD for column in columns):
            groups: Iterator[list[Row]] = read_payloads(selection.kind, step, workspace)
        else:
            groups = iter([step])
        for group in groups:
            yield [{column.name: _value(row, column) for column in columns} for row in group]


def _value(row: Row, column: Column) -> Any:
    return row[_PREFIX + column.name] if column.part is Part.ROW else row.get(column.name)


def _query(
    list_name: str, selection: Selection, columns: Sequence[Column], user: User, workspace: Workspace
) -> tuple[models.QuerySet[Any], Order]:
    found = selection.rows(user=user, workspace=workspace).order_by()
    expressions = {_PREFIX + column.name: column.expression for column in columns}
    if list_name == ExportList.SESSIONS:
        grouped = found.exclude(session_id="").values("session_id").annotate(**expressions)
        return grouped, Order(("session_id",), descending=False)
    order = order_of(selection.kind)
    # what the payloads are found by
    keys = {
        TRACES.name: ("trace_id", "named_at"),
        OBSERVATIONS.name: ("trace_id", "span_id", "input_preview", "output_preview"),
    }
    names = dict.fromkeys((*order.names, *keys.get(selection.kind.name, ())))
    return found.values(*names, **expressions), order


def _add_scores(
    rows: Sequence[Row], columns: Sequence[Column], selection: Selection, workspace: Workspace
) -> None:
    """Give each row its scores as JSON, in one query."""
    if not any(column.part is Part.SCORES for column in columns):
        return
    of_steps = selection.kind is OBSERVATIONS
    scores = Score.objects.in_workspace(workspace).filter(trace_id__in={row["trace_id"] for row in rows})
    scores = scores.exclude(observation_id="") if of_steps else scores.filter(observation_id="")
    found: dict[tuple[str, str], list[Row]] = {}
    for score in scores.order_by("created_at", "id").iterator(chunk_size=STEP):
        found.setdefault((score.trace_id, score.observation_id), []).append(_score(score))
    for row in rows:
        key = (row["trace_id"], row["span_id"] if of_steps else "")
        row["scores"] = orjson.dumps(found.get(key, [])).decode()


def _score(score: Score) -> Row:
    return {
        "name": score.name,
        "data_type": score.data_type,
        "value": score.value,
        "string_value": score.string_value,
        "comment": score.comment,
        "source": score.source,
    }
