"""The ledger's table in SQL: insert with its notification, reads by sequence number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Protocol
from uuid import UUID

import psycopg

from apps.core.streams.events import StoredEvent, dump_json
from apps.core.streams.signals import CHANNEL, encode_command, encode_progress

PAGE: Final = 1_000

# One statement is one round trip and one transaction: rows and notification are committed together. A sequence
# number that is taken fails it as a whole: see `StreamWriter`.
_INSERT: Final = """
WITH stored AS (
    INSERT INTO core_streamevent (stream_id, seq, type, data, created_at)
    SELECT stream_id, seq, type, data, now()
    FROM jsonb_to_recordset(%s::jsonb) AS r(stream_id uuid, seq int, type text, data jsonb)
)
SELECT pg_notify(%s, payload) FROM unnest(%s::text[]) AS payload
"""

_COUNT_STORED: Final = """
SELECT count(*) FROM jsonb_to_recordset(%s::jsonb) AS r(stream_id uuid, seq int, type text, data jsonb)
JOIN core_streamevent e ON e.stream_id = r.stream_id AND e.seq = r.seq AND e.type = r.type AND e.data = r.data
"""

_READ: Final = """
SELECT seq, type, data::text FROM core_streamevent WHERE stream_id = %s AND seq > %s ORDER BY seq LIMIT %s
"""

_READ_MANY: Final = """
SELECT e.stream_id, e.seq, e.type, e.data::text
FROM unnest(%s::uuid[], %s::int[]) AS wanted(stream_id, head)
JOIN core_streamevent e ON e.stream_id = wanted.stream_id AND e.seq > wanted.head
ORDER BY e.stream_id, e.seq
"""

_APPEND: Final = """
INSERT INTO core_streamevent (stream_id, seq, type, data, created_at)
SELECT %(stream)s, COALESCE(max(seq), 0) + 1, %(type)s, %(data)s::jsonb, now()
FROM core_streamevent WHERE stream_id = %(stream)s
RETURNING seq
"""


class Cursor(Protocol):
    """The two methods used here of a DB-API cursor (Django's or psycopg's)."""

    def execute(self, query: Any, params: Any = None, /) -> Any:
        """Run a statement."""

    def fetchone(self) -> Any:
        """The next row or None."""


async def insert(
    connection: psycopg.AsyncConnection[Any], origin: str, batch: Sequence[tuple[UUID, Sequence[StoredEvent]]]
) -> None:
    """Commit the events of several streams and say so to other processes."""
    rows = ",".join(_row(stream_id, event) for stream_id, events in batch for event in events)
    payloads = encode_progress(origin, ((stream_id, events[-1].seq) for stream_id, events in batch))
    await connection.execute(_INSERT, (f"[{rows}]", CHANNEL, payloads), prepare=True)


async def stored(
    connection: psycopg.AsyncConnection[Any], stream_id: UUID, events: Sequence[StoredEvent]
) -> bool:
    """Whether the ledger holds exactly these events: they were committed, and the answer got lost."""
    rows = ",".join(_row(stream_id, event) for event in events)
    cursor = await connection.execute(_COUNT_STORED, (f"[{rows}]",))
    row = await cursor.fetchone()
    return row is not None and row[0] == len(events)


def _row(stream_id: UUID, event: StoredEvent) -> str:
    return f'{{"stream_id":"{stream_id}","seq":{event.seq},"type":"{event.type}","data":{event.json}}}'


async def read(
    connection: psycopg.AsyncConnection[Any], stream_id: UUID, after_seq: int, limit: int = PAGE
) -> list[StoredEvent]:
    """Up to `limit` events of a stream after `after_seq`, in order."""
    cursor = await connection.execute(_READ, (stream_id, after_seq, limit), prepare=True)
    return [StoredEvent(*row) for row in await cursor.fetchall()]


async def read_many(
    connection: psycopg.AsyncConnection[Any], heads: Mapping[UUID, int]
) -> dict[UUID, list[StoredEvent]]:
    """For each stream the events after its head, in one round trip."""
    cursor = await connection.execute(_READ_MANY, (list(heads), list(heads.values())), prepare=True)
    found: dict[UUID, list[StoredEvent]] = {}
    for stream_id, seq, kind, json in await cursor.fetchall():
        found.setdefault(stream_id, []).append(StoredEvent(seq, kind, json))
    return found


def append_now(cursor: Cursor, stream_id: UUID, type_: str, data: Mapping[str, Any]) -> int:
    """Append one event in the caller's transaction (sweepers, commands) and return its `seq`.

    The caller holds a lock that keeps other writers of this stream away.
    """
    cursor.execute(_APPEND, {"stream": stream_id, "type": type_, "data": dump_json(dict(data))})
    seq: int = cursor.fetchone()[0]
    for payload in encode_progress("", [(stream_id, seq)]):
        cursor.execute("SELECT pg_notify(%s, %s)", (CHANNEL, payload))
    return seq


def command_now(cursor: Cursor, stream_id: UUID, name: str) -> None:
    """Send a command to whoever runs the stream; delivered when the caller's transaction commits."""
    cursor.execute("SELECT pg_notify(%s, %s)", (CHANNEL, encode_command(stream_id, name)))


def purge(cursor: Cursor, stream_ids: Iterable[UUID]) -> int:
    """Delete the events of these streams, whose outcome is kept elsewhere; returns how many rows went."""
    cursor.execute(
        "WITH gone AS (DELETE FROM core_streamevent WHERE stream_id = ANY(%s::uuid[]) RETURNING 1) "
        "SELECT count(*) FROM gone",
        (list(stream_ids),),
    )
    count: int = cursor.fetchone()[0]
    return count
