"""Compiled graphs, shared by the runs of a process."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final

from apps.workflows import dsl, engine
from apps.workflows.nodes.registry import catalogue

_KEPT: Final = 256


@dataclass(frozen=True, slots=True)
class Compiled:
    """A document that can run."""

    document: dict[str, Any]
    limits: Any
    graph: engine.Graph


class Graphs:
    """Keeps the graphs used last, by the checksum of their document."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Compiled] = OrderedDict()

    def get(self, checksum: str) -> Compiled | None:
        """The graph with this checksum, when it is kept."""
        found = self._kept.get(checksum)
        if found is not None:
            self._kept.move_to_end(checksum)
        return found

    def add(self, checksum: str, document: dict[str, Any]) -> Compiled:
        """Compile a document; raises DocumentError when this version of the product does not understand it."""
        parsed = dsl.parse(document)
        compiled = Compiled(document, parsed.limits, engine.compile(parsed, catalogue()))
        self._kept[checksum] = compiled
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return compiled
