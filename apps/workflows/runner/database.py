"""The executor's own connection to PostgreSQL: short statements, tried again while the server is away."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import psycopg

logger = logging.getLogger(__name__)

T = TypeVar("T")
Connection = psycopg.AsyncConnection[Any]

_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 2.0


class Database:
    """One autocommit connection, used by one statement (or transaction) at a time."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._connection: Connection | None = None
        self._lock = asyncio.Lock()

    async def run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """The result of `work(connection)`. Work must be safe to do twice: it is repeated when the connection broke."""
        pause = _FIRST_PAUSE
        while True:
            async with self._lock:
                try:
                    if self._connection is None:
                        self._connection = await self.connect()
                    return await work(self._connection)
                except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                    logger.warning("executor: PostgreSQL is away, trying again in %.1f s (%s)", pause, error)
                    await self._disconnect()
            await asyncio.sleep(pause * (1 + random.random() / 4))  # noqa: S311 - jitter, not a secret
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def connect(self) -> Connection:
        """A further connection, for listening."""
        return await psycopg.AsyncConnection.connect(
            self._conninfo, autocommit=True, connect_timeout=5, application_name="flywheel-runner"
        )

    async def close(self) -> None:
        """Give the connection back."""
        async with self._lock:
            await self._disconnect()

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
