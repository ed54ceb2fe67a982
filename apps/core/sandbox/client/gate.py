"""Back-pressure: how many jobs run, who comes next, and when to say no."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from weakref import WeakKeyDictionary

from apps.core.sandbox.client import metrics
from apps.core.sandbox.errors import SandboxBusy


class Gate:
    """Lets at most `slots` in at a time, and of one key (a workspace) at most what it may.

    At most `queue` wait; their keys take turns, so that a workspace with a hundred waiting jobs delays another's
    single one by one job. Belongs to one event loop.
    """

    def __init__(self, slots: int, queue: int) -> None:
        self._slots = slots
        self._queue = queue
        self._running: Counter[Hashable] = Counter()
        self._limits: dict[Hashable, int] = {}
        self._waiting: OrderedDict[Hashable, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def enter(self, key: Hashable, limit: int, patience_s: float) -> AsyncIterator[None]:
        """Hold a slot; raises `SandboxBusy` when too many wait, or when none came free in `patience_s`."""
        self._limits[key] = limit
        await self._take(key, patience_s)
        try:
            yield
        finally:
            self._release(key)

    @property
    def waiting(self) -> int:
        """How many wait now."""
        return sum(map(len, self._waiting.values()))

    def _free(self, key: Hashable) -> bool:
        return self._running.total() < self._slots and self._running[key] < self._limits[key]

    async def _take(self, key: Hashable, patience_s: float) -> None:
        if self._free(key) and key not in self._waiting:
            self._running[key] += 1
            return
        if self.waiting >= self._queue:
            raise SandboxBusy
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, deque()).append(turn)
        metrics.WAITING.inc()
        try:
            async with asyncio.timeout(patience_s):
                await turn
        except BaseException as error:
            self._give_up(key, turn)
            if isinstance(error, TimeoutError):
                raise SandboxBusy from None
            raise
        finally:
            metrics.WAITING.dec()

    def _give_up(self, key: Hashable, turn: asyncio.Future[None]) -> None:
        """Leave the queue; a turn that came at the same moment goes to the next."""
        if turn.done() and not turn.cancelled():
            self._release(key)
            return
        queue = self._waiting.get(key)
        if queue is not None and turn in queue:
            queue.remove(turn)
            if not queue:
                del self._waiting[key]

    def _release(self, key: Hashable) -> None:
        self._running[key] -= 1
        if not self._running[key]:
            del self._running[key]
        self._admit()
        if key not in self._running and key not in self._waiting:
            self._limits.pop(key, None)

    def _admit(self) -> None:
        """Give free slots to the waiting, one key after the other."""
        for key in list(self._waiting):
            if self._running.total() >= self._slots:
                return
            if not self._free(key):
                continue
            turn = self._next(key)
            if turn is not None:
                self._running[key] += 1
                turn.set_result(None)

    def _next(self, key: Hashable) -> asyncio.Future[None] | None:
        """Take the first of a key's queue that still waits, and send the key to the end of the line."""
        queue = self._waiting[key]
        turn = None
        while queue and turn is None:
            first = queue.popleft()
            turn = None if first.done() else first
        if queue:
            self._waiting.move_to_end(key)
        else:
            del self._waiting[key]
        return turn


_gates: WeakKeyDictionary[asyncio.AbstractEventLoop, Gate] = WeakKeyDictionary()


def current_gate(slots: int, queue: int) -> Gate:
    """The gate of the running loop: a process has one loop that matters, tests and tasks have short-lived ones."""
    loop = asyncio.get_running_loop()
    gate = _gates.get(loop)
    if gate is None:
        gate = _gates[loop] = Gate(slots, queue)
    return gate
