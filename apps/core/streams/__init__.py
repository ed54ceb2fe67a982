"""The run-event ledger: durable, replayable event streams over one PostgreSQL table.

Writers append through `current_hub().open(stream_id)`; events of all runs are committed together every few
milliseconds and reach watchers (`current_hub().subscribe(stream_id, after_seq)`) after their commit, in this
process directly and in others through LISTEN/NOTIFY. Synchronous code uses `append_now`, `command_now` and
`purge` with a database cursor, inside its own transaction.
"""

from apps.core.streams.current import close_current_hub, current_hub
from apps.core.streams.events import TERMINAL_TYPES, StoredEvent
from apps.core.streams.hub import StreamHub, open_hub
from apps.core.streams.store import append_now, command_now, purge
from apps.core.streams.writer import Stream, StreamBrokenError, StreamTakenError, StreamWriter

__all__ = [
    "TERMINAL_TYPES",
    "StoredEvent",
    "Stream",
    "StreamBrokenError",
    "StreamHub",
    "StreamTakenError",
    "StreamWriter",
    "append_now",
    "close_current_hub",
    "command_now",
    "current_hub",
    "open_hub",
    "purge",
]
