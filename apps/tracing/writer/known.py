"""Noting down which values the fields of observations have.

Most batches have nothing new: what was noted is remembered, and a field that has had many values is not followed any
further in that week. What is noted is committed before the rows that have it, so that a value nobody noted is in none.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from math import isfinite
from operator import attrgetter
from typing import Any, Final, NamedTuple
from uuid import UUID

import psycopg

from apps.tracing.mapping import ObservationRow
from apps.tracing.models.known_value import Knowledge

PEOPLE: Final = ("user_id", "session_id")
#: Columns with short texts that are followed, and the number of different values of a week up to which they are.
COLUMNS: Final[Mapping[str, int]] = {
    **dict.fromkeys(
        (
            "name", "type", "status", "level", "model", "provider", "prompt_name", "prompt_version", "environment",
            "release", "version", "source_type", "source_id", "status_message",
        ),
        1_000,
    ),
    **dict.fromkeys(PEOPLE, 50_000),
}  # fmt: skip
#: Columns with lists of short texts, followed one by one; the same number of them.
LISTS: Final[Mapping[str, int]] = {"tags": 1_000}
#: Objects whose values are followed by the way to them, their keys and values up to these numbers.
OBJECTS: Final = ("metadata", "attributes")
MAX_KEYS: Final = 300
MAX_VALUES_OF_KEY: Final = 100
#: Longer texts are not followed, nor are longer ways to values: the rows are the key of an index.
MAX_TEXT: Final = 500
MAX_LENGTH: Final = 200
#: What is remembered is forgotten after so long, since rows are deleted; and when it becomes so much.
REMEMBERED_S: Final = 3_600.0
MAX_REMEMBERED: Final = 200_000

_get_columns = attrgetter(*COLUMNS)
_get_objects = attrgetter(*OBJECTS)
_MONDAY: Final = datetime(2001, 1, 1, tzinfo=UTC)
_INSERT: Final = """
INSERT INTO tracing_knownvalue (workspace_id, week, field, key, kind, value)
SELECT * FROM unnest(%s::uuid[], %s::date[], %s::text[], %s::text[], %s::smallint[], %s::text[])
ON CONFLICT DO NOTHING
"""
_MORE: Final = (
    "SELECT field, key, kind FROM tracing_knownvalue WHERE workspace_id = %s AND week = %s AND kind > 0"
)


def week_of(moment: datetime) -> date:
    """The Monday (of UTC) of the week that a moment is in."""
    return (_MONDAY + timedelta(weeks=_week(moment))).date()


def _week(moment: datetime) -> int:
    return (moment - _MONDAY).days // 7


class Note(NamedTuple):
    """One row of what is known."""

    workspace_id: UUID
    week: date
    field: str
    key: str
    kind: int
    value: str


@dataclass(slots=True)
class _Week:
    """What is noted of a workspace's week by the writer; None stands for a field or key that is no longer followed."""

    workspace_id: UUID
    monday: date
    columns: dict[str, set[str] | None] = field(
        default_factory=lambda: {name: set() for name in (*COLUMNS, *LISTS)}
    )
    objects: dict[str, dict[str, set[str] | None] | None] = field(
        default_factory=lambda: {name: {} for name in OBJECTS}
    )

    def give_up(self, name: str, key: str, kind: int) -> None:
        """Follow a field or a key of it no further."""
        if name in self.columns:
            self.columns[name] = None
        elif kind == Knowledge.MORE_KEYS:
            self.objects[name] = None
        elif (keys := self.objects[name]) is not None:
            keys[key] = None

    def add(self, row: ObservationRow) -> Iterator[Note]:
        """What a row has that was not noted."""
        for name, value in zip(COLUMNS, _get_columns(row), strict=True):
            known = self.columns[name]
            if known is not None and value not in known:
                yield self._value(name, value, known)
        for tag in row.tags:
            if (tags := self.columns["tags"]) is not None and tag not in tags:
                yield self._value("tags", tag, tags)
        if row.trace_name and (names := self.columns["name"]) is not None and row.trace_name not in names:
            yield self._value("name", row.trace_name, names)
        for name, content in zip(OBJECTS, _get_objects(row), strict=True):
            if content and (keys := self.objects[name]) is not None:
                yield from self._object(name, content, keys)

    def _value(self, name: str, value: str, known: set[str]) -> Note:
        if len(known) >= _most(name) or len(value) > MAX_TEXT:
            return self._give_up(name, "", Knowledge.MORE_VALUES)
        known.add(value)
        return self._note(name, "", Knowledge.VALUE, value)

    def _object(
        self, name: str, content: Mapping[str, Any], keys: dict[str, set[str] | None]
    ) -> Iterator[Note]:
        """Inner objects are gone through as well, by the way to their values."""
        waiting: list[tuple[str, Mapping[str, Any]]] = [("", content)]
        while waiting:
            prefix, inner = waiting.pop()
            for last, value in inner.items():
                key = prefix + last
                known = keys.get(key, _UNSEEN)
                if isinstance(value, dict):
                    waiting.append((f"{key}.", value))
                if known is None or value is None:
                    continue
                if len(key) > MAX_LENGTH:
                    continue
                if known is _UNSEEN:
                    if len(keys) >= MAX_KEYS:
                        yield self._give_up(name, "", Knowledge.MORE_KEYS)
                        return
                    known = keys[key] = set()
                text = _text(value)
                if text is None or (text not in known and len(known) >= MAX_VALUES_OF_KEY):
                    yield self._give_up(name, key, Knowledge.MORE_VALUES)
                elif text not in known:
                    known.add(text)
                    yield self._note(name, key, Knowledge.VALUE, text)

    def _give_up(self, name: str, key: str, kind: int) -> Note:
        self.give_up(name, key, kind)
        return self._note(name, key, kind, "")

    def _note(self, name: str, key: str, kind: int, value: str) -> Note:
        return Note(self.workspace_id, self.monday, name, _stored(key), kind, _stored(value))


