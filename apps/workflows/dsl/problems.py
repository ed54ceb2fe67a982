"""What is wrong with a document: one record per finding, with its place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding.

    code: for programs; `params` hold what the sentence names, so that it can be said in another language.
    place: path in the document, such as ``nodes[2].config.url``; "" is the document itself.
    line: 1-based line in the text that was read, where it is known.
    """

    code: str
    place: str
    message: str
    node_id: str = ""
    severity: Severity = "error"
    params: dict[str, Any] = field(default_factory=dict, compare=False)
    line: int | None = field(default=None, compare=False)

    def as_dict(self) -> dict[str, Any]:
        """The finding as plain JSON."""
        return {
            "code": self.code,
            "place": self.place,
            "message": self.message,
            "node_id": self.node_id,
            "severity": self.severity,
            "params": self.params,
            "line": self.line,
        }

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


class DocumentError(ValueError):
    """A document can't be read; `problems` says all that is wrong with it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("; ".join(map(str, self.problems[:5])) or "The document can't be read.")


def errors(problems: Iterable[Problem]) -> list[Problem]:
    """Those that keep a document from running."""
    return [problem for problem in problems if problem.severity == "error"]


def join_place(base: str, *steps: str | int) -> str:
    """A path in a document: names joined by dots, positions and unusual names in brackets.

    >>> join_place("nodes", 2, "config", "url")
    'nodes[2].config.url'
    """
    place = base
    for step in steps:
        if isinstance(step, int):
            place += f"[{step}]"
        elif step.isidentifier():
            place += f".{step}" if place else step
        else:
            place += f"[{step!r}]"
    return place
