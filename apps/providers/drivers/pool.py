"""Connections to providers, kept open between calls of the same event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakKeyDictionary

import aiohttp

from apps.core.http import client_session, open_connector

_connectors: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[bool, aiohttp.TCPConnector]] = (
    WeakKeyDictionary()
)


@asynccontextmanager
async def session(*, allow_private: bool) -> AsyncIterator[aiohttp.ClientSession]:
    """A session over the loop's pool. How many calls run at once is limited per model, not here."""
    pool = _connectors.setdefault(asyncio.get_running_loop(), {})
    connector = pool.get(allow_private)
    if connector is None or connector.closed:
        connector = pool[allow_private] = open_connector(allow_private=allow_private, limit=0)
    async with client_session(connector=connector) as opened:
        yield opened


async def close() -> None:
    """Close the running loop's connections; for loops that live only as long as one call."""
    for connector in _connectors.pop(asyncio.get_running_loop(), {}).values():
        await connector.close()
