"""asyncio without sockets: tasks, timers, queues and gather work, transports do not."""

from __future__ import annotations

import asyncio
import time
from typing import Any, NoReturn

NO_STREAMS = "sockets and pipes are not available in the sandbox"


class SleepingSelector:
    """A selector that has nothing to select and therefore only waits."""

    def register(self, *arguments: Any, **options: Any) -> NoReturn:
        """Refuse.

        Raises:
            PermissionError: always.
        """
        raise PermissionError(1, NO_STREAMS)

    modify = register

    def unregister(self, fileobj: Any) -> NoReturn:
        """Nothing was ever registered.

        Raises:
            KeyError: always.
        """
        raise KeyError(fileobj)

    get_key = unregister

    def get_map(self) -> dict[Any, Any]:
        """Nothing."""
        return {}

    def select(self, timeout: float | None = None) -> list[Any]:
        """Wait until the next timer.

        Raises:
            RuntimeError: there is none, and nothing could ever happen.
        """
        if timeout is None:
            raise RuntimeError("nothing is left that this code could wait for")
        if timeout > 0:
            time.sleep(timeout)
        return []

    def close(self) -> None:
        """Nothing to close."""


class Loop(asyncio.SelectorEventLoop):
    """An event loop of timers."""

    def __init__(self) -> None:
        super().__init__(SleepingSelector())  # type: ignore[arg-type]  # has the methods the loop calls

    def _make_self_pipe(self) -> None:
        """There are no other threads to be woken by."""

    def _close_self_pipe(self) -> None:
        """As above."""

    def _write_to_self(self) -> None:
        """As above."""


class Policy(asyncio.DefaultEventLoopPolicy):
    """Makes such loops."""

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        """A loop of timers."""
        return Loop()


def install() -> None:
    """Let `asyncio.run` use it."""
    asyncio.set_event_loop_policy(Policy())
