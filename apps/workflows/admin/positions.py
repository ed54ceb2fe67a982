"""Where in the text of a document a place such as ``nodes[2].config.url`` stands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

_STEP = re.compile(r"\[(\d+)\]|\[['\"]([^'\"]*)['\"]\]|([^.\[\]]+)")


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
    """The positions of all values of one text. A text that is no YAML has none, and every place is at line 1."""

    def __init__(self, text: str) -> None:
        self._root = _compose(text)

    def find(self, place: str) -> Position:
        """The position of a place, or of the nearest value around it when the place itself is missing."""
        node, at = self._root, self._root
        for name in _steps(place):
            key, value = _child(node, name)
            if value is None:
                break
            # the key's line says more than the value's: the value of a long text begins a line below
            node, at = value, key if key is not None else value
        return _position(at, node)

    def nodes(self) -> list[NodeLines]:
        """The workflow's nodes with their lines, in the order of the text, bodies included."""
        found: list[NodeLines] = []
        _collect(self._root, found)
        return found


def _compose(text: str) -> yaml.Node | None:
    try:
        node: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError):
        return None
    return node


def _steps(place: str) -> list[str]:
    return [index or quoted or name for index, quoted, name in _STEP.findall(place)]


def _child(node: yaml.Node | None, name: str) -> tuple[yaml.Node | None, yaml.Node | None]:
    if isinstance(node, yaml.SequenceNode) and name.isdigit() and int(name) < len(node.value):
        return None, node.value[int(name)]
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if getattr(key, "value", None) == name:
                return key, value
    return None, None


def _position(start: yaml.Node | None, value: yaml.Node | None) -> Position:
    if start is None or value is None:
        return Position(1, 0, 1)
    line = start.start_mark.line + 1
    return Position(line, start.start_mark.column, max(line, _last_line(value)))


def _last_line(node: yaml.Node) -> int:
    # a block ends where the next token begins: at the start of a later line
    mark = node.end_mark
    return int(mark.line + 1 if mark.column else mark.line)


def _collect(holder: yaml.Node | None, found: list[NodeLines]) -> None:
    _key, nodes = _child(holder, "nodes")
    if not isinstance(nodes, yaml.SequenceNode):
        return
    for node in nodes.value:
        _none, name = _child(node, "id")
        value: Any = getattr(name, "value", None)
        if isinstance(value, str):
            position = _position(node, node)
            found.append(NodeLines(value, position.line, position.end))
        _body_key, body = _child(node, "body")
        _collect(body, found)


def syntax_error(text: str) -> tuple[Position, str] | None:
    """Why a text is no YAML, and where; None when it is."""
    try:
        yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        return Position(line, mark.column if mark else 0, line), str(error.problem or error.context or error)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        return Position(line, 0, line), str(error.reason)
    except (yaml.YAMLError, ValueError) as error:
        return Position(1, 0, 1), str(error)
    except RecursionError:
        return Position(1, 0, 1), "nested too deeply"
    return None
