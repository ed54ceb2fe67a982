"""Watching streams: replay from the ledger, then live, across processes, without gap or double."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import uuid
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final, TypeVar
from uuid import UUID

import psycopg
from psycopg import sql

from apps.core.streams import store
from apps.core.streams.events import TERMINAL_TYPES, StoredEvent, join_text
from apps.core.streams.signals import CHANNEL, Command, Progress, decode
from apps.core.streams.writer import Stream, StreamWriter

logger = logging.getLogger(__name__)

T = TypeVar("T")

_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 2.0


class _Subscription:
    """A bounded buffer between the hub and one watcher; on overflow the watcher reads the table instead."""

    __slots__ = ("_limit", "_waiter", "buffer", "lagging")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiter: asyncio.Future[None] | None = None
        self.buffer: deque[StoredEvent] = deque()
        self.lagging = True

    def push(self, events: Sequence[StoredEvent]) -> None:
        if len(self.buffer) + len(events) > self._limit:
            self.buffer.clear()
            self.lagging = True
        elif not self.lagging:
            self.buffer.extend(events)
        self.wake()

    def lag(self) -> None:
        self.lagging = True
        self.wake()

    def wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def wait(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None


class _Feed:
    """The watchers of one stream in this process and how far they have been served."""

    __slots__ = ("head", "subscriptions")

    def __init__(self, head: int) -> None:
        self.head = head
        self.subscriptions: set[_Subscription] = set()


class StreamHub:
    """Everything one event loop needs of the ledger: its writer, and subscriptions to any stream.

    conninfo: libpq connection string. interval: seconds between the writer's commits. buffer: events kept for
    a watcher that is slower than its stream before it is sent back to the table.
    """

    def __init__(self, conninfo: str, *, interval: float = 0.02, buffer: int = 1_000) -> None:
        self._conninfo = conninfo
        self._buffer = buffer
        self.origin = uuid.uuid4().hex
        self.writer = StreamWriter(self._connect, self._deliver, origin=self.origin, interval=interval)
        self._feeds: dict[UUID, _Feed] = {}
        self._handlers: dict[UUID, Callable[[str], None]] = {}
        self._behind: set[UUID] = set()
        self._listening = asyncio.Event()
        self._reader: psycopg.AsyncConnection[Any] | None = None
        self._reader_lock = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Task[None] | None = None
        self._catching_up = False

    def open(self, stream_id: UUID, next_seq: int = 1) -> Stream:
        """A stream to write, see `StreamWriter.open`."""
        return self.writer.open(stream_id, next_seq)

    async def subscribe(
        self, stream_id: UUID, after_seq: int = 0, *, until: frozenset[str] = TERMINAL_TYPES
    ) -> AsyncGenerator[StoredEvent, None]:
        """Every event after `after_seq` once and in order, live ones after their commit.

        Ends after a type in `until`. Text pieces read from the table come joined, carrying the last `seq` of
        their run.
        """
        subscription = self._register(stream_id, after_seq)
        last = after_seq
        try:
            await self._listen()
            while True:
                if subscription.lagging:
                    subscription.lagging = False
                    subscription.buffer.clear()
                    async for event in self._replay(stream_id, last):
                        last = event.seq
                        yield event
                        if event.type in until:
                            return
                    continue
                if not subscription.buffer:
                    await subscription.wait()
                    continue
                event = subscription.buffer.popleft()
                if event.seq <= last:
                    continue
                if event.seq != last + 1:
                    subscription.lagging = True
                    continue
                last = event.seq
                yield event
                if event.type in until:
                    return
        finally:
            self._unregister(stream_id, subscription)

    async def events(self, stream_id: UUID, after_seq: int = 0) -> list[StoredEvent]:
        """What the ledger holds of a stream after `after_seq`, text joined."""
        return [event async for event in self._replay(stream_id, after_seq)]

    def on_command(self, stream_id: UUID, handler: Callable[[str], None] | None) -> None:
        """Call `handler(name)` for each command sent to the stream; None ends it."""
        if handler is None:
            self._handlers.pop(stream_id, None)
        else:
            self._handlers[stream_id] = handler

    async def ready(self) -> None:
        """Return when commands and other processes' events reach this hub."""
        await self._listen()

    async def close(self) -> None:
        """Commit what is queued and give the connections back."""
        await self.writer.close()
        tasks = [*self._tasks, *([self._listener] if self._listener else [])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._listener = None
        if self._reader is not None:
            await self._reader.close()
            self._reader = None

    # -- in-process side

    def _register(self, stream_id: UUID, after_seq: int) -> _Subscription:
        feed = self._feeds.get(stream_id)
        if feed is None:
            feed = self._feeds[stream_id] = _Feed(after_seq)
        subscription = _Subscription(self._buffer)
        feed.subscriptions.add(subscription)
        return subscription

    def _unregister(self, stream_id: UUID, subscription: _Subscription) -> None:
        feed = self._feeds.get(stream_id)
        if feed is None:
            return
        feed.subscriptions.discard(subscription)
        if not feed.subscriptions:
            del self._feeds[stream_id]

    def _deliver(self, stream_id: UUID, events: Sequence[StoredEvent]) -> None:
        feed = self._feeds.get(stream_id)
        if feed is None:
            return
        feed.head = max(feed.head, events[-1].seq)
        for subscription in feed.subscriptions:
            subscription.push(events)

    # -- PostgreSQL side

    async def _connect(self) -> psycopg.AsyncConnection[Any]:
        return await psycopg.AsyncConnection.connect(
            self._conninfo, autocommit=True, connect_timeout=5, application_name="flywheel-streams"
        )

    async def _replay(self, stream_id: UUID, after_seq: int) -> AsyncIterator[StoredEvent]:
        while True:
            page = await self._read(partial(store.read, stream_id=stream_id, after_seq=after_seq))
            for event in join_text(page):
                yield event
            if len(page) < store.PAGE:
                return
            after_seq = page[-1].seq

    async def _read(self, query: Callable[[psycopg.AsyncConnection[Any]], Awaitable[T]]) -> T:
        """Run a read on the hub's reading connection, opening it again while PostgreSQL is away."""
        pause = _PAUSE
        while True:
            async with self._reader_lock:
                try:
                    if self._reader is None:
                        self._reader = await self._connect()
                    return await query(self._reader)
                except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                    logger.warning("stream ledger: reading again in %.1f s (%s)", pause, error)
                    reader, self._reader = self._reader, None
                    if reader is not None:
                        await reader.close()
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _listen(self) -> None:
        if self._listener is None:
            self._listener = asyncio.get_running_loop().create_task(
                self._run_listener(), name="stream-listener"
            )
        await self._listening.wait()

    async def _run_listener(self) -> None:
        pause = _PAUSE
        while True:
            try:
                async with await self._connect() as connection:
                    await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(CHANNEL)))
                    self._on_listening()
                    pause = _PAUSE
                    async for notification in connection.notifies():
                        self._on_signal(notification.payload)
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                logger.warning("stream ledger: listening again in %.1f s (%s)", pause, error)
            self._listening.clear()
            await asyncio.sleep(pause * (1 + random.random() / 4))  # noqa: S311 - jitter, not a secret
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _on_listening(self) -> None:
        self._listening.set()
        # what was committed while nobody listened is read from the table
        for feed in self._feeds.values():
            for subscription in feed.subscriptions:
                subscription.lag()

    def _on_signal(self, payload: str) -> None:
        signal = decode(payload)
        if isinstance(signal, Command):
            handler = self._handlers.get(signal.stream_id)
            if handler is not None:
                handler(signal.name)
        elif isinstance(signal, Progress) and signal.origin != self.origin:
            self._on_progress(signal)

    def _on_progress(self, progress: Progress) -> None:
        for stream_id, seq in progress.heads.items():
            feed = self._feeds.get(stream_id)
            if feed is not None and seq > feed.head:
                self._behind.add(stream_id)
        if self._behind and not self._catching_up:
            self._catching_up = True
            task = asyncio.get_running_loop().create_task(self._catch_up(), name="stream-catch-up")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _catch_up(self) -> None:
        """Fetch what other processes committed, for all watched streams in one query."""
        try:
            while self._behind:
                heads = {i: self._feeds[i].head for i in self._behind if i in self._feeds}
                self._behind.clear()
                found = await self._read(partial(store.read_many, heads=heads))
                for stream_id, events in found.items():
                    self._deliver(stream_id, events)
        finally:
            self._catching_up = False


@contextlib.asynccontextmanager
async def open_hub(conninfo: str, **options: Any) -> AsyncIterator[StreamHub]:
    """A hub for the length of a block (scripts and tests)."""
    hub = StreamHub(conninfo, **options)
    try:
        yield hub
    finally:
        await hub.close()
