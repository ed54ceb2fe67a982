"""How many calls of one model run at once in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID
from weakref import WeakKeyDictionary

from apps.providers.targets import Target
from apps.providers.wire import WireError, WireReason

_Slots = dict[tuple[UUID, int], asyncio.Semaphore]
_slots: WeakKeyDictionary[asyncio.AbstractEventLoop, _Slots] = WeakKeyDictionary()


@asynccontextmanager
async def slot(target: Target) -> AsyncIterator[None]:
    """Waits for a place; raises `WireError` (rate limited) when none comes free within the timeout."""
    if target.max_concurrency is None:
        yield
        return
    places = _slots.setdefault(asyncio.get_running_loop(), {})
    # The limit is part of the key: after a change new calls count anew, running ones end under the old one.
    place = places.setdefault(
        (target.model_id, target.max_concurrency), asyncio.Semaphore(target.max_concurrency)
    )
    try:
        async with asyncio.timeout(target.timeout_s):
            await place.acquire()
    except TimeoutError:
        detail = (
            f"All {target.max_concurrency} places of this model stayed taken for {target.timeout_s} seconds."
        )
        raise WireError(WireReason.RATE_LIMITED, detail) from None
    try:
        yield
    finally:
        place.release()
