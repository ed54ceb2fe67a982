"""The way of events from the scheduler to the journal and to whoever iterates over the run."""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from typing import Any

from apps.workflows.engine.events import Event
from apps.workflows.engine.hooks import Journal

#: Events after which the scheduler lets the reader catch up before it starts more nodes.
HIGH_WATER = 256
#: Characters up to which pieces of text are put together for a reader who is behind.
PIECE = 4096

# what `Event(type, data)` does, at half its cost: every event passes here
_new_event = partial(tuple.__new__, Event)


class Feed:
    """A buffer of events with one reader, and a bell that wakes it."""

    __slots__ = ("_bell", "buffer", "journal")

    def __init__(self, journal: Journal | None) -> None:
        self.buffer: deque[Event] = deque()
        self.journal = journal
        self._bell: asyncio.Future[None] | None = None

    def emit(self, kind: str, data: dict[str, Any]) -> None:
        """Tell of something that happened."""
        event = _new_event((kind, data))
        self.buffer.append(event)
        if self.journal is not None:
            self.journal.append(event)
        if self._bell is not None:
            self.ring()

    def emit_text(self, kind: str, data: dict[str, Any]) -> None:
        """Tell of a piece of text; for a reader who is far behind it joins the piece before it."""
        buffer = self.buffer
        if len(buffer) < HIGH_WATER:
            self.emit(kind, data)
            return
        event = _new_event((kind, data))
        if self.journal is not None:
            self.journal.append(event)
        last = buffer[-1]
        if last.type == kind and len(last.data["text"]) < PIECE and last.data.get("path") == data.get("path"):
            # a new event, not a longer old one: the journal holds the old
            buffer[-1] = _new_event((kind, {**data, "text": last.data["text"] + data["text"]}))
        else:
            buffer.append(event)

    def ring(self) -> None:
        """Wake the reader."""
        bell, self._bell = self._bell, None
        if bell is not None and not bell.done():
            bell.set_result(None)

    def bell(self) -> asyncio.Future[None]:
        """What the reader sleeps on until somebody rings."""
        self._bell = asyncio.get_running_loop().create_future()
        return self._bell