_UNSEEN: Final[set[str]] = set()


def _most(name: str) -> int:
    return COLUMNS[name] if name in COLUMNS else LISTS[name]


def _text(value: object) -> str | None:
    """A value as `->>` gives it; None for what is not followed."""
    if type(value) is str:
        return value if len(value) <= MAX_LENGTH else None
    if value is True or value is False:
        return "true" if value else "false"
    if type(value) is int:
        return str(value)
    # others are written in more than one way
    if type(value) is float and isfinite(value) and 1e-4 <= abs(value) < 1e15:
        return repr(value)
    return None


def _stored(text: str) -> str:
    """As it reaches the database."""
    return text.encode("utf-8", "replace").decode()


class KnownValues:
    """Notes down what the rows of one writer have. Not thread-safe."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Start anew: what was noted may not be stored, or not any more."""
        self._weeks: dict[tuple[UUID, int], _Week] = {}
        self._remembered = 0
        self._until = time.monotonic() + REMEMBERED_S

    def note(self, connection: psycopg.Connection[Any], rows: Iterable[ObservationRow]) -> None:
        """Store what is new about `rows`, in a transaction of its own unless there is one."""
        if self._remembered > MAX_REMEMBERED or time.monotonic() > self._until:
            self.forget()
        notes = [note for row in rows for note in self._week(connection, row).add(row)]
        if notes:
            # in one order, so that two writers of the same wait for each other instead of deadlocking
            columns = zip(*sorted(set(notes)), strict=True)
            connection.execute(_INSERT, [list(column) for column in columns])
            self._remembered += len(notes)

    def _week(self, connection: psycopg.Connection[Any], row: ObservationRow) -> _Week:
        number = _week(row.start_time)
        found = self._weeks.get((row.workspace_id, number))
        if found is None:
            found = _Week(row.workspace_id, week_of(row.start_time))
            for name, key, kind in connection.execute(_MORE, [row.workspace_id, found.monday]):
                found.give_up(name, key, kind)
            self._weeks[row.workspace_id, number] = found
        return found
