"""Thinking that a model writes into its text, between ``<think>`` tags."""

from __future__ import annotations

from typing import Final

_OPEN: Final = "<think>"
_CLOSE: Final = "</think>"


class Splitter:
    """Takes a streamed text apart into what is said and what is thought, whatever way it was cut.

    Only thinking at the very beginning counts: a text that speaks of the tags later is left alone.
    """

    __slots__ = ("_after", "_inside", "_pending", "_said", "_started")

    def __init__(self) -> None:
        self._pending = ""
        self._inside = False
        self._started = False
        self._after = False  # thinking has just ended: line breaks that follow belong to neither
        self._said: list[str] = []

    @property
    def text(self) -> str:
        """What was said so far."""
        return "".join(self._said)

    def feed(self, piece: str) -> tuple[str, str]:
        """(said, thought) that this piece makes certain."""
        if self._started and not self._inside:
            return self._say(piece), ""
        self._pending += piece
        if not self._started:
            return self._begin()
        return self._think()

    def finish(self) -> tuple[str, str]:
        """What was held back in case a tag followed."""
        rest, self._pending = self._pending, ""
        if self._inside:
            return "", rest
        self._said.append(rest)
        return rest, ""

    def _say(self, piece: str) -> str:
        if self._after:
            piece = piece.lstrip("\n")
            self._after = not piece
        self._said.append(piece)
        return piece

    def _begin(self) -> tuple[str, str]:
        start = self._pending.lstrip()
        if start.startswith(_OPEN):
            self._started = self._inside = True
            self._pending = start[len(_OPEN) :].lstrip("\n")
            return self._think()
        if _OPEN.startswith(start):
            return "", ""  # nothing but space, or the beginning of a tag
        self._started = True
        said, self._pending = self._pending, ""
        self._said.append(said)
        return said, ""

    def _think(self) -> tuple[str, str]:
        thought, close, rest = self._pending.partition(_CLOSE)
        if close:
            self._inside = False
            self._after = True
            self._pending = ""
            return self._say(rest), thought.rstrip("\n")
        held = _overlap(thought)
        self._pending = thought[len(thought) - held :]
        return "", thought[: len(thought) - held]


def _overlap(text: str) -> int:
    """How many characters at the end may be the beginning of the closing tag."""
    for length in range(min(len(_CLOSE) - 1, len(text)), 0, -1):
        if _CLOSE.startswith(text[-length:]):
            return length
    return 0


def tagged(text: str, reasoning: str) -> str:
    """The text with its reasoning before it in tags."""
    return f"{_OPEN}\n{reasoning.strip()}\n{_CLOSE}\n{text}" if reasoning.strip() else text
