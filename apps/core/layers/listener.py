"""The receiving side of one event loop: its groups, its queues and the connection that listens."""

import asyncio
import logging
import random
from collections import defaultdict

import psycopg

from .connection import FIRST_RECONNECT_SECONDS, LAST_RECONNECT_SECONDS, connection_string
from .wire import CHANNEL, Assembler, Kind, Message, Packet

logger = logging.getLogger(__name__)


class Listener:
    """Delivers notifications to the queues of this event loop's channels."""

    def __init__(self, conninfo: str, capacity: int) -> None:
        self._conninfo = connection_string(conninfo, "listen")
        self._capacity = capacity
        self._queues: dict[str, asyncio.Queue[Message]] = {}
        self._members: defaultdict[str, set[str]] = defaultdict(set)
        self._overflowing: set[str] = set()
        self._listening = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    # -- channels and groups

    def join(self, group: str, channel: str) -> None:
        """Let `channel` receive what is sent to `group`, from now on."""
        self._queue(channel)
        self._members[group].add(channel)

    def leave(self, group: str, channel: str) -> None:
        """Undo `join`."""
        self._members[group].discard(channel)
        if not self._members[group]:
            del self._members[group]

    async def receive(self, channel: str) -> Message:
        """Wait for the channel's next message; a cancelled wait means that its consumer is gone."""
        await self.ready()
        try:
            return await self._queue(channel).get()
        except asyncio.CancelledError:
            self._forget(channel)
            raise

    def flush(self) -> None:
        """Forget all groups and undelivered messages of this event loop."""
        self._members.clear()
        self._queues.clear()

    def _queue(self, channel: str) -> asyncio.Queue[Message]:
        return self._queues.setdefault(channel, asyncio.Queue(self._capacity))

    def _forget(self, channel: str) -> None:
        self._queues.pop(channel, None)
        self._overflowing.discard(channel)
        for group in [group for group, channels in self._members.items() if channel in channels]:
            self.leave(group, channel)

    # -- the connection

    async def ready(self) -> None:
        """Wait until notifications arrive here."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        await self._listening.wait()

    async def _run(self) -> None:
        """Listen for ever; what is sent while the connection is down is lost, since signals may be."""
        delay = FIRST_RECONNECT_SECONDS
        while True:
            try:
                await self._listen()
            except psycopg.OperationalError as error:
                if self._listening.is_set():
                    delay = FIRST_RECONNECT_SECONDS
                    self._listening.clear()
                logger.warning("The channel layer lost the database, trying again: %s", error)
            await asyncio.sleep(delay * random.uniform(0.8, 1.2))  # noqa: S311 - spreads reconnects, guards nothing
            delay = min(delay * 2, LAST_RECONNECT_SECONDS)

    async def _listen(self) -> None:
        assembler = Assembler()
        async with await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True) as connection:
            await connection.execute(f"listen {CHANNEL}")
            self._listening.set()
            async for notification in connection.notifies():
                if packet := assembler.add(notification.payload):
                    self._dispatch(packet)

    def _dispatch(self, packet: Packet) -> None:
        channels = self._members.get(packet.target, ()) if packet.kind is Kind.GROUP else (packet.target,)
        for channel in channels:
            queue = self._queues.get(channel)
            if queue is not None:
                self._put(channel, queue, packet)

    def _put(self, channel: str, queue: asyncio.Queue[Message], packet: Packet) -> None:
        """Drop the message for a consumer that doesn't keep up, and say so once each time it falls behind."""
        try:
            queue.put_nowait(packet.message())
            self._overflowing.discard(channel)
        except asyncio.QueueFull:
            if channel not in self._overflowing:
                logger.warning("Channel %s has %d messages waiting; dropping more.", channel, queue.qsize())
            self._overflowing.add(channel)
