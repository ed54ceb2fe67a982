"""The sandbox for another host: mutual TLS outside, the local sockets inside. Forwards bytes and decides nothing.

It is a process of its own with an identity of its own, since it reads what comes from the network.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
from pathlib import Path

from apps.core.sandbox import protocol
from apps.core.sandbox.kernel import calls, namespaces
from apps.core.sandbox.protocol import ProtocolError, Verdict
from apps.core.sandbox.server.config import ServerConfig

PIECE = 65_536
CONTROL_BYTES = 4_096
MAX_INCOMING = 2 * 2**20
FRAMES_AHEAD = 4
IDLE_S = 600.0
UNAVAILABLE = Verdict("failed", message="The sandbox is being restarted.")
CANCELLED = Verdict("done", ready=True, reason="cancelled")

Frame = tuple[bytes, bytes]
END: Frame = (b"", b"")


class Connection:
    """One client; its jobs run one after the other."""

    def __init__(self, directory: Path, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._directory = directory
        self._reader = reader
        self._writer = writer
        self._loop = asyncio.get_running_loop()
        self._frames: asyncio.Queue[Frame] = asyncio.Queue(FRAMES_AHEAD)

    async def serve(self) -> None:
        """Answer until the client closes."""
        pump = asyncio.create_task(self._pump())
        try:
            while (received := await asyncio.wait_for(self._frames.get(), IDLE_S)) != END:
                kind, payload = received
                if kind == protocol.START:
                    await self._job(payload)
                elif kind == protocol.STATE:
                    await self._send(protocol.STATE, await self._state())
                elif kind not in {protocol.DATA, protocol.KILL}:  # these are left of a job that ended early
                    return
        except (OSError, TimeoutError, ProtocolError):
            return
        finally:
            pump.cancel()
            self._writer.close()

    async def _pump(self) -> None:
        """Read frames, a few ahead, so that the end of the connection is seen while a job runs."""
        try:
            while True:
                kind, size = protocol.HEADER.unpack(await self._reader.readexactly(protocol.HEADER.size))
                if size > MAX_INCOMING:
                    break
                await self._frames.put((kind, await self._reader.readexactly(size)))
        except (OSError, asyncio.IncompleteReadError):
            pass
        await self._frames.put(END)

    async def _send(self, kind: bytes, payload: bytes) -> None:
        self._writer.write(protocol.frame(kind, payload))
        await self._writer.drain()

    async def _state(self) -> bytes:
        reader, writer = await asyncio.open_unix_connection(self._directory / protocol.STATE_SOCKET)
        try:
            return await reader.read(-1)
        finally:
            writer.close()

    async def _job(self, start: bytes) -> None:
        """Forward one job. Whatever ends this ends the lease, and with it the job."""
        name = protocol.Start.decode(start).socket
        if not name.isidentifier():
            raise ProtocolError("no such socket")
        control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        data, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with control, data:
            with theirs:
                try:
                    control.connect(str(self._directory / f"{name}.sock"))
                    socket.send_fds(control, [start], [theirs.fileno()])
                except OSError:
                    await self._send(protocol.VERDICT, UNAVAILABLE.encode())
                    return
            control.setblocking(False)
            data.setblocking(False)
            await self._send(protocol.VERDICT, await self._forward(control, data))

    async def _forward(self, control: socket.socket, data: socket.socket) -> bytes:
        incoming = asyncio.create_task(self._to_job(data))
        outgoing = asyncio.create_task(self._from_job(control, data))
        try:
            await asyncio.wait({incoming, outgoing}, return_when=asyncio.FIRST_COMPLETED)
            if outgoing.done():
                return outgoing.result()
            incoming.result()  # raises when the client has gone
            return CANCELLED.encode()
        finally:
            incoming.cancel()
            outgoing.cancel()
            await asyncio.gather(incoming, outgoing, return_exceptions=True)

    async def _to_job(self, data: socket.socket) -> None:
        """Until the client kills the job, or goes."""
        while True:
            kind, payload = await self._frames.get()
            if kind == protocol.KILL:
                return
            if kind != protocol.DATA:
                raise ConnectionResetError
            try:
                await self._loop.sock_sendall(data, payload)
            except (BrokenPipeError, ConnectionResetError):
                await self._loop.create_future()  # the job has ended; its verdict ends this task

    async def _from_job(self, control: socket.socket, data: socket.socket) -> bytes:
        try:
            while piece := await self._loop.sock_recv(data, PIECE):
                await self._send(protocol.DATA, piece)
        except ConnectionResetError:
            pass  # it ended with unread bytes
        message = await self._loop.sock_recv(control, CONTROL_BYTES)
        if not message:
            raise ConnectionResetError  # the zygote died: no verdict, and none may be made up
        return message


def server_context(config: ServerConfig) -> ssl.SSLContext:
    """TLS 1.3 that shows our certificate and demands one of the same authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(config.certificate, config.key)
    context.load_verify_locations(config.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


async def serve(config: ServerConfig) -> None:
    """Listen until the supervisor ends."""
    host, _, port = config.listen.rpartition(":")

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await Connection(Path(config.directory), reader, writer).serve()

    server = await asyncio.start_server(
        connected, host.strip("[]"), int(port), ssl=server_context(config), ssl_handshake_timeout=10
    )
    if os.geteuid() == 0:
        namespaces.become(config.gateway_uid, config.group or config.gateway_uid)
        calls.prctl(calls.PR_SET_PDEATHSIG, signal.SIGKILL)
    async with server:
        await server.serve_forever()


def main(config: ServerConfig) -> int:
    """Run the gateway."""
    calls.prctl(calls.PR_SET_PDEATHSIG, signal.SIGKILL)
    calls.prctl(calls.PR_SET_NO_NEW_PRIVS, 1)
    if os.getppid() != config.parent:
        return 1  # the supervisor died before the first line
    asyncio.run(serve(config))
    return 0
