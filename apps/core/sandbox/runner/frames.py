"""The job's side of the data socket."""

from __future__ import annotations

import io
import json
import os
import resource
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

DATA = 0
HEADER = struct.Struct("<cI")
LENGTH = struct.Struct("<I")
JOB, ANSWER, STDOUT, STDERR, FILE, REQUEST, RESULT, USAGE = b"j", b"a", b"o", b"e", b"f", b"h", b"r", b"u"
USED = struct.Struct("<QQ")
FIRST_READ = 65_536
FLUSH_AT = 8_192

pending: list[bytes] = []  # frames that go out with the next write


class Job:
    """What arrived: code, inputs as JSON text, files by name, and the meta data of `protocol.encode_job`."""

    __slots__ = ("code", "files", "inputs", "meta")

    def __init__(self, payload: bytes) -> None:
        start = LENGTH.size + LENGTH.unpack_from(payload)[0]
        self.meta: dict[str, Any] = json.loads(payload[LENGTH.size : start])
        end = start + self.meta["code"]
        self.code = payload[start:end].decode("utf-8", "surrogatepass")
        start, end = end, end + self.meta["inputs"]
        self.inputs = payload[start:end].decode()
        self.files: dict[str, bytes] = {}
        for name, size in self.meta.get("files", ()):
            start, end = end, end + size
            self.files[name] = payload[start:end]


def read_frame() -> tuple[bytes, bytes]:
    """Wait for one frame; nothing may follow it before we answer, so reading ahead takes no byte of another."""
    first = os.read(DATA, FIRST_READ)
    while 0 < len(first) < HEADER.size:
        first += os.read(DATA, FIRST_READ)
    if not first:
        os._exit(0)  # the client has gone
    kind, size = HEADER.unpack_from(first)
    if len(first) == HEADER.size + size:
        return kind, first[HEADER.size :]
    pieces = [first[HEADER.size :]]
    missing = size - len(pieces[0])
    while missing:
        piece = os.read(DATA, missing)
        if not piece:
            os._exit(0)
        pieces.append(piece)
        missing -= len(piece)
    return kind, b"".join(pieces)


def push() -> None:
    """Write what is pending."""
    data = memoryview(b"".join(pending))
    pending.clear()
    while data:
        data = data[os.write(DATA, data) :]


def send(kind: bytes, payload: bytes) -> None:
    """Write what is pending and one frame more, in one go."""
    pending.append(HEADER.pack(kind, len(payload)))
    pending.append(payload)
    push()


def finish(report: bytes) -> None:
    """Send what is pending, what the job used and its result, and leave: the client waits for nothing more."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    microseconds = int((used.ru_utime + used.ru_stime) * 1e6)
    pending.append(HEADER.pack(USAGE, USED.size) + USED.pack(microseconds, used.ru_maxrss))
    send(RESULT, report)
    os._exit(0)


def ask(request: bytes) -> Any:
    """Send a request to the broker and wait for its answer."""
    flush()
    send(REQUEST, request)
    kind, payload = read_frame()
    return json.loads(payload) if kind == ANSWER else {"error": "The broker gave no answer."}


class Output(io.TextIOBase):
    """stdout or stderr: text in, frames out."""

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, kind: bytes) -> None:
        self._kind = kind
        self._pieces: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        """Yes."""
        return True

    def isatty(self) -> bool:
        """No."""
        return False

    def write(self, text: str) -> int:
        """Keep `text` until there is enough to send."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self.keep(text.encode("utf-8", "backslashreplace"))
        return len(text)

    def keep(self, data: bytes) -> None:
        """Keep bytes until there is enough to send."""
        self._pieces.append(data)
        self._size += len(data)
        if self._size > FLUSH_AT:
            self.flush()
            push()

    def flush(self) -> None:
        """Make a frame of what was kept; it leaves with the next write."""
        if self._size:
            data = b"".join(self._pieces)
            self._pieces.clear()
            self._size = 0
            pending.append(HEADER.pack(self._kind, len(data)) + data)

    @property
    def buffer(self) -> io.BufferedIOBase:
        """The same stream for bytes."""
        return Bytes(self)


class Bytes(io.BufferedIOBase):
    """The byte side of an `Output`."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, data: Any) -> int:
        """Keep bytes like the text."""
        raw = bytes(data)
        self._output.keep(raw)
        return len(raw)

    def flush(self) -> None:
        """Nothing is kept here."""


streams = (Output(STDOUT), Output(STDERR))


def flush() -> None:
    """Make frames of what was printed. Code can break its own streams; what follows still leaves."""
    for stream in streams:
        try:
            stream.flush()
        except BaseException:  # noqa: BLE001, S112 - as said
            continue
