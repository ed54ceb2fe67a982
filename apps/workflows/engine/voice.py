"""Where a workflow's answer goes: out of the run, or into the node that runs it as a sub-workflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apps.workflows.engine.execution import Execution
    from apps.workflows.engine.feed import Feed

#: Pieces after which they are put together, so that a long answer doesn't cost a small object per token.
_PIECES = 1024


class Pieces:
    """A text that grows and shrinks at its end."""

    __slots__ = ("_pieces", "length")

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self.length = 0

    def add(self, text: str) -> None:
        """Put a piece at the end."""
        self._pieces.append(text)
        self.length += len(text)
        if len(self._pieces) > _PIECES:
            self._pieces = ["".join(self._pieces)]

    def cut(self, count: int) -> None:
        """Take characters off the end."""
        if count:
            self.length -= count
            self._pieces = [self.text()[: self.length]]

    def text(self) -> str:
        """All of it."""
        return "".join(self._pieces)


class Voice:
    """What says the answer of a workflow."""

    __slots__ = ("said",)

    def __init__(self) -> None:
        self.said = Pieces()

    def say(self, text: str, speaker: Execution | None) -> None:
        """Say a piece; `speaker` when a node says it right now."""
        self.said.add(text)

    def retract(self, count: int) -> None:
        """Take back the last characters."""
        self.said.cut(count)


class RunVoice(Voice):
    """Says the run's answer to whoever watches.

    A run that is resumed goes through what it had said without repeating it (`quiet`); `speak_up` then says what is
    missing, or takes back what a node that has to run again had said.
    """

    __slots__ = ("_feed", "_quiet")

    def __init__(self, feed: Feed, *, quiet: bool) -> None:
        super().__init__()
        self._feed = feed
        self._quiet = quiet

    def say(self, text: str, speaker: Execution | None) -> None:
        """Say a piece of the run's answer."""
        self.said.add(text)
        if self._quiet:
            return
        data = {"text": text}
        if speaker is not None:
            data["node"] = speaker.spec.id
            data["path"] = speaker.path
        self._feed.emit_text("text.delta", data)

    def retract(self, count: int) -> None:
        """Take back the last characters of the run's answer."""
        self.said.cut(count)
        if count and not self._quiet:
            self._feed.emit("text.reset", {"length": self.said.length})

    def speak_up(self, already: int) -> None:
        """End the quiet: `already` characters had been said before."""
        self._quiet = False
        if self.said.length < already:
            self._feed.emit("text.reset", {"length": self.said.length})
        elif self.said.length > already:
            self._feed.emit_text("text.delta", {"text": self.said.text()[already:]})


class NodeVoice(Voice):
    """Says a sub-workflow's answer as the text of the node that runs it."""

    __slots__ = ("_node",)

    def __init__(self, node: Execution) -> None:
        super().__init__()
        self._node = node

    def say(self, text: str, speaker: Execution | None) -> None:
        """Say a piece as the node's text."""
        self.said.add(text)
        self._node.text(text)

    def retract(self, count: int) -> None:
        """Take back the last characters of the node's text."""
        self.said.cut(count)
        self._node.unsay(count)
