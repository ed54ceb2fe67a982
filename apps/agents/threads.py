"""Database work of answers, off the event loop."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, ParamSpec, TypeVar, cast

from django.db import close_old_connections

P = ParamSpec("P")
T = TypeVar("T")

# Channels runs all database calls of all websockets on one thread; answers starting together would queue
# there.
_POOL: Final = ThreadPoolExecutor(max_workers=3, thread_name_prefix="answers-db")


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a synchronous function that uses the ORM; its connection is given back afterwards."""
    call = partial(contextvars.copy_context().run, _guarded, partial(function, *args, **kwargs))
    return await asyncio.get_running_loop().run_in_executor(_POOL, call)


async def each_in_thread(steps: Iterator[T]) -> AsyncIterator[T]:
    """The steps for a server that awaits them: it would gather all of a plain iterator before the first is sent."""
    end = object()
    while (step := await in_thread(_next, steps, end)) is not end:
        yield cast("T", step)


def _next(steps: Iterator[T], end: object) -> T | object:
    return next(steps, end)


def _guarded(call: Callable[[], T]) -> T:
    close_old_connections()
    try:
        return call()
    finally:
        close_old_connections()
