"""Where in the text of a document a place such as ``nodes[2].config.url`` stands.

Read from the events of the YAML parser in one pass and without recursion, so that a text that is broken half way
still has the positions of its first half.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

from apps.workflows import dsl
from apps.workflows.dsl.problems import Problem, join_place
from apps.workflows.dsl.reading import MAX_CHARACTERS, MAX_DEPTH, MAX_VALUES

_STEP = re.compile(r"\[(\d+)\]|\[('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")\]|([^.\[\]]+)")
_NODE = re.compile(r"nodes\[\d+\](?:\.body\.nodes\[\d+\])*")


@dataclass(frozen=True, slots=True)
class Position:
    """A line (counted from 1) and a column (from 0); `end` is the last line of the value."""

    line: int
    column: int
    end: int


@dataclass(frozen=True, slots=True)
class NodeLines:
    """The lines of one node of the workflow."""

    id: str
    line: int
    end: int


class Positions:
    """The positions of all values of one text."""

    def __init__(self, text: str) -> None:
        scanner = _Scanner()
        if len(text) <= MAX_CHARACTERS:
            scanner.scan(text)
        self._places = scanner.places
        self._ids = scanner.ids

    def find(self, place: str) -> Position:
        """The position of a place, or of the nearest value around it when the place itself is missing."""
        steps = _steps(place)
        for length in range(len(steps), 0, -1):
            found = self._places.get(join_place("", *steps[:length]))
            if found is not None:
                return found
        return self._places.get("", Position(1, 0, 1))

    def nodes(self) -> list[NodeLines]:
        """The workflow's nodes with their lines, in the order of the text, bodies included."""
        found = [(self._places[place], name) for place, name in self._ids.items() if place in self._places]
        return [
            NodeLines(name, at.line, at.end)
            for at, name in sorted(found, key=lambda pair: (pair[0].line, pair[0].column))
        ]


def form_problems(text: str) -> list[Problem]:
    """Why a text is no plain data, with lines; empty when it is."""
    try:
        dsl.load(text)
    except dsl.DocumentError as error:
        return error.problems
    return []


def _steps(place: str) -> list[str | int]:
    return [
        int(index) if index else quoted[1:-1] if quoted else name
        for index, quoted, name in _STEP.findall(place)
    ]


class _Level:
    """A list or an object that is being read: where it stands, and for an object the key that waits for its value."""

    __slots__ = ("column", "count", "is_list", "key", "line", "place", "waiting")

    def __init__(self, place: str, is_list: bool, line: int, column: int) -> None:
        self.place, self.is_list, self.line, self.column = place, is_list, line, column
        self.count = 0
        self.key: str | None = None
        self.waiting: Any = None


class _Scanner:
    """Collects positions until the text ends, breaks, or grows out of the language's limits."""

    def __init__(self) -> None:
        self.places: dict[str, Position] = {}
        self.ids: dict[str, str] = {}
        self._stack: list[_Level] = []
        self._last = 1

    def scan(self, text: str) -> None:
        try:
            for event in yaml.parse(text, Loader=yaml.CSafeLoader):
                self._take(event)
                if len(self._stack) > MAX_DEPTH or len(self.places) > MAX_VALUES:
                    return
        except (yaml.YAMLError, ValueError):
            return
        finally:
            while self._stack:
                self._close()

    def _take(self, event: Any) -> None:
        if isinstance(event, yaml.ScalarEvent | yaml.AliasEvent):
            self._last = max(self._last, _last_line(event.end_mark))
            self._value(event, getattr(event, "value", ""))
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._last = max(self._last, _line(event.start_mark))
            place, line, column = self._begin(event)
            self._stack.append(_Level(place, isinstance(event, yaml.SequenceStartEvent), line, column))
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            if _has_width(event):  # a bracket; the end of a block is no character
                self._last = max(self._last, _line(event.end_mark))
            self._close()

    def _value(self, event: Any, value: str) -> None:
        level = self._stack[-1] if self._stack else None
        if level is not None and not level.is_list and level.key is None:
            level.key, level.waiting = value, event.start_mark
            return
        place, line, column = self._begin(event)
        self.places[place] = Position(line, column, max(line, _last_line(event.end_mark)))
        if level is not None and place.endswith(".id") and _NODE.fullmatch(level.place):
            self.ids[level.place] = value

    def _begin(self, event: Any) -> tuple[str, int, int]:
        """The place of the value that begins here, and where it stands: an object's values at their keys."""
        mark = event.start_mark
        if not self._stack:
            return "", mark.line + 1, mark.column
        level = self._stack[-1]
        if level.is_list:
            place = join_place(level.place, level.count)
            level.count += 1
        else:
            place, mark = join_place(level.place, level.key or ""), level.waiting or mark
            level.key = None
        return place, mark.line + 1, mark.column

    def _close(self) -> None:
        level = self._stack.pop()
        self.places[level.place] = Position(level.line, level.column, max(level.line, self._last))


def _line(mark: Any) -> int:
    return int(mark.line + 1)


def _has_width(event: Any) -> bool:
    return bool(event.end_mark.index > event.start_mark.index)


def _last_line(mark: Any) -> int:
    """The line before a mark: a block of text ends where the next line begins."""
    return int(mark.line + 1 if mark.column else max(mark.line, 1))
