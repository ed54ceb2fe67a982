"""The wire between clients and the sandbox. Plain Python: both sides import this module.

**Local wire.** The socket directory (`SANDBOX_SOCKET`, mode 0700) holds Unix sockets:

- `python.sock`, `javascript.sock`, `library.sock` (Python that holds nearly all of the standard library ready), and
  `packages.sock` when an administrator allows extra Python packages; `choose_socket()` says which one a
  job needs. They are SOCK_SEQPACKET: one connection is one job.
- `state.sock` is SOCK_STREAM: connect, read JSON until the end (the health report, see `server.report`).
- `refused.txt`, when the sandbox refused to start: the reason, in one sentence.

A job, seen from the client:

1. `data, theirs = socketpair(AF_UNIX, SOCK_STREAM)`; connect `control` to the job's socket; send one message
   `start_message(limits)` with the one descriptor `theirs` (SCM_RIGHTS); close `theirs`.
2. Write `encode_job(job)` to `data` at once, without waiting for anything. EPIPE means that the job ended early:
   go on with reading.
3. Read `data` until it ends and feed `outcome.Transcript`. It keeps the limits and returns requests for the
   network; answer each with `answer_frame()` on `data`.
4. Then read one message from `control`: `Verdict.decode(message)`. An end without a message means that the zygote
   died. `busy` arrives here too (then nothing was read from `data`).
5. `outcome.conclude(transcript, verdict, limits)` returns the `JobResult` or raises the typed error.

The control connection is the lease: closing it (or dying) kills exactly this job, at any time. The server keeps
`wall_s` by itself; a client should add a few seconds and give up on its own when even the verdict stays away.

**Why two sockets.** `data` belongs to the job's process: all that comes from it is hostile, even its framing.
`control` belongs to the zygote, which the job can't reach, and which alone says how the process ended and whether it
had been locked (`ready`) before it read anything. So a job can forge its own result and nothing else, and it can't
make its own failure look like a failure of the platform.

**Frames on `data`:** one byte type, four bytes length (little endian), payload.
Client to job: JOB once, ANSWER after each REQUEST. Job to client: STDOUT, STDERR, FILE any number of times, REQUEST
(only with a network allow-list), RESULT exactly once, USAGE at most once, before it.

**Without waiting for the end.** A job that has sent USAGE and RESULT has nothing more to say, so the client
may conclude at once and close `control` (`Transcript.done`). USAGE is the job's own word, good enough to be
shown to its author; what is counted is what the zygote observed. A RESULT proves the lock as a verdict would:
nothing reads the job before.

**Remote wire.** Mutual TLS (both sides show a certificate of the same private authority) over TCP. One connection
carries many jobs, one after the other, in frames of the same shape: the client sends START (`start_message(limits,
socket=…)`), then DATA (its bytes for `data`) and at any time KILL; the server sends DATA (the job's bytes) and ends
the job with VERDICT. Between jobs the client may send STATE and gets a STATE frame with the health report.
Closing the connection kills the job.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import struct
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from apps.core.sandbox.jobs import CodeJob, Limits
from apps.core.sandbox.modules import LIBRARY_WORDS

VERSION = 1

HEADER = struct.Struct("<cI")
USED = struct.Struct("<QQ")  # processor microseconds, kilobytes of memory at most
MAX_FRAME = 64 * 2**20
MAX_CONTROL = 4096
MAX_REQUEST = 2**20
MAX_ANSWER = 4 * 2**20

# client to job
JOB = b"j"
ANSWER = b"a"
# job to client
STDOUT = b"o"
STDERR = b"e"
FILE = b"f"
REQUEST = b"h"
RESULT = b"r"
USAGE = b"u"
# remote wire only
START = b"S"
DATA = b"D"
KILL = b"K"
VERDICT = b"V"
STATE = b"Q"

STATE_SOCKET = "state.sock"
REFUSED_FILE = "refused.txt"
PACKAGES = "packages"
LIBRARY = "library"

_IMPORT = re.compile(r"(?:^|[;:])[ \t]*(?:from[ \t]+([A-Za-z_]\w*)|import[ \t]+([^#\n;]+))", re.MULTILINE)
_WORD = re.compile(r"[A-Za-z_]\w*")
_DYNAMIC = ("__import__", "import_module", "exec(", "eval(")


class ProtocolError(ValueError):
    """Bytes that do not follow this module."""


def frame(kind: bytes, payload: bytes) -> bytes:
    """One frame."""
    return HEADER.pack(kind, len(payload)) + payload


def choose_socket(job: CodeJob, packages: Iterable[str] = ()) -> str:
    """Name of the zygote for `job`: `packages` or `library` when its imports need what `python` does not hold.

    A wrong guess costs time and no more, except that only `packages` has the packages.
    """
    if job.language != "python":
        return job.language
    names = _imports(job.code)
    if not names.isdisjoint(packages):
        return PACKAGES
    return LIBRARY if not names.isdisjoint(LIBRARY_WORDS) else job.language


def _imports(code: str) -> set[str]:
    """Top-level names in import statements; every word when code imports by name."""
    if any(word in code for word in _DYNAMIC):
        return set(_WORD.findall(code))
    names: set[str] = set()
    for source, listed in _IMPORT.findall(code):
        names.update([source] if source else re.findall(r"(?:^|,)[ \t]*([A-Za-z_]\w*)", listed))
    return names


def start_message(limits: Limits, *, socket: str = "") -> bytes:
    """The control message that asks for a process; `socket` names the zygote on the remote wire."""
    asked: dict[str, Any] = {
        "v": VERSION,
        "cpu_s": limits.cpu_s,
        "wall_s": limits.wall_s,
        "memory_mb": limits.memory_mb,
    }
    if socket:
        asked["socket"] = socket
    return json.dumps(asked).encode()


@dataclass(frozen=True, slots=True)
class Start:
    """What the zygote needs to know about a job; it never sees code or inputs."""

    cpu_s: float
    wall_s: float
    memory_mb: int
    socket: str = ""

    @classmethod
    def decode(cls, message: bytes) -> Start:
        """Read a start message.

        Raises:
            ProtocolError: it is no start message of this version.
        """
        try:
            asked = json.loads(message)
            version = asked["v"]
            start = cls(
                float(asked["cpu_s"]),
                float(asked["wall_s"]),
                int(asked["memory_mb"]),
                str(asked.get("socket", "")),
            )
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            raise ProtocolError(f"Not a start message: {type(error).__name__}") from None
        if version != VERSION:
            raise ProtocolError(f"The client speaks version {version!r}, the sandbox {VERSION}.")
        if not (0 < start.cpu_s <= 86_400 and 0 < start.wall_s <= 86_400 and 0 < start.memory_mb <= 2**20):
            raise ProtocolError("Limits are outside of what makes sense.")
        return start


def encode_job(job: CodeJob) -> bytes:
    """The JOB frame: `u32 length | meta JSON | code | inputs JSON | files one after the other`.

    Raises:
        ValueError: inputs that are no JSON, or more than fits into a frame.
    """
    code = job.code.encode("utf-8", "surrogatepass")
    inputs = json.dumps(dict(job.inputs), allow_nan=False, separators=(",", ":")).encode()
    meta: dict[str, Any] = {"code": len(code), "inputs": len(inputs), "entry": job.entry}
    meta["memory_mb"] = job.limits.memory_mb
    if job.files:
        meta["files"] = [[name, len(content)] for name, content in job.files.items()]
    if job.limits.file_mb:
        meta["file_mb"] = job.limits.file_mb
    if job.network:
        meta["network"] = True
    head = json.dumps(meta, separators=(",", ":")).encode()
    payload = b"".join([struct.pack("<I", len(head)), head, code, inputs, *job.files.values()])
    if len(payload) > MAX_FRAME:
        raise ValueError(f"Code, inputs and files together are larger than {MAX_FRAME // 2**20} MB.")
    return frame(JOB, payload)


def encode_file(name: str, content: bytes) -> bytes:
    """The FILE frame: `u16 length | name | content`."""
    raw = name.encode()
    return frame(FILE, struct.pack("<H", len(raw)) + raw + content)


def decode_file(payload: bytes) -> tuple[str, bytes]:
    """Name and content of a FILE frame.

    Raises:
        ProtocolError: the payload is cut short, or the name is no plain file name.
    """
    if len(payload) < 2 or len(payload) < 2 + (size := struct.unpack_from("<H", payload)[0]):
        raise ProtocolError("A file frame is cut short.")
    try:
        name = payload[2 : 2 + size].decode()
    except UnicodeDecodeError:
        raise ProtocolError("A file name is no UTF-8.") from None
    if not is_file_name(name):
        raise ProtocolError("A file name is not allowed.")
    return name, payload[2 + size :]


def is_file_name(name: str) -> bool:
    """Whether `name` is one plain, printable file name without a directory."""
    return (
        0 < len(name) <= 200 and name not in {".", ".."} and name.isprintable() and not set(name) & set("/\\")
    )


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What the code asked the broker for; nothing in it has been checked."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes

    @classmethod
    def decode(cls, payload: bytes) -> HttpRequest:
        """Read a REQUEST frame: JSON with method, url, headers and body (base64).

        Raises:
            ProtocolError: the frame has another shape.
        """
        try:
            asked = json.loads(payload)
            headers = {str(name): str(value) for name, value in dict(asked["headers"]).items()}
            body = base64.b64decode(asked["body"], validate=True)
            return cls(str(asked["method"]), str(asked["url"]), headers, body)
        except (ValueError, KeyError, TypeError, RecursionError, binascii.Error) as error:
            raise ProtocolError(f"Not a request: {type(error).__name__}") from None


def answer_frame(status: int, headers: Mapping[str, str], body: bytes) -> bytes:
    """The ANSWER to a request that was made."""
    answer = {"status": status, "headers": dict(headers), "body": base64.b64encode(body).decode()}
    return frame(ANSWER, json.dumps(answer).encode())


def refusal_frame(reason: str) -> bytes:
    """The ANSWER to a request that was not made; the code sees an exception with `reason`."""
    return frame(ANSWER, json.dumps({"error": reason}).encode())


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a job's process ended, by the zygote's own observation.

    `state`: `done` (it ran and ended), `busy` (no slot, nothing started), `failed` (no process could be made;
    `message` says why). `ready`: it was locked and could read its job; without it the code never ran.
    `reason`: why the zygote killed it, `wall` or `cancelled`, else empty.
    """

    state: Literal["done", "busy", "failed"]
    ready: bool = False
    exit_code: int | None = None
    signal: int | None = None
    reason: str = ""
    message: str = ""
    cpu_ms: float = 0.0
    wall_ms: float = 0.0
    max_rss_kb: int = 0

    def encode(self) -> bytes:
        """The control message."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, message: bytes) -> Verdict:
        """Read a verdict.

        Raises:
            ProtocolError: the message has another shape.
        """
        try:
            return cls(**json.loads(message))
        except (ValueError, TypeError) as error:
            raise ProtocolError(f"Not a verdict: {type(error).__name__}") from None
