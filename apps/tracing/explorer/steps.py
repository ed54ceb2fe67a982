"""Reading a filtered list a stretch of time after the other, nearest first.

What is frequent is found in the newest rows by going through them in their order; for what is seldom the search indexes
are asked. Which of the two a condition is cannot be known beforehand, and PostgreSQL guesses wrong about JSON: so the
first rows are looked at, and only what they leave open is asked of the indexes. Where no index helps, rows are gone
through in growing portions. After a second a search stops behind a step and says how far it came.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db import connection, models

from apps.tracing.writer.coverage import Coverage

#: Rows that are looked at in their order: some 10 ms.
LOOKED_AT: Final = 10_000
#: Rows of the first portion where no index helps.
PORTION: Final = 20_000
#: Seconds after which no further step is begun.
ENOUGH_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Range:
    """Where rows are looked for: `end` excluded; from its end to its start, or with `newer` the other way."""

    start: datetime
    end: datetime
    newer: bool = False

    def until(self, edge: datetime) -> tuple["Range", "Range"]:
        """The near part with `edge` in it, and the far part."""
        tick = timedelta(microseconds=1)
        if self.newer:
            return Range(self.start, edge + tick, True), Range(edge + tick, self.end, True)
        return Range(edge, self.end), Range(self.start, edge)

    @property
    def last(self) -> datetime:
        """The last moment that reading it comes to."""
        return self.end - timedelta(microseconds=1) if self.newer else self.start

    def of(self, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """The rows within."""
        return rows.filter(start_time__gte=self.start, start_time__lt=self.end)


@dataclass(frozen=True, slots=True)
class Found:
    """Rows in their order; `stopped` is the last moment that was searched when the search ended before its range."""

    rows: list[Any]
    stopped: datetime | None = None


def read(
    ordered: models.QuerySet[Any],
    limit: int,
    *,
    where: Range,
    everything: models.QuerySet[Any],
    indexed: bool,
    coverage: Callable[[], Coverage],
) -> Found:
    """The first `limit` rows of `ordered` within a range, or what was found of them within ENOUGH_S.

    `everything` is the list without its conditions; `indexed` says that a search index knows one of the conditions,
    and `coverage` where there is one.
    """
    enough = time.monotonic() + ENOUGH_S
    edge = _edge(everything, where, LOOKED_AT)
    if edge is None:
        return Found(list(where.of(ordered)[:limit]))
    near, far = where.until(edge)
    # in their order and no further than needed, however few PostgreSQL expects to match
    with without("bitmapscan", "sort"):
        rows = list(near.of(ordered)[:limit])
    if len(rows) >= limit:
        return Found(rows)
    sorted_out = _sorted_out(ordered)
    for stretch, by_index in _covered(far, coverage()) if indexed else [(far, False)]:
        for part in [stretch] if by_index else _portions(everything, stretch, enough):
            # what the indexes name is gathered, instead of reading in the list's order
            with without("indexscan", "seqscan") if by_index else without():
                rows += part.of(sorted_out if by_index else ordered)[: limit - len(rows)]
            if len(rows) >= limit:
                return Found(rows)
            if time.monotonic() > enough and part.last != far.last:
                return Found(rows, part.last)
    return Found(rows)


def _sorted_out(ordered: models.QuerySet[Any]) -> models.QuerySet[Any]:
    """The same order, by a form of the time that no index has.

    PostgreSQL would go through all rows in their order, even where that is switched off, when it believes that a list
    is soon full.
    """
    first, *ties = map(str, ordered.query.order_by)
    moment = _Moment(models.F("start_time"))
    return ordered.order_by(moment.desc() if first.startswith("-") else moment.asc(), *ties)


class _Moment(models.Func):
    template = "(%(expressions)s AT TIME ZONE 'UTC')"
    output_field = models.DateTimeField()


def _covered(far: Range, coverage: Coverage) -> Iterator[tuple[Range, bool]]:
    """Stretches, nearest first, in parts that one index answers, or none; says whether one does."""
    for stretch in stretches(far):
        parts = coverage.parts(stretch.start, stretch.end)
        for part in parts if far.newer else reversed(parts):
            yield Range(part.start, part.end, far.newer), part.indexed


def _portions(everything: models.QuerySet[Any], stretch: Range, enough: float) -> Iterator[Range]:
    """A stretch in parts of so many rows, each twice the one before while time is plenty."""
    size = PORTION
    while (edge := _edge(everything, stretch, size)) is not None:
        portion, stretch = stretch.until(edge)
        yield portion
        if enough - time.monotonic() > ENOUGH_S * 3 / 4:
            size *= 2
    yield stretch


def _edge(everything: models.QuerySet[Any], where: Range, rows: int) -> datetime | None:
    """When the last of so many rows began; None if there are no more than that."""
    times = where.of(everything).order_by("start_time" if where.newer else "-start_time")
    found: datetime | None = times.values_list("start_time", flat=True)[rows : rows + 1].first()
    return found


def stretches(far: Range) -> Iterator[Range]:
    """Whole days (of UTC, as the partitions), first one, then two, four, …: near ones cost little, far ones are few."""
    days, edge = 1, far.start if far.newer else far.end
    while far.start < far.end and (edge < far.end if far.newer else edge > far.start):
        if far.newer:
            midnight = edge.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
            border = min(midnight + timedelta(days=days), far.end)
            yield Range(edge, border, True)
        else:
            last = (edge - timedelta(microseconds=1)).astimezone(UTC)
            midnight = last.replace(hour=0, minute=0, second=0, microsecond=0)
            border = max(midnight - timedelta(days=days - 1), far.start)
            yield Range(border, edge)
        edge, days = border, days * 2


@contextmanager
def without(*ways: str) -> Iterator[None]:
    """Within the transaction of the search: keep PostgreSQL from these ways of reading."""
    with connection.cursor() as cursor:
        for way in ways:
            cursor.execute("SELECT set_config(%s, 'off', true)", [f"enable_{way}"])
        yield
        for way in ways:
            cursor.execute("SELECT set_config(%s, 'on', true)", [f"enable_{way}"])
