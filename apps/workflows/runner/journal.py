"""The engine's journal on the run ledger."""

from __future__ import annotations

from typing import Final

from apps.core.streams import Stream
from apps.workflows.engine.events import Event

#: Pieces of running text, which are joined until they are stored.
TEXT: Final = frozenset({"text.delta", "reasoning.delta", "node.delta"})
#: Events that are stored in the transaction that changes the run's row, see `closing`.
CLOSING: Final = frozenset({"run.completed", "run.failed", "run.stopped", "run.waiting"})


class LedgerJournal:
    """Puts the events of one run on its stream; events of all runs are committed together.

    The last event is held back (`last`): it is stored together with the run's new state.
    """

    __slots__ = ("_stream", "last")

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.last: Event | None = None

    def append(self, event: Event) -> None:
        """Queue an event; raises StreamBrokenError when the stream can't be written any more."""
        kind, data = event
        if kind in TEXT:
            said = {name: value for name, value in data.items() if name != "text"}
            self._stream.put_text(kind, data["text"], said or None)
        elif kind in CLOSING:
            self.last = event
        else:
            self._stream.put(kind, data)

    async def barrier(self) -> None:
        """Return when everything appended so far is committed."""
        await self._stream.flush()
