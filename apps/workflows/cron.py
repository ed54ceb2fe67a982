"""Cron expressions: five fields, in a time zone.

The fields are those of POSIX crontab(5) with the usual extensions: lists, ranges, steps, names of months and days
(``jan``, ``mon``), 7 for Sunday, and the words ``@hourly`` … ``@yearly``. When both days are restricted a day that
fits either counts, as cron has it.

At a change to summer time a moment that the clock skips comes when the clock has jumped (02:30 becomes 03:30); at the
change back a moment that the clock shows twice comes once, the first time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_WORDS: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
#: Of the fields in their order: name, lowest and highest value, first value of the names, names.
_FIELDS: Final = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of week", 0, 7, _DAYS),
)
#: 29 February falls on a given day of the week once in 28 years, and in 40 around the turn of some centuries.
_HORIZON_DAYS: Final = 41 * 366


class CronError(ValueError):
    """An expression that is not one; the sentence says what is wrong."""


@dataclass(frozen=True, slots=True)
class Cron:
    """A parsed expression."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool
    zone: ZoneInfo

    @classmethod
    def parse(cls, expression: str, zone: str = "UTC") -> Cron:
        """Read an expression; raises CronError."""
        fields = _WORDS.get(expression.strip().lower(), expression).split()
        if len(fields) != len(_FIELDS):
            raise CronError(
                "A cron expression has five fields: minute, hour, day of month, month, day of week."
            )
        values = [_values(text, *rules) for text, rules in zip(fields, _FIELDS, strict=True)]
        cron = cls(
            minutes=tuple(sorted(values[0])),
            hours=tuple(sorted(values[1])),
            days=frozenset(values[2]),
            months=frozenset(values[3]),
            weekdays=frozenset(value % 7 for value in values[4]),
            any_day=fields[2].startswith("*"),
            any_weekday=fields[4].startswith("*"),
            zone=_zone(zone),
        )
        if cron.next_after(datetime(2024, 1, 1, tzinfo=UTC)) is None:
            raise CronError("This moment never comes: no such day exists.")
        return cron

    def next_after(self, moment: datetime) -> datetime | None:
        """The first moment after `moment`, in UTC; None when there is none within forty years."""
        start = moment.astimezone(self.zone).date() - timedelta(days=1)
        for day in (start + timedelta(days=n) for n in range(_HORIZON_DAYS)):
            if self._fits(day):
                for candidate in self._moments(day):
                    if candidate > moment:
                        return candidate
        return None

    def between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """The moments after `after` up to and with `until`, in order."""
        moment = self.next_after(after)
        while moment is not None and moment <= until:
            yield moment
            moment = self.next_after(moment)

    def _fits(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        of_month, of_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        if self.any_day or self.any_weekday:
            return of_month and of_week
        return of_month or of_week

    def _moments(self, day: date) -> list[datetime]:
        """Of one day, in order; a jump of the clock may put two at the same moment."""
        return sorted(
            {
                datetime.combine(day, time(hour, minute), tzinfo=self.zone).astimezone(UTC)
                for hour in self.hours
                for minute in self.minutes
            }
        )


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise CronError(f"There is no time zone {name!r}.") from None


def _values(text: str, name: str, lowest: int, highest: int, names: tuple[str, ...]) -> set[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, slash, step_text = part.partition("/")
        step = _number(step_text, name, ()) if slash else 1
        if span == "*":
            first, last = lowest, highest
        elif "-" in span:
            low, _, high = span.partition("-")
            first, last = _number(low, name, names), _number(high, name, names)
        else:
            first = _number(span, name, names)
            last = highest if slash else first
        if not (lowest <= first <= last <= highest) or step < 1:
            raise CronError(f"{part!r} is not a {name} between {lowest} and {highest}.")
        found.update(range(first, last + 1, step))
    return found


def _number(text: str, name: str, names: tuple[str, ...]) -> int:
    lowered = text.lower()
    if lowered in names:
        return names.index(lowered) + (1 if names is _MONTHS else 0)
    if not (text.isascii() and text.isdigit() and len(text) <= 3):
        raise CronError(f"{text!r} is not a {name}.")
    return int(text)
