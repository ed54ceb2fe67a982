"""Time limits of a stream that cost one assignment a token."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Watchdog:
    """Calls `expire` when nothing was seen for `idle_s`, or when `total_s` are over.

    A timer per token would cost more than the token. So one timer sleeps until the earliest moment it could
    be due, looks at when something was last seen, and sleeps again.
    """

    __slots__ = ("_deadline", "_expire", "_handle", "_idle", "_loop", "_seen", "expired")

    def __init__(self, *, idle_s: float, total_s: float, expire: Callable[[], object]) -> None:
        self._loop = asyncio.get_running_loop()
        self._expire = expire
        self._idle = idle_s
        self._seen = self._loop.time()
        self._deadline = self._seen + total_s
        self.expired = ""
        self._handle = self._loop.call_at(self._due(), self._check)

    def seen(self) -> None:
        """Something arrived."""
        self._seen = self._loop.time()

    def stop(self) -> None:
        """No more timeouts."""
        self._handle.cancel()

    def _due(self) -> float:
        return min(self._seen + self._idle, self._deadline)

    def _check(self) -> None:
        now = self._loop.time()
        if now < self._due():
            self._handle = self._loop.call_at(self._due(), self._check)
            return
        self.expired = "total" if now >= self._deadline else "idle"
        self._expire()
