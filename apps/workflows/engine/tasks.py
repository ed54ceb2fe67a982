"""Tasks that were given up and have yet to notice."""

from __future__ import annotations

import asyncio

# a task that ignores its cancellation for a while must neither keep its run open nor be collected half-way
_abandoned: set[asyncio.Task[None]] = set()


class Leaving:
    """The tasks of one run that are on their way out."""

    __slots__ = ("_tasks",)

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def see_off(self, task: asyncio.Task[None]) -> None:
        """Cancel a task unless it has ended."""
        if task.done():
            return
        task.cancel()
        self._tasks.add(task)
        _abandoned.add(task)
        task.add_done_callback(self._gone)

    def _gone(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        _abandoned.discard(task)
        if not task.cancelled():
            task.exception()  # asked for, so that it isn't reported as never retrieved

    async def wait(self, seconds: float) -> None:
        """Give them a moment to clean up."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
