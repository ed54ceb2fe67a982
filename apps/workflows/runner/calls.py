"""For doors that wait for a run: until it ends or needs an answer."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final
from uuid import UUID

from apps.core.streams import TERMINAL_TYPES, current_hub
from apps.workflows.runner.current import current_executor

#: Events after which nothing comes by itself.
SETTLED: Final = TERMINAL_TYPES | {"run.waiting"}


def begin() -> None:
    """Have this process look for the interactive run that was just put into the queue."""
    current_executor().wake()


async def settled(run_id: UUID, timeout_s: float, after_seq: int = 0) -> bool:
    """Wait until a run ends or waits for an answer; False when it has not within `timeout_s` seconds."""
    try:
        async with asyncio.timeout(timeout_s):
            async with contextlib.aclosing(
                current_hub().subscribe(run_id, after_seq, until=SETTLED)
            ) as events:
                async for _event in events:
                    pass
    except TimeoutError:
        return False
    return True
