"""The executor of a web process: there from before the first request, handing over after the last."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from apps.workflows.runner.current import close_current_executor, current_executor

#: What runs get to finish when the process is told to stop.
_DRAIN_S: Final = 1.0


@asynccontextmanager
async def executing() -> AsyncIterator[None]:
    """Execute interactive runs in this process."""
    current_executor()
    try:
        yield
    finally:
        await close_current_executor(_DRAIN_S)
