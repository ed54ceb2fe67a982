"""What the ledger knows of nodes and rounds, in the same tree as the frames of the run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Setting(NamedTuple):
    """A variable that was set, and the path of the node that did."""

    namespace: str
    name: str
    value: Any
    path: str


@dataclass(slots=True)
class RoundRecord:
    """A round of a container. `done`: it has ended, with these."""

    nodes: dict[str, NodeRecord] = field(default_factory=dict)
    settings: list[Setting] = field(default_factory=list)
    done: bool = False
    output: Any = None
    error: dict[str, Any] | None = None
    signal: str | None = None
    said: str | None = None


@dataclass(slots=True)
class NodeRecord:
    """An execution of a node. state: running, waiting, completed, failed.

    `data` is that of the event which told the state; `answer` that to its wait; `settings` variables it has set.
    """

    state: str = "running"
    attempt: int = 0
    tries: int = 0
    data: dict[str, Any] = field(default_factory=dict)
    answer: dict[str, Any] | None = None
    version: int | None = None
    settings: list[Setting] = field(default_factory=list)
    rounds: dict[int, RoundRecord] = field(default_factory=dict)


def split(path: str) -> tuple[list[tuple[str, int]], str]:
    """A path as the rounds around a node, outermost first, and the node's id."""
    *around, last = path.split("/")
    rounds = []
    for step in around:
        container, _, index = step.rpartition(":")
        rounds.append((container, int(index)))
    return rounds, last
