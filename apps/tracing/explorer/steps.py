"""Reading a filtered list a stretch of time after the other, nearest first.

What is frequent is found in the newest rows by going through them in their order; for what is seldom the search indexes
are asked. Which of the two a condition is cannot be known beforehand, and PostgreSQL guesses wrong about JSON: so the
first rows are looked at, and only what they leave open is asked of the indexes. Where no index helps, or where it would
name too many, rows are gone through in portions, as large as the time that is left allows. When it is over, a search
stops behind a step and says how far it came: whoever asked can show what there is, and go on.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Final

import orjson
from django.db import connection, models

from apps.tracing.writer.coverage import Coverage, Part

#: Rows that are looked at in their order: some 10 ms.
LOOKED_AT: Final = 10_000
#: Rows of a portion at least, where no index helps.
PORTION: Final = 5_000
#: An index is asked when it is expected to name fewer rows than this of a day: some 50 ms.
SELDOM: Final = 20_000
#: Rows of which it is tried out how many an index would name.
SAMPLE: Final = 2_000
#: Seconds after which no further step is begun; and when somebody waits for the page, which then goes on by itself.
ENOUGH_S: Final = 1.0
PAGE_S: Final = 0.03


_LONGEST: Final = timedelta(days=2**20)
#: Rows are read in the list's order and no further than needed, however few PostgreSQL expects to match; …
_OUT_OF_ORDER: Final = ("bitmapscan", "sort")
#: … and what the indexes name is gathered.
_IN_ORDER: Final = ("indexscan", "seqscan")


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


@dataclass(frozen=True, slots=True)
class Source:
    """A list without its conditions, and with what the search indexes know of them, if they know anything.

    `exact` when what they know is as much as the conditions say; `coverage` says where there is an index.
    """

    everything: models.QuerySet[Any]
    hinted: models.QuerySet[Any] | None
    exact: bool
    coverage: Callable[[], Coverage]


def read(
    ordered: models.QuerySet[Any], limit: int, *, where: Range, source: Source, patience_s: float = ENOUGH_S
) -> Found:
    """The first `limit` rows of `ordered` within a range, or what was found of them within `patience_s`."""
    pace = _Pace(patience_s)
    edge = _edge(source.everything, where, LOOKED_AT)
    if edge is None:
        return Found(list(where.of(ordered)[:limit]))
    near, far = where.until(edge)
    with without(*_OUT_OF_ORDER):
        rows = list(near.of(ordered)[:limit])
    if len(rows) >= limit:
        return Found(rows)
    if pace.is_over():
        return Found(rows, near.last)
    pace.walked(LOOKED_AT)
    guess = _Guess(source, near, limit, len(rows))
    sorted_out = _sorted_out(ordered)
    for stretch, part in _covered(far, source):
        by_index = part.indexed and guess.is_seldom(stretch, part)
        for step in [stretch] if by_index else _portions(source.everything, stretch, pace):
            with without(*_IN_ORDER if by_index else _OUT_OF_ORDER):
                rows += step.of(sorted_out if by_index else ordered)[: limit - len(rows)]
            if len(rows) >= limit:
                return Found(rows)
            if pace.is_over() and step.last != far.last:
                return Found(rows, step.last)
    return Found(rows)


class _Guess:
    """Whether the search indexes would name few rows of a stretch."""

    def __init__(self, source: Source, near: Range, limit: int, found: int) -> None:
        self._source, self._near = source, near
        self._most = max(SELDOM, 10 * limit)
        # as many rows again are likely to have the rest
        self._soon_full = 2 * found >= limit

    def is_seldom(self, stretch: Range, part: Part) -> bool:
        """PostgreSQL's expectation; it has none about slices, which are taken to be as the rows looked at."""
        if self._source.hinted is None or self._soon_full:
            return False
        if part.slice:
            return self._few_near
        days = max((stretch.end - stretch.start) / timedelta(days=1), 1.0)
        return _expected(stretch.of(self._source.hinted)) < self._most * days

    @cached_property
    def _few_near(self) -> bool:
        # when the hints are exact these rows have just been read, and were not enough
        if self._source.exact or self._source.hinted is None:
            return True
        edge = _edge(self._source.everything, self._near, SAMPLE)
        sample = self._near if edge is None else self._near.until(edge)[0]
        most = SAMPLE // 100
        return sample.of(self._source.hinted).order_by().values("pk")[: most + 1].count() <= most


class _Pace:
    """How fast rows are gone through, and how many more of them fit into the time."""

    def __init__(self, patience_s: float) -> None:
        self._at = time.monotonic()
        self._end = self._at + patience_s
        self._rate = 0.0

    def is_over(self) -> bool:
        """Whether no further step should be begun."""
        return time.monotonic() > self._end

    def walked(self, rows: int) -> None:
        """So many rows took the time since the last call."""
        now = time.monotonic()
        self._rate, self._at = rows / max(now - self._at, 1e-6), now

    def portion(self) -> int:
        """Rows that take half of the time that is left; some at any rate."""
        return max(int(self._rate * (self._end - time.monotonic()) / 2), PORTION)


def _expected(rows: models.QuerySet[Any]) -> float:
    """How many rows PostgreSQL believes there are."""
    sql, params = rows.order_by().values_list("start_time").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
        plan = cursor.fetchone()[0]
    return float((orjson.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]["Plan Rows"])


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


def _covered(far: Range, source: Source) -> Iterator[tuple[Range, Part]]:
    """Stretches, nearest first, each within a part that one index answers, or none."""
    if source.hinted is None:
        yield far, Part(far.start, far.end, indexed=False)
        return
    coverage = source.coverage()
    for stretch in stretches(far):
        parts = coverage.parts(stretch.start, stretch.end)
        for part in parts if far.newer else reversed(parts):
            yield Range(part.start, part.end, far.newer), part


def _portions(everything: models.QuerySet[Any], stretch: Range, pace: _Pace) -> Iterator[Range]:
    """A stretch in parts of so many rows as the time allows."""
    while (edge := _edge(everything, stretch, size := pace.portion())) is not None:
        portion, stretch = stretch.until(edge)
        yield portion
        pace.walked(size)
    yield stretch


def _edge(everything: models.QuerySet[Any], where: Range, rows: int) -> datetime | None:
    """When the last of so many rows began; None if there are no more than that."""
    times = where.of(everything).order_by("start_time" if where.newer else "-start_time")
    found: datetime | None = times.values_list("start_time", flat=True)[rows : rows + 1].first()
    return found


def stretches(far: Range) -> Iterator[Range]:
    """Whole days (of UTC, as the partitions), first one, then two, four, …: near ones cost little, far ones are few."""
    length = timedelta(days=1)
    edge = far.start if far.newer else far.end
    while far.start < far.end and (edge < far.end if far.newer else edge > far.start):
        if far.newer:
            midnight = _midnight(edge)
            border = midnight + length if far.end - midnight > length else far.end
            yield Range(edge, border, True)
        else:
            before = _midnight(edge - timedelta(microseconds=1)) + timedelta(days=1)
            border = before - length if before - far.start > length else far.start
            yield Range(border, edge)
        edge, length = border, min(length * 2, _LONGEST)


def _midnight(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


@contextmanager
def without(*ways: str) -> Iterator[None]:
    """Within the transaction of the search: keep PostgreSQL from these ways of reading."""
    with connection.cursor() as cursor:
        for way in ways:
            cursor.execute("SELECT set_config(%s, 'off', true)", [f"enable_{way}"])
        yield
        for way in ways:
            cursor.execute("SELECT set_config(%s, 'on', true)", [f"enable_{way}"])
