"""Collects problems."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from apps.workflows.dsl.problems import Problem, Severity
from apps.workflows.dsl.sentences import Text, _

_PIECE = re.compile(r"(\d+)")
#: Sections in the order of a document.
_ORDER = {
    "version": 0,
    "kind": 1,
    "name": 2,
    "variables": 3,
    "limits": 4,
    "features": 5,
    "nodes": 6,
    "edges": 7,
}


class Report:
    """Problems found so far."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def error(self, code: str, place: str, message: Text, node_id: str = "", **params: Any) -> None:
        """Something that keeps the document from running."""
        self._add("error", code, place, message, node_id, params)

    def warning(self, code: str, place: str, message: Text, node_id: str = "", **params: Any) -> None:
        """Something that is probably not meant."""
        self._add("warning", code, place, message, node_id, params)

    def _add(
        self, severity: Severity, code: str, place: str, message: Text, node_id: str, params: dict[str, Any]
    ) -> None:
        self.problems.append(Problem(code, place, message, node_id, severity, params))

    def sorted(self) -> list[Problem]:
        """All of them, each once, in the order of the document."""
        return sorted(dict.fromkeys(self.problems), key=lambda problem: _position(problem.place))


def _position(place: str) -> tuple[int, list[tuple[int, str | int]]]:
    section = _ORDER.get(place.partition("[")[0].partition(".")[0], -1)
    pieces: list[tuple[int, str | int]] = [
        (0, int(piece)) if piece.isascii() and piece.isdigit() else (1, piece)
        for piece in _PIECE.split(place)
    ]
    return section, pieces


def suggestion(name: str, known: Iterable[str]) -> Text:
    """`` Did you mean 'x'?`` when something similar exists, else what there is, as far as it is little."""
    names = sorted(known)
    close = get_close_matches(name, names, 1, 0.75) if len(names) <= 1_000 else []
    if close:
        return _(" Did you mean {name!r}?", name=close[0])
    return _(" Known: {names}.", names=", ".join(names)) if 0 < len(names) <= 8 else ""
