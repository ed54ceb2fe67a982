"""What is wrong with a document: one record per finding, with its place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from apps.workflows.dsl.sentences import Text, Translate, said

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding.

    code: for programs; sentence: for people, see `dsl.sentences`; params: what programs want to know beside the code.
    place: path in the document, such as ``nodes[2].config.url``; "" is the document itself.
    line: 1-based line in the text that was read, where it is known.
    """

    code: str
    place: str
    sentence: Text
    node_id: str = ""
    severity: Severity = "error"
    params: dict[str, Any] = field(default_factory=dict, compare=False)
    line: int | None = field(default=None, compare=False)

    @property
    def message(self) -> str:
        """What is wrong and what to do, in English."""
        return str(self.sentence)

    def as_dict(self, translate: Translate = str) -> dict[str, Any]:
        """The finding as plain JSON, said in the translator's language."""
        return {
            "code": self.code,
            "place": self.place,
            "message": said(self.sentence, translate),
            "node_id": self.node_id,
            "severity": self.severity,
            "params": self.params,
            "line": self.line,
        }

    def shown(self, translate: Translate = str) -> str:
        """The place and what is wrong there, in the translator's language."""
        sentence = str(said(self.sentence, translate))
        return f"{self.place}: {sentence}" if self.place else sentence

    def __str__(self) -> str:
        return self.shown()


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
