"""The hub of the running event loop, on Django's default database."""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary

from django.db import connections
from psycopg.conninfo import make_conninfo

from apps.core.streams.hub import StreamHub

_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, StreamHub] = WeakKeyDictionary()

_KEYS = ("host", "port", "user", "password", "dbname", "sslmode", "sslrootcert", "sslcert", "sslkey")


def conninfo(alias: str = "default") -> str:
    """libpq connection string of a Django database, without pool and cursor options."""
    params = connections[alias].get_connection_params()
    return make_conninfo(**{key: params[key] for key in _KEYS if params.get(key)})


def current_hub() -> StreamHub:
    """The hub of the running loop, made at first use; `close_current_hub` ends it."""
    loop = asyncio.get_running_loop()
    hub = _hubs.get(loop)
    if hub is None:
        hub = _hubs[loop] = StreamHub(conninfo())
    return hub


async def close_current_hub() -> None:
    """Commit what is queued and drop the running loop's hub (shutdown, end of a test)."""
    hub = _hubs.pop(asyncio.get_running_loop(), None)
    if hub is not None:
        await hub.close()
