"""The sending side, once for event loops and once for plain threads.

Both use connections of their own in autocommit: PostgreSQL delivers a notification when its transaction
commits, and the caller's transaction may be long, or roll back.
"""

import asyncio
import os
import threading
import time
from collections.abc import Sequence

import psycopg

from .connection import SEND_DELAYS, connection_string
from .wire import CHANNEL

NOTIFY = "select pg_notify(%s, payload) from unnest(%s::text[]) with ordinality as p(payload, n) order by n"
BATCH = 200

Waiting = tuple[list[str], "asyncio.Future[None]"]


class AsyncPublisher:
    """Sends for one event loop; what waits while a statement is under way goes out together in the next."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = connection_string(conninfo, "send")
        self._waiting: list[Waiting] = []
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._connection: psycopg.AsyncConnection | None = None

    async def publish(self, payloads: list[str]) -> None:
        """Send the payloads of one message. Raises psycopg.OperationalError when the server stays away."""
        sent = asyncio.get_running_loop().create_future()
        self._waiting.append((payloads, sent))
        self._wake.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        await sent

    async def _run(self) -> None:
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._waiting:
                    batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
                    await self._deliver(batch)
        finally:
            await self._close()

    async def _deliver(self, batch: list[Waiting]) -> None:
        payloads = [payload for message, _ in batch for payload in message]
        error: psycopg.Error | None = None
        for delay in SEND_DELAYS:
            await asyncio.sleep(delay)
            try:
                await self._notify(payloads)
            except psycopg.OperationalError as failure:
                error = failure
                await self._close()
            except psycopg.Error as failure:
                error = failure
                break
            else:
                error = None
                break
        _settle(batch, error)

    async def _notify(self, payloads: Sequence[str]) -> None:
        if self._connection is None:
            self._connection = await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True)
        await self._connection.execute(NOTIFY, [CHANNEL, payloads])

    async def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


def _settle(batch: list[Waiting], error: psycopg.Error | None) -> None:
    for _, sent in batch:
        if sent.done():  # its sender was cancelled
            continue
        if error is None:
            sent.set_result(None)
        else:
            sent.set_exception(error)


class SyncPublisher:
    """Sends for the threads of a process without an event loop, over one connection that they share."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = connection_string(conninfo, "send")
        self._lock = threading.Lock()
        self._connection: psycopg.Connection | None = None
        self._process = os.getpid()

    def publish(self, payloads: list[str]) -> None:
        """Send the payloads of one message. Raises psycopg.OperationalError when the server stays away."""
        self._leave_parent()
        with self._lock:
            for delay in SEND_DELAYS:
                time.sleep(delay)
                try:
                    self._notify(payloads)
                except psycopg.OperationalError:
                    self._close()
                    if delay == SEND_DELAYS[-1]:
                        raise
                else:
                    return

    def _leave_parent(self) -> None:
        """After a fork the connection is the parent's, and a thread that isn't here may hold the lock."""
        if self._process != os.getpid():
            self._lock = threading.Lock()
            self._connection = None
            self._process = os.getpid()

    def _notify(self, payloads: Sequence[str]) -> None:
        if self._connection is None:
            self._connection = psycopg.connect(self._conninfo, autocommit=True)
        self._connection.execute(NOTIFY, [CHANNEL, payloads])

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
