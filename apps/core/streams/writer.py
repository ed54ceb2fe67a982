"""Group-committing writer of the ledger: one per event loop, one statement per flush for all runs."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final
from uuid import UUID

import psycopg

from apps.core.streams import store
from apps.core.streams.events import NODE_TEXT, TEXT_TYPES, StoredEvent, dump_json

logger = logging.getLogger(__name__)

Batch = list[tuple["Stream", list[StoredEvent]]]

_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 2.0


class StreamBrokenError(Exception):
    """An event of this stream can't be stored; the run that writes it has to end."""


class StreamTakenError(StreamBrokenError):
    """Another process writes this stream now; whoever held it before must stop without a word."""


class _Draft:
    """An appended event that has no sequence number yet."""

    __slots__ = ("data", "text", "type")

    def __init__(self, type_: str, text: str | None, data: dict[str, Any] | None) -> None:
        self.type = type_
        self.text = text
        self.data = data

    def json(self) -> str:
        data = self.data or {}
        return dump_json(data if self.text is None else {**data, "text": self.text})


class Stream:
    """One run's end of the ledger. Only one writer may hold a stream at a time."""

    __slots__ = ("_drafts", "_writer", "broken", "next_seq", "stream_id")

    def __init__(self, writer: StreamWriter, stream_id: UUID, next_seq: int) -> None:
        self._writer = writer
        self.stream_id = stream_id
        self.next_seq = next_seq
        self.broken: Exception | None = None
        self._drafts: list[_Draft] = []

    async def append(self, type_: str, data: dict[str, Any]) -> None:
        """Queue an event; waits only while the writer's queue is full (PostgreSQL is away or behind)."""
        if self._writer.full:
            await self._writer.wait_for_room()
        self._check()
        self._writer.enqueue(self)
        self._drafts.append(_Draft(type_, None, data))

    async def append_text(self, type_: str, text: str) -> None:
        """Queue a piece of running text; joined with the piece before it when that isn't stored yet."""
        if self._writer.full:
            await self._writer.wait_for_room()
        self._check()
        self._writer.enqueue(self)
        drafts = self._drafts
        last = drafts[-1] if drafts else None
        if last is not None and last.type == type_ and last.text is not None and type_ in TEXT_TYPES:
            last.text += text
        else:
            drafts.append(_Draft(type_, text, None))

    def put(self, type_: str, data: dict[str, Any]) -> None:
        """Queue an event without waiting for room: for engines, whose step must not be interrupted.

        Whoever drives the engine calls `room` between its steps.
        """
        self._check()
        self._writer.enqueue(self)
        self._drafts.append(_Draft(type_, None, data))

    def put_text(self, type_: str, text: str, data: dict[str, Any] | None = None) -> None:
        """The same for a piece of running text. data: what it carries beside it (`node`, `path`).

        Pieces of nodes and of the answer that are not stored yet may pass each other: each is joined with the last
        one of its kind and path.
        """
        self._check()
        self._writer.enqueue(self)
        for draft in reversed(self._drafts):
            if draft.type == type_ and draft.text is not None and draft.data == data:
                draft.text += text
                return
            if not _may_pass(type_, draft.type):
                break
        self._drafts.append(_Draft(type_, text, data))

    async def room(self) -> None:
        """Wait while the writer's queue is full."""
        if self._writer.full:
            await self._writer.wait_for_room()

    async def flush(self) -> None:
        """Return when everything appended so far is committed and delivered."""
        await self._writer.flush()
        self._check()

    def take(self) -> list[StoredEvent]:
        """Number the queued events and hand them over (called by the writer)."""
        drafts, self._drafts = self._drafts, []
        if self.broken is not None:
            return []
        first = self.next_seq
        self.next_seq += len(drafts)
        return [StoredEvent(first + i, draft.type, draft.json()) for i, draft in enumerate(drafts)]

    def _check(self) -> None:
        if isinstance(self.broken, StreamTakenError):
            raise self.broken
        if self.broken is not None:
            raise StreamBrokenError(str(self.broken)) from self.broken


def _may_pass(type_: str, other: str) -> bool:
    """Whether a piece of text may be put before an event: what nodes say and what the answer says run side by side."""
    if type_ == NODE_TEXT:
        return other == NODE_TEXT or other in TEXT_TYPES
    return other == NODE_TEXT


