"""The executor of the running event loop, for interactive runs in web processes."""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary

from apps.workflows.runner.executor import WEB, Executor

_executors: WeakKeyDictionary[asyncio.AbstractEventLoop, Executor] = WeakKeyDictionary()


def current_executor() -> Executor:
    """The executor of this loop, started at first use."""
    loop = asyncio.get_running_loop()
    executor = _executors.get(loop)
    if executor is None:
        executor = _executors[loop] = Executor(WEB)
        executor.start()
    return executor


async def close_current_executor(drain_s: float = 0.0) -> None:
    """Hand over its runs and drop it (shutdown, end of a test)."""
    executor = _executors.pop(asyncio.get_running_loop(), None)
    if executor is not None:
        await executor.stop(drain_s)
