"""Noting down which values the fields of observations have.

Most batches have nothing new: what was noted is remembered, and a field that has had many values is not followed any
further in that week. What is noted is committed before the rows that have it, so that a value nobody noted is in none.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
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

_GETTERS: Final[Mapping[str, Callable[[ObservationRow], str]]] = {name: attrgetter(name) for name in COLUMNS}
_OBJECT_GETTERS: Final[Mapping[str, Callable[[ObservationRow], Any]]] = {
    name: attrgetter(name) for name in OBJECTS
}
_get_trace_name = attrgetter("trace_name")
_MONDAY: Final = datetime(2001, 1, 1, tzinfo=UTC)
_FIRST_WEEK: Final = (datetime.min.replace(tzinfo=UTC) - _MONDAY).days // 7
_INSERT: Final = """
INSERT INTO tracing_knownvalue (workspace_id, week, field, key, kind, value)
SELECT * FROM unnest(%s::uuid[], %s::date[], %s::text[], %s::text[], %s::smallint[], %s::text[])
ON CONFLICT DO NOTHING
"""
_MORE: Final = (
    "SELECT field, key, kind FROM tracing_knownvalue WHERE workspace_id = %s AND week = %s AND kind > 0"
)


def week_of(moment: datetime) -> date:
    """The Monday (of UTC) of the week that a moment is in; the first one that a date can be when that was before."""
    return _monday(_week(moment))


def _monday(week: int) -> date:
    return (_MONDAY + timedelta(weeks=max(week, _FIRST_WEEK))).date()


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


#: What is noted by the way to it; None where a way is no longer followed.
_Keys = dict[str, set[str] | None]


@dataclass(slots=True)
class _Week:
    """What is noted of a workspace's week by the writer; None stands for a field or key that is no longer followed."""

    workspace_id: UUID
    monday: date
    columns: dict[str, set[str] | None] = field(
        default_factory=lambda: {name: set() for name in (*COLUMNS, *LISTS)}
    )
    objects: dict[str, _Keys | None] = field(default_factory=lambda: {name: {} for name in OBJECTS})

    def give_up(self, name: str, key: str, kind: int) -> None:
        """Follow a field or a key of it no further."""
        if name in self.columns:
            self.columns[name] = None
        elif kind == Knowledge.MORE_KEYS:
            self.objects[name] = None
        elif (keys := self.objects[name]) is not None:
            keys[key] = None

    def add(self, rows: Sequence[ObservationRow]) -> list[Note]:
        """What rows have that was not noted."""
        notes: list[Note] = []
        for name, get in _GETTERS.items():
            self._values(name, set(map(get, rows)), notes)
        self._values("name", set(filter(None, map(_get_trace_name, rows))), notes)
        self._values("tags", {tag for row in rows for tag in row.tags}, notes)
        for name, get in _OBJECT_GETTERS.items():
            for content in filter(None, map(get, rows)):
                if (keys := self.objects[name]) is not None:
                    self._object(name, "", content, keys, notes)
        return notes

    def _values(self, name: str, values: set[str], notes: list[Note]) -> None:
        known = self.columns[name]
        if known is None:
            return
        for value in values - known:
            if len(known) >= _most(name) or len(value) > MAX_TEXT:
                notes.append(self._give_up(name, "", Knowledge.MORE_VALUES))
                return
            known.add(value)
            notes.append(self._note(name, "", Knowledge.VALUE, value))

    def _object(
        self, name: str, prefix: str, content: Mapping[str, Any], keys: _Keys, notes: list[Note]
    ) -> None:
        """Inner objects are gone through as well, by the way to their values."""
        for last, value in content.items():
            key = prefix + last
            if len(key) > MAX_LENGTH:
                continue
            known = keys.get(key, _UNSEEN)
            if known is None or value is None:
                pass
            elif (text := _text(value)) is None or text not in known:
                self._value_of_key(name, key, text, keys, notes)
            if isinstance(value, dict):
                self._object(name, f"{key}.", value, keys, notes)

    def _value_of_key(self, name: str, key: str, text: str | None, keys: _Keys, notes: list[Note]) -> None:
        if self.objects[name] is None:
            return
        if key not in keys and len(keys) >= MAX_KEYS:
            notes.append(self._give_up(name, "", Knowledge.MORE_KEYS))
            return
        known = keys.setdefault(key, set())
        if text is None or known is None or len(known) >= MAX_VALUES_OF_KEY:
            notes.append(self._give_up(name, key, Knowledge.MORE_VALUES))
            return
        known.add(text)
        notes.append(self._note(name, key, Knowledge.VALUE, text))

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
        by_week: dict[tuple[UUID, int], list[ObservationRow]] = {}
        for row in rows:
            by_week.setdefault((row.workspace_id, _week(row.start_time)), []).append(row)
        notes = [note for key, found in by_week.items() for note in self._find(connection, *key).add(found)]
        if notes:
            # in one order, so that two writers of the same wait for each other instead of deadlocking
            columns = zip(*sorted(set(notes)), strict=True)
            connection.execute(_INSERT, [list(column) for column in columns])
            self._remembered += len(notes)

    def _find(self, connection: psycopg.Connection[Any], workspace_id: UUID, week: int) -> _Week:
        found = self._weeks.get((workspace_id, week))
        if found is None:
            found = _Week(workspace_id, _monday(week))
            for name, key, kind in connection.execute(_MORE, [workspace_id, found.monday]):
                found.give_up(name, key, kind)
            self._weeks[workspace_id, week] = found
        return found
