"""A sandbox on another host: mutual TLS, a few connections kept open, one job after the other on each."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext as _

from apps.core.sandbox import protocol
from apps.core.sandbox.client.channel import Opened
from apps.core.sandbox.errors import SandboxUnavailable
from apps.core.sandbox.jobs import CodeJob
from apps.core.sandbox.protocol import Verdict

CONNECT_S = 5.0
KEPT = 8  # idle connections of one process
KEPT_S = 300.0  # the server closes idle ones after ten minutes
DATA_PIECE = 2**20
_LOST = (OSError, asyncio.IncompleteReadError, ssl.SSLError, protocol.ProtocolError)


@dataclass
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    used: float = 0.0

    async def send(self, kind: bytes, payload: bytes) -> None:
        self.writer.write(protocol.frame(kind, payload))
        await self.writer.drain()

    async def receive(self) -> tuple[bytes, bytes]:
        kind, size = protocol.HEADER.unpack(await self.reader.readexactly(protocol.HEADER.size))
        if size > protocol.MAX_FRAME:
            raise protocol.ProtocolError("A frame is larger than any may be.")
        return kind, await self.reader.readexactly(size)

    @property
    def usable(self) -> bool:
        """Whether another job may be tried on it."""
        fresh = not self.used or time.monotonic() - self.used < KEPT_S
        return fresh and not self.writer.is_closing() and not self.reader.at_eof()

    def close(self) -> None:
        self.writer.close()


class RemoteTransport:
    """Connects to `tls://host:port`; both sides show a certificate of the same private authority."""

    def __init__(
        self, url: str, *, ca: str, certificate: str, key: str, packages: tuple[str, ...] = ()
    ) -> None:
        address = urlsplit(url)
        if address.scheme != "tls" or not address.hostname or not address.port:
            raise ImproperlyConfigured("SANDBOX_URL must look like tls://host:port.")
        self._host, self._port = address.hostname, address.port
        self._tls = client_context(ca, certificate, key)
        self._packages = packages
        self._idle: WeakKeyDictionary[asyncio.AbstractEventLoop, list[_Connection]] = WeakKeyDictionary()

    @asynccontextmanager
    async def open(self, job: CodeJob) -> Opened:
        """Take a connection and start a job on it; it goes back to the idle ones when the job ended in order."""
        connection, channel = await self._start(job)
        try:
            yield channel
        finally:
            idle = self._connections()
            if channel.ended and connection.usable and len(idle) < KEPT:
                connection.used = time.monotonic()
                idle.append(connection)
            else:
                connection.close()

    async def state(self) -> dict[str, Any]:
        """Ask for the health report."""
        connection = await self._connect()
        try:
            async with asyncio.timeout(CONNECT_S):
                await connection.send(protocol.STATE, b"")
                kind, payload = await connection.receive()
            report = json.loads(payload) if kind == protocol.STATE else None
        except (*_LOST, ValueError, TimeoutError) as error:
            raise _unavailable() from error
        finally:
            connection.close()
        if not isinstance(report, dict):
            raise _unavailable()
        return report

    def _connections(self) -> list[_Connection]:
        return self._idle.setdefault(asyncio.get_running_loop(), [])

    async def _start(self, job: CodeJob) -> tuple[_Connection, _RemoteChannel]:
        """Send START; a kept connection that the other side has closed meanwhile is replaced."""
        start = protocol.start_message(job.limits, socket=protocol.choose_socket(job, self._packages))
        idle = self._connections()
        while True:
            kept = bool(idle)
            connection = idle.pop() if idle else await self._connect()
            try:
                if not connection.usable:
                    raise ConnectionResetError
                await connection.send(protocol.START, start)
            except _LOST as error:
                connection.close()
                if not kept:
                    raise _unavailable() from error
            else:
                return connection, _RemoteChannel(connection)

    async def _connect(self) -> _Connection:
        try:
            async with asyncio.timeout(CONNECT_S):
                reader, writer = await asyncio.open_connection(self._host, self._port, ssl=self._tls)
        except (OSError, TimeoutError) as error:
            raise _unavailable() from error
        return _Connection(reader, writer)


def client_context(ca: str, certificate: str, key: str) -> ssl.SSLContext:
    """Trust `ca` alone, show our certificate, require the server's; raises `ImproperlyConfigured`."""
    if not (ca and certificate and key):
        raise ImproperlyConfigured("SANDBOX_URL needs SANDBOX_CA, SANDBOX_CERT and SANDBOX_KEY.")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_verify_locations(ca)
        context.load_cert_chain(certificate, key)
    except OSError as error:
        raise ImproperlyConfigured(f"The certificates for SANDBOX_URL cannot be read: {error}") from None
    return context


def _unavailable() -> SandboxUnavailable:
    return SandboxUnavailable(_("The sandbox at SANDBOX_URL does not answer."))


class _RemoteChannel:
    """One job on a connection, which is kept only when the job is over."""

    leaves_early = False

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection
        self._verdict: Verdict | None = None
        self.ended = False

    async def send(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            for start in range(0, len(view), DATA_PIECE):
                await self._connection.send(protocol.DATA, bytes(view[start : start + DATA_PIECE]))
        except _LOST:
            return

    async def receive(self) -> bytes:
        if self.ended:
            return b""
        try:
            while True:
                kind, payload = await self._connection.receive()
                if kind == protocol.DATA and payload:
                    return payload
                if kind == protocol.VERDICT:
                    self._verdict = Verdict.decode(payload)
                    self.ended = True
                    return b""
                if kind != protocol.DATA:
                    raise protocol.ProtocolError("A frame of an unknown kind.")
        except _LOST:
            self._connection.close()
            return b""

    async def verdict(self) -> Verdict | None:
        return self._verdict
