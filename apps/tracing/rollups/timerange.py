"""The time that figures are asked for, and the rows that it is read from."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from apps.tracing.models import Grain

#: Rows by the minute are kept so long; those by the hour and by six hours
#: a quarter of a year, those by the day for good.
KEPT_MINUTES: Final = timedelta(hours=6)
KEPT_HOURS: Final = timedelta(days=100)
#: Points of a chart, at most about; more could not be told apart.
POINTS: Final = 60
#: More points than this are not computed for anybody.
MAX_POINTS: Final = 1_000
#: The longest range that each grain is read for.
_GRAINS: Final = (
    (timedelta(hours=2), Grain.MINUTE),
    (timedelta(hours=36), Grain.HOUR),
    (timedelta(days=14), Grain.QUARTER),
)
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
#: No span begins before: clocks of computers don't go further back.
EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)


def floor(moment: datetime, length: timedelta) -> datetime:
    """The beginning of the stretch of this length that a moment lies in."""
    return _EPOCH + (moment - _EPOCH) // length * length


@dataclass(frozen=True, slots=True)
class TimeRange:
    """From `first` to `end`, read from rows of `grain`; with a `step` as points of that length, else as one sum."""

    first: datetime
    end: datetime
    grain: Grain
    step: timedelta | None

    @classmethod
    def of(
        cls, start: datetime, end: datetime, *, now: datetime, step: timedelta | None = None
    ) -> "TimeRange":
        """The range from `start` to `end` with the coarsest rows that are fine enough.

        Without a `step` there are about POINTS points. A step finer than the rows is made as long as a row, one with
        more than MAX_POINTS points longer.
        """
        start = max(start, EARLIEST)
        grain = _grain(start, end, now, step)
        row, rows = timedelta(minutes=grain), max((end - start) / timedelta(minutes=grain), 1)
        if step is None:
            step = row * _size(max(rows / POINTS, 1))
        else:
            step = row * max(round(step / row), 1, -(-int(rows) // MAX_POINTS))
        return cls(floor(start, step), end, grain, step)

    @classmethod
    def exact(cls, start: datetime, end: datetime, *, now: datetime) -> "TimeRange":
        """One sum, over rows as fine as are kept for so long a range: what an alert looks at."""
        fine = end - start <= KEPT_MINUTES / 2 and start >= now - KEPT_MINUTES
        grain = Grain.MINUTE if fine else Grain.HOUR
        return cls(floor(start, timedelta(minutes=grain)), end, grain, None)

    def whole(self) -> "TimeRange":
        """The same range as one sum."""
        return TimeRange(self.first, self.end, self.grain, None)

    def coarse(self) -> "TimeRange":
        """The same range over rows of users and sessions, which are kept by the hour and by the day alone."""
        grain = Grain.HOUR if self.grain <= Grain.HOUR else Grain.DAY
        length = timedelta(minutes=grain)
        step = None if self.step is None else -(-self.step // length) * length
        return TimeRange(floor(self.first, step or length), self.end, grain, step)

    def times(self) -> list[datetime]:
        """Where the points begin, oldest first."""
        if self.step is None:
            return [self.first]
        number = max(-((self.first - self.end) // self.step), 1)
        return [self.first + self.step * at for at in range(number)]


def _grain(start: datetime, end: datetime, now: datetime, step: timedelta | None) -> Grain:
    grain = next((grain for limit, grain in _GRAINS if end - start <= limit), Grain.DAY)
    if step is not None:
        # rows may be finer than the range alone would have them, never coarser than a point
        grain = min(grain, max((g for g in Grain if timedelta(minutes=g) <= step), default=Grain.MINUTE))
    if grain == Grain.MINUTE and start < now - KEPT_MINUTES:
        grain = Grain.HOUR
    return Grain.DAY if start < now - KEPT_HOURS else grain


def _size(rows: float) -> int:
    """A round number of rows for a point."""
    sizes = (1, 2, 3, 5, 6, 10, 12, 15, 20, 24, 30, 60)
    return next((size for size in sizes if size >= rows - 0.05), round(rows))
