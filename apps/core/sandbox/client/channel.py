"""What a job is to the client: bytes to it, bytes from it, and how it ended."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from apps.core.sandbox.jobs import CodeJob
from apps.core.sandbox.protocol import Verdict

CHUNK = 256 * 1024


class Channel(Protocol):
    """One job. Leaving its context early kills the job; `leaves_early` says that this costs nothing else."""

    leaves_early: bool

    async def send(self, data: bytes) -> None:
        """Write to the job; a job that has ended reads nothing, which is no error."""

    async def receive(self) -> bytes:
        """Bytes of the job; empty at their end."""

    async def verdict(self) -> Verdict | None:
        """How it ended; None when the process that knows is gone."""


class Transport(Protocol):
    """A way to a sandbox."""

    def open(self, job: CodeJob) -> AbstractAsyncContextManager[Channel]:
        """Start a process for `job`; raises `SandboxUnavailable` when nobody answers."""

    async def state(self) -> dict[str, Any]:
        """The health report; raises `SandboxUnavailable`."""


Opened = AsyncIterator[Channel]
