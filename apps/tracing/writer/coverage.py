"""Which observations have a search index: those of days that are over, and slices of the day that runs.

The names of the indexes say it: `<partition>_search` is a whole day's, `<partition>_search_0930_1405` that of a slice
from 9:30 to 14:05 (UTC).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from apps.tracing.writer.partitions import Cursor, day_of, partition_name

SEARCH: Final = "search"
_SLICE: Final = re.compile(rf"_{SEARCH}_(\d\d)(\d\d)_(\d\d)(\d\d)$")
_INDEXES: Final = """
SELECT child.relname, named.relname
FROM pg_inherits
JOIN pg_class child ON child.oid = inhrelid
LEFT JOIN (pg_index JOIN pg_class named ON named.oid = indexrelid)
    ON indrelid = child.oid AND indisvalid AND starts_with(named.relname, child.relname || '_search')
WHERE inhparent = 'tracing_observation'::regclass
"""


@dataclass(frozen=True, slots=True, order=True)
class Slice:
    """A part of a day with an index of its own; whole minutes, `end` excluded."""

    start: datetime
    end: datetime

    @property
    def name(self) -> str:
        """Of the index."""
        table = partition_name("tracing_observation", self.start.date())
        last = "2400" if self.end.date() > self.start.date() else f"{self.end:%H%M}"
        return f"{table}_{SEARCH}_{self.start:%H%M}_{last}"

    @classmethod
    def named(cls, day: date, name: str) -> "Slice | None":
        """The slice of a day by the name of its index."""
        match = _SLICE.search(name)
        if match is None:
            return None
        midnight = datetime.combine(day, time(), UTC)
        hours_1, minutes_1, hours_2, minutes_2 = map(int, match.groups())
        return cls(
            midnight + timedelta(hours=hours_1, minutes=minutes_1),
            midnight + timedelta(hours=hours_2, minutes=minutes_2),
        )


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of time, `end` excluded, and whether an index answers all of it; `slice` when it is that of a slice."""

    start: datetime
    end: datetime
    indexed: bool
    slice: bool = False


@dataclass(frozen=True, slots=True)
class Coverage:
    """Days without an index of their own, with the slices of them that have one, oldest first."""

    plain: Mapping[date, tuple[Slice, ...]] = field(default_factory=dict)

    def parts(self, start: datetime, end: datetime) -> list[Part]:
        """A stretch of time, oldest first, in parts that one index answers, or none."""
        found: list[Part] = []
        for part in self._pieces(start, end):
            joins = found and not (part.indexed or found[-1].indexed)
            found.append(Part(found.pop().start, part.end, False) if joins else part)
        return found

    def _pieces(self, start: datetime, end: datetime) -> Iterator[Part]:
        edge = start
        for day, slices in sorted(self.plain.items()):
            for part in _within(datetime.combine(day, time(), UTC), slices):
                first, last = max(part.start, edge), min(part.end, end)
                if first >= last:
                    continue
                if edge < first:
                    yield Part(edge, first, True)
                yield Part(first, last, part.indexed, part.slice)
                edge = last
        if edge < end:
            yield Part(edge, end, True)


def _within(midnight: datetime, slices: tuple[Slice, ...]) -> Iterator[Part]:
    edge = midnight
    for one in slices:
        yield Part(edge, one.start, False)
        yield Part(one.start, one.end, True, slice=True)
        edge = one.end
    yield Part(edge, midnight + timedelta(days=1), False)


def read_coverage(cursor: Cursor) -> Coverage:
    """What is indexed now."""
    cursor.execute(_INDEXES)
    found: dict[date, list[Slice] | None] = {}
    for table, index in cursor.fetchall():
        day = day_of(table)
        if day is None:
            continue
        slices = found.setdefault(day, [])
        if index == f"{table}_{SEARCH}":
            found[day] = None
        elif slices is not None and index and (one := Slice.named(day, index)):
            slices.append(one)
    return Coverage({day: tuple(sorted(slices)) for day, slices in found.items() if slices is not None})
