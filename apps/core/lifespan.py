"""What runs in a web process beside requests: begun before the first one, ended after the last (ASGI lifespan)."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from typing import Any

from apps.core.registry import Registry

logger = logging.getLogger(__name__)

#: Factories of context managers, entered in the process's event loop.
companions: Registry[Callable[[], contextlib.AbstractAsyncContextManager[None]]] = Registry("core.lifespan")


async def lifespan(scope: Any, receive: Any, send: Any) -> None:
    """The ASGI application for scopes of type `lifespan`."""
    async with contextlib.AsyncExitStack() as stack:
        await receive()  # lifespan.startup
        for name, companion in companions:
            try:
                await stack.enter_async_context(companion())
            except Exception:
                # requests are answered all the same, and what is missing says so itself
                logger.exception("%s could not be started in this web process.", name)
        await send({"type": "lifespan.startup.complete"})
        await receive()  # lifespan.shutdown
    await send({"type": "lifespan.shutdown.complete"})
