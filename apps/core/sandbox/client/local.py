"""The sandbox on this machine: Unix sockets in one directory."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from apps.core.sandbox import protocol
from apps.core.sandbox.client.channel import CHUNK, Opened
from apps.core.sandbox.errors import SandboxUnavailable
from apps.core.sandbox.jobs import CodeJob
from apps.core.sandbox.protocol import Verdict

RESTART_S = 8.0  # a killed supervisor or zygote is back within this time, on a busy machine too
RETRY_EVERY_S = 0.05
STATE_S = 5.0
MAX_SOCKET_PATH = 100  # an address of a Unix socket holds 108 bytes
_GONE = (FileNotFoundError, ConnectionRefusedError, BlockingIOError)


def _connect(control: socket.socket, path: Path) -> None:
    """Connect to a Unix socket; a path that is too long for an address goes by way of its open directory."""
    if len(str(path)) < MAX_SOCKET_PATH:
        control.connect(str(path))
        return
    descriptor = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        control.connect(f"/proc/self/fd/{descriptor}/{path.name}")
    finally:
        os.close(descriptor)


class LocalTransport:
    """Opens a connection per job: it costs less than a tenth of a millisecond, and is the job's lease."""

    def __init__(self, directory: Path, packages: tuple[str, ...] = ()) -> None:
        self._directory = directory
        self._packages = packages

    @asynccontextmanager
    async def open(self, job: CodeJob) -> Opened:
        """Connect, hand over one end of the data stream, and speak through the other."""
        name = protocol.choose_socket(job, self._packages)
        control = await self._connect(name)
        data, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with theirs:
                data.setblocking(False)
                socket.send_fds(control, [protocol.start_message(job.limits)], [theirs.fileno()])
            yield _LocalChannel(control, data)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise SandboxUnavailable(_("The sandbox is being restarted.")) from error
        finally:
            data.close()
            control.close()

    async def state(self) -> dict[str, Any]:
        """Read the health report."""
        try:
            async with asyncio.timeout(STATE_S):
                report = json.loads(await self._read_state())
        except (OSError, ValueError, TimeoutError):
            raise self._unavailable() from None
        if not isinstance(report, dict):
            raise self._unavailable()
        return report

    async def _read_state(self) -> bytes:
        loop, pieces = asyncio.get_running_loop(), []
        with socket.socket(socket.AF_UNIX) as connection:
            connection.setblocking(False)
            _connect(connection, self._directory / protocol.STATE_SOCKET)
            while piece := await loop.sock_recv(connection, CHUNK):
                pieces.append(piece)
        return b"".join(pieces)

    async def _connect(self, name: str) -> socket.socket:
        """Connect to a zygote; one that is being replaced gets a moment.

        Connecting to a Unix socket never waits, except for room in the backlog, which the kernel does not announce.
        """
        deadline = asyncio.get_running_loop().time() + RESTART_S
        while True:
            control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            try:
                control.setblocking(False)
                _connect(control, self._directory / f"{name}.sock")
            except OSError as error:
                control.close()
                late = asyncio.get_running_loop().time() > deadline
                if not isinstance(error, _GONE) or late or not self._directory.is_dir() or self._refused():
                    raise self._unavailable(error) from None
                await asyncio.sleep(RETRY_EVERY_S)
            else:
                return control

    def _refused(self) -> str:
        try:
            return (self._directory / protocol.REFUSED_FILE).read_text().strip()
        except OSError:
            return ""

    def _unavailable(self, error: OSError | None = None) -> SandboxUnavailable:
        if reason := self._refused():
            return SandboxUnavailable(reason)
        if isinstance(error, PermissionError):
            return SandboxUnavailable(_("This process may not use the sandbox's socket."))
        return SandboxUnavailable(
            _("No sandbox runs here. It is started with the product, or by “manage.py sandbox”.")
        )


class _LocalChannel:
    """The two sockets of a job."""

    leaves_early = True

    def __init__(self, control: socket.socket, data: socket.socket) -> None:
        self._control = control
        self._data = data
        self._loop = asyncio.get_running_loop()

    async def send(self, data: bytes) -> None:
        try:
            sent = self._data.send(data)
        except BlockingIOError:
            sent = 0
        except (BrokenPipeError, ConnectionResetError):
            return
        if sent < len(data):
            try:
                await self._loop.sock_sendall(self._data, memoryview(data)[sent:])
            except (BrokenPipeError, ConnectionResetError):
                return

    async def receive(self) -> bytes:
        try:
            return await self._loop.sock_recv(self._data, CHUNK)
        except ConnectionResetError:
            return b""  # it ended with unread bytes of ours

    async def verdict(self) -> Verdict | None:
        try:
            message = await self._loop.sock_recv(self._control, protocol.MAX_CONTROL)
            return Verdict.decode(message) if message else None
        except (ConnectionResetError, protocol.ProtocolError):
            return None
