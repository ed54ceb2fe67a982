"""`/metrics` and `/v2/metrics`: figures of any range, told apart by any dimensions, counted from the rows themselves.

The console's dashboards read rollups instead, which answer fewer questions about far more rows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db.models import F, OrderBy, QuerySet
from django.db.models.functions import Trunc
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.exceptions import Invalid
from apps.interop.base import AdapterView
from apps.interop.langfuse.metric_tables import TABLES, MetricTable
from apps.interop.langfuse.score_list import SOURCES
from apps.interop.langfuse.values import as_object, moment, text
from apps.tracing.exceptions import SearchTooSlow
from apps.tracing.explorer.bounded import at_most

#: Clients wait five seconds.
TIMEOUT_S: Final = 4.0
MAX_DIMENSIONS: Final = 6
MAX_METRICS: Final = 12
MAX_ROWS: Final = 1_000
TIME: Final = "time_dimension"
_GRANULARITIES: Final = ("minute", "hour", "day", "week", "month")
#: The longest range that "auto" tells by this granularity.
_AUTO: Final = (
    (timedelta(hours=2), "minute"), (timedelta(days=3), "hour"), (timedelta(days=90), "day"),
    (timedelta(days=730), "week"),
)  # fmt: skip
_UPPER: Final = frozenset({"type", "level", "dataType"})


class MetricsView(AdapterView):
    """Both versions: what the second leaves out, the first has."""

    def get(self, request: Request) -> Response:
        """One statement; raises Invalid for what can't be answered exactly, or not in time."""
        query = MetricsQuery.read(request.query_params.get("query", ""))
        try:
            with at_most(TIMEOUT_S):
                rows = list(query.answer(query.table.rows(request.user, self.workspace, query.filters)))
        except SearchTooSlow:
            raise Invalid(
                f"This takes longer than {TIMEOUT_S:.0f} seconds: ask about a shorter time, or set a filter."
            ) from None
        return Response({"data": [query.rendered(row) for row in rows]})


@dataclass(frozen=True, slots=True)
class MetricsQuery:
    """What is asked, by the names of the answer's columns: dimensions, metrics as (measure, aggregation), order."""

    table: MetricTable
    dimensions: tuple[str, ...]
    metrics: Mapping[str, tuple[str, str]]
    filters: list[Any]
    start: datetime
    end: datetime
    granularity: str
    order: tuple[tuple[str, bool], ...]
    limit: int

    @classmethod
    def read(cls, raw: str) -> MetricsQuery:
        """The query of an address, checked; raises Invalid."""
        try:
            body = as_object(json.loads(raw))
        except (ValueError, RecursionError):
            raise Invalid("`query` is a JSON object.") from None
        table = TABLES.get(text(body.get("view")))
        if table is None:
            raise Invalid(f"`view` is one of {', '.join(TABLES)}.")
        start, end = moment(body, "fromTimestamp"), moment(body, "toTimestamp")
        if start is None or end is None or start >= end:
            raise Invalid("`fromTimestamp` and `toTimestamp` are needed, the first before the second.")
        dimensions = tuple(text(item.get("field")) for item in _objects(body, "dimensions", MAX_DIMENSIONS))
        metrics = {
            f"{aggregation}_{measure}": (measure, aggregation)
            for item in _objects(body, "metrics", MAX_METRICS)
            for measure, aggregation in [(text(item.get("measure")), text(item.get("aggregation")))]
        }
        if not metrics:
            raise Invalid("`metrics` names at least one measure and its aggregation.")
        known = {*dimensions, *metrics, TIME}
        return cls(
            table, dimensions, metrics, _objects(body, "filters", MAX_ROWS), start, end,
            _granularity(body, end - start), _order(body, known), _limit(body),
        )  # fmt: skip

    def answer(self, rows: QuerySet[Any]) -> Any:
        """The rows of the answer, under names of their own: clients' names are those of columns, too."""
        keys: dict[str, Any] = {
            f"d{at}": self.table.dimension(name) for at, name in enumerate(self.dimensions)
        }
        if self.granularity:
            keys["t"] = Trunc(self.table.moment, self.granularity, tzinfo=UTC)
        sums = {f"m{at}": self.table.measure(*metric) for at, metric in enumerate(self.metrics.values())}
        rows = rows.order_by().filter(
            **{f"{self.table.moment}__gte": self.start, f"{self.table.moment}__lt": self.end}
        )
        if not keys:
            return [rows.aggregate(**sums)]
        return rows.values(**keys).annotate(**sums).order_by(*self._ordering(keys))[: self.limit]

    def _ordering(self, keys: Mapping[str, Any]) -> list[OrderBy]:
        """As asked; else the oldest first, and the most of the first metric."""
        aliases = {
            **{name: f"d{at}" for at, name in enumerate(self.dimensions)},
            **{name: f"m{at}" for at, name in enumerate(self.metrics)},
            TIME: "t",
        }
        asked = self.order or ((TIME, False), (next(iter(self.metrics)), True))
        found = [(aliases[name], falling) for name, falling in asked if name != TIME or "t" in keys]
        found += [(key, False) for key in keys]
        return [OrderBy(F(alias), descending=falling, nulls_last=True) for alias, falling in found]

    def rendered(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """A row with clients' names and values."""
        found = {name: _dimension(name, row[f"d{at}"]) for at, name in enumerate(self.dimensions)}
        if self.granularity:
            found[TIME] = row["t"]
        for at, name in enumerate(self.metrics):
            value = row[f"m{at}"]
            found[name] = float(value) if isinstance(value, Decimal) else value
        return found


def _objects(body: Mapping[str, Any], name: str, limit: int) -> list[dict[str, Any]]:
    found = body.get(name) or []
    if not isinstance(found, list) or len(found) > limit:
        raise Invalid(f"`{name}` is a list of at most {limit} objects.")
    return [as_object(item) for item in found]


def _granularity(body: Mapping[str, Any], length: timedelta) -> str:
    asked = body.get("timeDimension")
    if asked is None:
        return ""
    name = text(as_object(asked).get("granularity")) or "auto"
    if name == "auto":
        return next((found for limit, found in _AUTO if length <= limit), "month")
    if name not in _GRANULARITIES:
        raise Invalid(f"`granularity` is one of auto, {', '.join(_GRANULARITIES)}.")
    return name


def _order(body: Mapping[str, Any], known: set[str]) -> tuple[tuple[str, bool], ...]:
    found = []
    for item in _objects(body, "orderBy", len(known)):
        name, direction = text(item.get("field")), text(item.get("direction")) or "asc"
        if name not in known or direction not in {"asc", "desc"}:
            raise Invalid(f"`orderBy` names one of {', '.join(sorted(known))}, and asc or desc.")
        found.append((name, direction == "desc"))
    return tuple(found)


def _limit(body: Mapping[str, Any]) -> int:
    config = body.get("config")
    limit = as_object(config).get("row_limit") if config is not None else None
    if limit is None:
        return MAX_ROWS
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= MAX_ROWS:
        raise Invalid(f"`row_limit` is a number from 1 to {MAX_ROWS}.")
    return limit


def _dimension(name: str, value: Any) -> Any:
    """As the lists show it: nothing is null."""
    if name == "environment":
        return value or "default"
    if name == "source":
        return SOURCES.get(value, value)
    if name == "booleanValue":
        return bool(value)
    if name in _UPPER:
        return str(value).upper()
    return None if value in ("", None) else value