class StreamWriter:
    """Collects what all runs append and commits it every `interval` seconds, at once after a quiet time.

    connect: opens an autocommit connection. deliver: called with each stream's events after their commit.
    capacity: how many appended events may wait; beyond it `append` waits, so a PostgreSQL that is away stops
    the runs instead of filling the memory. Lost connections are opened again and the batch is sent again.

    The primary key is the fence: a sequence number that is taken means either that an earlier try was committed
    (the same events are there, nothing is lost or doubled) or that another process writes the stream by now. Then
    none of the events is stored, and the stream ends with `StreamTakenError`.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[psycopg.AsyncConnection[Any]]],
        deliver: Callable[[UUID, Sequence[StoredEvent]], None],
        *,
        origin: str,
        interval: float = 0.02,
        capacity: int = 20_000,
    ) -> None:
        self._connect = connect
        self._deliver = deliver
        self._origin = origin
        self._interval = interval
        self._capacity = capacity
        self._waiting: dict[Stream, None] = {}
        self._size = 0
        self._flushes: list[asyncio.Future[None]] = []
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._armed = False
        self._last = 0.0
        self._closing = False
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._task: asyncio.Task[None] | None = None

    def open(self, stream_id: UUID, next_seq: int = 1) -> Stream:
        """A stream to append to, beginning with `next_seq`."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="stream-writer")
        return Stream(self, stream_id, next_seq)

    @property
    def full(self) -> bool:
        """Whether appending has to wait."""
        return self._size >= self._capacity

    async def wait_for_room(self) -> None:
        """Return when the queue has room again."""
        while self.full:
            self._room.clear()
            await self._room.wait()

    def enqueue(self, stream: Stream) -> None:
        """Count one more event of `stream` and see to it that a flush comes."""
        self._waiting[stream] = None
        self._size += 1
        if not self._armed:
            self._arm()

    async def flush(self) -> None:
        """Return when everything appended so far is committed."""
        if self._task is None or self._task.done():
            # the loop is shutting down and has cancelled the writer's task: whoever still writes commits
            # itself
            await self._cycle()
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._flushes.append(done)
        self._wake.set()
        await done

    async def close(self, grace: float = 5.0) -> None:
        """Commit what is queued (at most `grace` seconds) and stop."""
        if self._task is not None:
            self._closing = True
            self._wake.set()
            done, _ = await asyncio.wait({self._task}, timeout=grace)
            if not done:
                self._task.cancel()
                await asyncio.wait({self._task})
            self._task = None
        await self._disconnect()

    def _arm(self) -> None:
        self._armed = True
        loop = asyncio.get_running_loop()
        delay = self._last + self._interval - loop.time()
        if delay <= 0:
            self._wake.set()
        else:
            loop.call_later(delay, self._wake.set)

    async def _run(self) -> None:
        try:
            while not (self._closing and not self._waiting):
                await self._wake.wait()
                await self._cycle()
        except asyncio.CancelledError:
            await self._cycle()
            raise

    async def _cycle(self) -> None:
        """Commit what is queued, deliver it, and tell those who wait for that."""
        self._wake.clear()
        self._last = asyncio.get_running_loop().time()
        batch, flushes = self._take()
        try:
            await self._commit(batch)
        except asyncio.CancelledError:
            # shutting down in the middle of a commit: sending it again is harmless
            await self._disconnect()
            await self._commit(batch)
            self._finish(batch, flushes)
            raise
        self._finish(batch, flushes)

    def _finish(self, batch: Batch, flushes: list[asyncio.Future[None]]) -> None:
        for stream, events in batch:
            if events:
                self._deliver(stream.stream_id, events)
        for done in flushes:
            if not done.done():
                done.set_result(None)

    def _take(self) -> tuple[Batch, list[asyncio.Future[None]]]:
        batch = [(stream, events) for stream in self._waiting if (events := stream.take())]
        flushes, self._flushes = self._flushes, []
        self._waiting = {}
        self._size = 0
        self._armed = False
        self._room.set()
        return batch, flushes

    async def _commit(self, batch: Batch) -> None:
        if not batch:
            return
        pause = _FIRST_PAUSE
        while True:
            try:
                await self._insert(batch)
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                logger.warning("stream ledger: PostgreSQL is away, trying again in %.2f s (%s)", pause, error)
                await self._disconnect()
                await asyncio.sleep(pause * (1 + random.random() / 4))  # noqa: S311 - jitter, not a secret
                pause = min(pause * 2, _LONGEST_PAUSE)
            except psycopg.Error as error:
                await self._separate(batch, error)
                return
            else:
                return

    async def _insert(self, batch: Batch) -> None:
        if self._connection is None:
            self._connection = await self._connect()
        await store.insert(
            self._connection, self._origin, [(stream.stream_id, events) for stream, events in batch]
        )

    async def _separate(self, batch: Batch, error: psycopg.Error) -> None:
        # one run's event that PostgreSQL refuses must not take the other runs down
        if len(batch) > 1:
            for part in batch:
                await self._commit([part])
            return
        stream, events = batch[0]
        if isinstance(error, psycopg.errors.UniqueViolation):
            await self._settle_taken(stream, events)
            return
        logger.error("stream ledger: an event of %s was refused: %s", stream.stream_id, error)
        stream.broken = error
        events.clear()

    async def _settle_taken(self, stream: Stream, events: list[StoredEvent]) -> None:
        """Find out who took the sequence numbers: an earlier try of ours, or another writer."""
        while True:
            try:
                if self._connection is None:
                    self._connection = await self._connect()
                ours = await store.stored(self._connection, stream.stream_id, events)
            except (psycopg.OperationalError, psycopg.InterfaceError):
                await self._disconnect()
                await asyncio.sleep(_FIRST_PAUSE)
            else:
                break
        if not ours:
            logger.warning("stream ledger: another process writes %s now", stream.stream_id)
            stream.broken = StreamTakenError("Another process writes this stream now.")
            events.clear()

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
