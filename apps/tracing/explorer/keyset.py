"""Pages of a list ordered by start time, newest first: a deep page costs no more than the first."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from apps.tracing.exceptions import InvalidCursor


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a list: the rows newer or older than one row. `ties` tell rows of one moment apart."""

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
            places = tuple(str(tie.to_python(value)) for tie, value in zip(ties, values, strict=True))
            if start_time.tzinfo is None:
                raise InvalidCursor
            return cls(start_time, places, bool(newer))
        except (ValueError, TypeError, KeyError, AttributeError, ValidationError, binascii.Error):
            raise InvalidCursor from None

    def beyond(self, names: Sequence[str]) -> models.Q:
        """Rows on the cursor's side. The plain comparison of the time is what the index is entered with."""
        suffix = "gt" if self.newer else "lt"
        tied = models.Q(pk__in=[])
        for name, value in reversed(list(zip(names, self.ties, strict=True))):
            tied = models.Q(**{f"{name}__{suffix}": value}) | (models.Q(**{name: value}) & tied)
        strictly = models.Q(**{f"start_time__{suffix}": self.start_time})
        same = models.Q(start_time=self.start_time)
        return models.Q(**{f"start_time__{suffix}e": self.start_time}) & (strictly | (same & tied))


@dataclass(frozen=True, slots=True)
class Window:
    """Rows of a page, newest first, and the cursors of its neighbours ("" where there is none)."""

    rows: list[Any]
    newer: str
    older: str


#: Takes an ordered queryset, how many rows are wanted, and the cursor's place.
Fetch = Callable[[models.QuerySet[Any], int, Cursor | None], list[Any]]


def _first(ordered: models.QuerySet[Any], limit: int, _place: Cursor | None) -> list[Any]:
    return list(ordered[:limit])


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
    rows = fetch(ordered, size + 1, place)
    more, rows = len(rows) > size, rows[:size]
    if newer:
        rows.reverse()
    if not rows:
        return Window([], "", "")
    has_newer = more if newer else place is not None
    has_older = place is not None if newer else more
    return Window(
        rows,
        Cursor.at(rows[0], ties, newer=True).encode() if has_newer else "",
        Cursor.at(rows[-1], ties).encode() if has_older else "",
    )
