"""Pages of a list ordered by start time, newest first: a deep page costs no more than the first."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from apps.tracing.exceptions import InvalidCursor
from apps.tracing.explorer.steps import Found


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a list: the rows newer or older than one row. `ties` tell rows of one moment apart.

    Without ties it is a moment up to which, and with which, the list was searched.
    """

    start_time: datetime
    ties: tuple[str, ...]
    newer: bool = False

    @classmethod
    def at(cls, row: Any, ties: Sequence[str], *, newer: bool = False) -> "Cursor":
        """The place of a row."""
        return cls(row.start_time, tuple(str(getattr(row, name)) for name in ties), newer)

    def encode(self) -> str:
        """The text that goes into an address."""
        values = [self.start_time.isoformat(), int(self.newer), *self.ties]
        return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str, ties: Sequence[models.Field[Any, Any]]) -> "Cursor":
        """The cursor of `encode` for a list with these tie fields; raises InvalidCursor for anything else."""
        try:
            moment, newer, *values = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            start_time = datetime.fromisoformat(moment)
            values_of = zip(ties if values else (), values, strict=True)
            places = tuple(str(tie.to_python(value)) for tie, value in values_of)
            if start_time.tzinfo is None:
                raise InvalidCursor
            return cls(start_time, places, bool(newer))
        except (ValueError, TypeError, KeyError, AttributeError, ValidationError, binascii.Error):
            raise InvalidCursor from None

    def beyond(self, names: Sequence[str]) -> models.Q:
        """Rows on the cursor's side. The plain comparison of the time is what the index is entered with."""
        suffix = "gt" if self.newer else "lt"
        tied = models.Q(pk__in=[])
        for name, value in reversed(list(zip(names, self.ties, strict=False))):
            tied = models.Q(**{f"{name}__{suffix}": value}) | (models.Q(**{name: value}) & tied)
        strictly = models.Q(**{f"start_time__{suffix}": self.start_time})
        same = models.Q(start_time=self.start_time)
        return models.Q(**{f"start_time__{suffix}e": self.start_time}) & (strictly | (same & tied))


@dataclass(frozen=True, slots=True)
class Window:
    """Rows of a page, newest first, and the cursors of its neighbours ("" where there is none).

    `stopped` is how far was searched when a page is not full and there may be more, `further` the cursor to go on from.
    """

    rows: list[Any]
    newer: str
    older: str
    stopped: datetime | None = None
    further: str = ""


#: Takes an ordered queryset, how many rows are wanted, and the cursor's place.
Fetch = Callable[[models.QuerySet[Any], int, Cursor | None], Found]


def _first(ordered: models.QuerySet[Any], limit: int, _place: Cursor | None) -> Found:
    return Found(list(ordered[:limit]))


def read(
    queryset: models.QuerySet[Any], *, ties: Sequence[str], cursor: str, size: int, fetch: Fetch = _first
) -> Window:
    """One page of `queryset`, its rows read by `fetch`; raises InvalidCursor."""
    fields = [queryset.model._meta.get_field(name) for name in ties]
    place = Cursor.decode(cursor, fields) if cursor else None
    newer = place is not None and place.newer
    if place is not None:
        queryset = queryset.filter(place.beyond(ties))
    sign = "" if newer else "-"
    ordered = queryset.order_by(f"{sign}start_time", *(f"{sign}{name}" for name in ties))
    found = fetch(ordered, size + 1, place)
    more, rows = len(found.rows) > size or found.stopped is not None, found.rows[:size]
    if newer:
        rows.reverse()
    has_newer = more if newer else place is not None
    has_older = place is not None if newer else more
    if found.stopped is None and not rows:
        return Window([], "", "")
    # without rows the page's own place is where it begins
    first = Cursor.at(rows[0], ties, newer=True) if rows else place and replace(place, newer=True)
    last = Cursor.at(rows[-1], ties) if rows else place and replace(place, newer=False)
    further = None if found.stopped is None else Cursor(found.stopped, (), newer)
    if further is not None:
        first, last = (further, last) if newer else (first, further)
    return Window(
        rows,
        first.encode() if first and has_newer else "",
        last.encode() if last and has_older else "",
        found.stopped,
        further.encode() if further else "",
    )
