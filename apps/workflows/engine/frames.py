"""Frames: one running copy of a block. The run itself is one, each round of a container another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apps.workflows.engine.execution import Execution
    from apps.workflows.engine.graph import Block
    from apps.workflows.engine.records import NodeRecord
    from apps.workflows.engine.speech import Speech


class Frame:
    """The state of a block that runs, and the scope its nodes read.

    values: outputs by node id, and the names given at its start. A name that isn't here is looked up in the frame
    around it, so a round copies nothing.
    unknown: edges into each node of which nothing is known yet; reached: nodes with an edge that was taken.
    live: nodes that were reached and have not ended. home: the frame of the workflow it belongs to.
    records: what a resumed run has done in it already.
    """

    __slots__ = (
        "block",
        "closed",
        "container",
        "depth",
        "home",
        "index",
        "live",
        "outer",
        "prefix",
        "reached",
        "records",
        "results",
        "speech",
        "unknown",
        "values",
    )

    def __init__(
        self, block: Block, values: dict[str, Any], container: Execution | None = None, index: int = 0
    ) -> None:
        self.block = block
        self.values = values
        self.unknown = list(block.incoming)
        self.reached = bytearray(len(block.specs))
        self.live = 0
        self.closed = False
        self.index = index
        self.container = container
        self.results: dict[str, Any] = {}
        self.speech: Speech | None = None
        self.records: dict[str, NodeRecord] | None = None
        self.outer: Frame | None = None
        self.home: Frame = self
        if container is None:
            self.prefix = ""
            self.depth = 0
        else:
            self.prefix = f"{container.path}:{index}/"
            self.depth = container.frame.depth + 1

    def inside(self, outer: Frame) -> Frame:
        """Let it see what the frame around it sees."""
        self.outer = outer
        self.home = outer.home
        return self

    def get(self, name: str, /) -> Any:
        """The outputs of a node, or a namespace; None when there is no such thing yet."""
        frame: Frame | None = self
        while frame is not None:
            found = frame.values.get(name)
            if found is not None:
                return found
            frame = frame.outer
        return None

    def skipped(self, index: int) -> bool:
        """Whether a node will not run, since no edge into it was taken."""
        return not self.unknown[index] and not self.reached[index] and self.block.incoming[index] > 0
