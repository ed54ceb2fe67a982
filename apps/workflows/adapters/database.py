"""Database work of nodes, off the event loop."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, ParamSpec, TypeVar

from django.db import close_old_connections, connection

from apps.core.exceptions import FlywheelError, Unavailable
from apps.workflows.engine.errors import NodeError

P = ParamSpec("P")
T = TypeVar("T")

#: Nodes of many runs look things up at once; each thread holds a connection while it works.
_POOL: Final = ThreadPoolExecutor(max_workers=6, thread_name_prefix="nodes-db")

#: Failures after which the same call may succeed.
_RETRYABLE: Final = frozenset({429, 502, 503, 504})


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a synchronous function that uses the ORM. Its FlywheelErrors become NodeErrors."""
    call = partial(contextvars.copy_context().run, _guarded, partial(function, *args, **kwargs))
    try:
        return await asyncio.get_running_loop().run_in_executor(_POOL, call)
    except FlywheelError as error:
        raise node_error(error) from error


def _guarded(call: Callable[[], T]) -> T:
    close_old_connections()
    try:
        return call()
    finally:
        connection.close()


def node_error(error: FlywheelError) -> NodeError:
    """An expected failure of the product as a node's."""
    details = {name: value for name, value in error.extra.items() if name != "retry_after"}
    retryable = error.status in _RETRYABLE or isinstance(error, Unavailable)
    return NodeError(str(error.detail), code=error.code, retryable=retryable, details=details)
