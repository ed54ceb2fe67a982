"""A sandbox that says what a test wants, over the real wire: for what the real one says only when it is broken."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from apps.core.sandbox import protocol
from apps.core.sandbox.protocol import Start, Verdict

Behaviour = Callable[["FakeJob"], None]


class FakeJob:
    """One connection as the zygote sees it."""

    def __init__(self, control: socket.socket, data: socket.socket, start: Start) -> None:
        self.control = control
        self.data = data
        self.start = start
        self._file = data.makefile("rb")

    def read(self) -> tuple[bytes, bytes]:
        """The next frame of the client."""
        kind, size = protocol.HEADER.unpack(self._file.read(protocol.HEADER.size))
        return kind, self._file.read(size)

    def read_job(self) -> tuple[dict[str, Any], str, Any]:
        """Meta, code and inputs."""
        kind, payload = self.read()
        assert kind == protocol.JOB
        size = struct.unpack_from("<I", payload)[0]
        meta = json.loads(payload[4 : 4 + size])
        code = payload[4 + size :][: meta["code"]].decode("utf-8", "surrogatepass")
        inputs = json.loads(payload[4 + size + meta["code"] :][: meta["inputs"]])
        return meta, code, inputs

    def send(self, kind: bytes, payload: bytes) -> None:
        """One frame of the job."""
        self.data.sendall(protocol.frame(kind, payload))

    def end(self, **verdict: Any) -> None:
        """The process is gone, and the zygote says how."""
        self._file.close()
        self.data.close()
        state = verdict.pop("state", "done")
        self.control.send(
            Verdict(
                state, **{"ready": True, "exit_code": 0, "cpu_ms": 1.5, "wall_ms": 2.5, **verdict}
            ).encode()
        )
        self.control.close()


def echo(job: FakeJob) -> None:
    """Return the inputs."""
    _meta, _code, inputs = job.read_job()
    job.send(protocol.RESULT, json.dumps({"ok": True, "value": inputs}).encode())
    job.end()


class FakeSandbox:
    """Sockets in a directory; every job is handled by `behave` in a thread of its own."""

    def __init__(self, directory: Path, behave: Behaviour = echo) -> None:
        self.directory = directory
        self.behave = behave
        self.running = 0
        self.most = 0
        self.state: dict[str, Any] = {"layers": [], "minimum": [], "refused": ""}
        self._lock = threading.Lock()
        directory.mkdir(exist_ok=True)
        self._listeners = [self._listen(name) for name in ("python", "javascript")]
        self._state = socket.socket(socket.AF_UNIX)
        self._state.bind(str(directory / protocol.STATE_SOCKET))
        self._state.listen()
        threading.Thread(target=self._tell, daemon=True).start()

    def _listen(self, name: str) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listener.bind(str(self.directory / f"{name}.sock"))
        listener.listen(64)
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return listener

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                control, _address = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(control,), daemon=True).start()

    def _serve(self, control: socket.socket) -> None:
        message, descriptors, _flags, _address = socket.recv_fds(control, protocol.MAX_CONTROL, 1)
        data = socket.socket(fileno=descriptors[0])
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        try:
            self.behave(FakeJob(control, data, Start.decode(message)))
        except OSError:
            pass  # the client has gone, as some tests want
        finally:
            with self._lock:
                self.running -= 1
            control.close()
            data.close()

    def _tell(self) -> None:
        while True:
            try:
                connection, _address = self._state.accept()
            except OSError:
                return
            with connection:
                connection.sendall(json.dumps(self.state).encode())

    def close(self) -> None:
        """Stop listening."""
        for listener in (*self._listeners, self._state):
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
