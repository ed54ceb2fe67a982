"""From what a job sent and how it ended to a result or a typed error. Used by every client."""

from __future__ import annotations

import signal
from typing import Any

from django.utils.translation import gettext as _

from apps.core.sandbox import protocol, results
from apps.core.sandbox.errors import (
    CodeFailed,
    CpuLimitExceeded,
    ForbiddenOperation,
    JobCrashed,
    MemoryLimitExceeded,
    OutputLimitExceeded,
    ResultNotJson,
    ResultTooDeep,
    ResultTooLarge,
    SandboxBusy,
    SandboxError,
    SandboxUnavailable,
    WallLimitExceeded,
)
from apps.core.sandbox.jobs import JobResult, Limits
from apps.core.sandbox.protocol import HttpRequest, Verdict

MAX_MESSAGE = 2_000
MAX_TRACEBACK = 6_000
MAX_FILES = 100
CPU_CLOSE = (
    700  # milliseconds per second of the limit: the kernel's clocks differ; nothing else kills so late
)
ERROR_ROOM = 64 * 1024  # an error report may come where no result fits
OUT_OF_MEMORY = frozenset({"MemoryError", "OutOfMemory"})


class Transcript:
    """What a job has sent so far; keeps the limits, so that a flood never fills the client's memory."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._buffer = bytearray()
        self._texts = {protocol.STDOUT: bytearray(), protocol.STDERR: bytearray()}
        self._spent = dict.fromkeys((*self._texts, protocol.FILE), 0)
        self.files: dict[str, bytes] = {}
        self.result: bytes | None = None
        self._used: tuple[int, int] | None = None

    @property
    def done(self) -> bool:
        """Whether the job has said all there is to say, so that nobody need wait for its process to end."""
        return self._used is not None and self.result is not None and self.complete

    def own_verdict(self, wall_ms: float) -> Verdict:
        """The verdict on a job that is done, with its own word for what it used, within reason."""
        microseconds, kilobytes = self._used or (0, 0)
        return Verdict(
            "done",
            ready=True,
            exit_code=0,
            cpu_ms=min(microseconds / 1000, wall_ms),
            wall_ms=wall_ms,
            max_rss_kb=min(kilobytes, 2**31),
        )

    @property
    def stdout(self) -> str:
        """Printed text; what is no text is replaced."""
        return _text(self._texts[protocol.STDOUT])

    @property
    def stderr(self) -> str:
        """Printed errors; what is no text is replaced."""
        return _text(self._texts[protocol.STDERR])

    @property
    def complete(self) -> bool:
        """Whether no frame is cut short."""
        return not self._buffer

    def feed(self, data: bytes) -> list[HttpRequest]:
        """Take bytes of the job; return its requests for the network, in order.

        Raises:
            OutputLimitExceeded, ResultTooLarge, ResultNotJson: kill the job and tell its author.
        """
        self._buffer += data
        requests: list[HttpRequest] = []
        start = 0
        while len(self._buffer) - start >= protocol.HEADER.size:
            kind, size = protocol.HEADER.unpack_from(self._buffer, start)
            self._admit(kind, size)
            end = start + protocol.HEADER.size + size
            if len(self._buffer) < end:
                break
            self._take(kind, bytes(self._buffer[start + protocol.HEADER.size : end]), requests)
            start = end
        del self._buffer[:start]
        return requests

    def _admit(self, kind: bytes, size: int) -> None:
        """Refuse a frame by its header, before its content is kept. An empty frame is not free either."""
        limits = self._limits
        if kind in self._texts:
            if self._spent[kind] + size > limits.output_kb * 1024:
                raise OutputLimitExceeded(**self._printed())
        elif kind == protocol.FILE:
            if self._spent[kind] + size > limits.file_mb * 2**20 + MAX_FILES * 256:
                raise OutputLimitExceeded(**self._printed())
        elif kind == protocol.RESULT:
            if size > max(limits.result_kb * 1024, ERROR_ROOM):
                raise ResultTooLarge(**self._printed())
        elif kind == protocol.USAGE:
            if size != protocol.USED.size or self._used is not None:
                raise ResultNotJson(**self._printed())
        elif kind != protocol.REQUEST or size > protocol.MAX_REQUEST:
            raise ResultNotJson(**self._printed())

    def _take(self, kind: bytes, payload: bytes, requests: list[HttpRequest]) -> None:
        if kind in self._texts:
            self._texts[kind] += payload
            self._spent[kind] += len(payload) + 1
        elif kind == protocol.FILE:
            self._take_file(payload)
        elif kind == protocol.RESULT:
            if self.result is not None:
                raise ResultNotJson(**self._printed())
            self.result = payload
        elif kind == protocol.USAGE:
            self._used = protocol.USED.unpack(payload)
        else:
            try:
                requests.append(HttpRequest.decode(payload))
            except protocol.ProtocolError:
                raise ResultNotJson(**self._printed()) from None

    def _take_file(self, payload: bytes) -> None:
        try:
            name, content = protocol.decode_file(payload)
        except protocol.ProtocolError:
            raise ResultNotJson(**self._printed()) from None
        self._spent[protocol.FILE] += len(payload)
        total = sum(map(len, self.files.values())) + len(content) - len(self.files.get(name, b""))
        if total > self._limits.file_mb * 2**20 or len(self.files) >= MAX_FILES or not self._limits.file_mb:
            raise OutputLimitExceeded(**self._printed())
        self.files[name] = content

    def _printed(self) -> dict[str, Any]:
        return {"stdout": self.stdout, "stderr": self.stderr}


def _text(raw: bytearray) -> str:
    return raw.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")


def conclude(transcript: Transcript, verdict: Verdict | None, limits: Limits) -> JobResult:
    """Return the result of a job that has ended; `verdict` is None when the zygote died before it gave one.

    Success is: locked before it read its job, exit code 0, exactly one strict result.

    Raises:
        SandboxError: the subclass says why there is no result.
    """
    try:
        _require_clean_end(verdict, limits)
        return _result(transcript, verdict, limits)
    except SandboxError as error:
        error.stdout = error.stdout or transcript.stdout
        error.stderr = error.stderr or transcript.stderr
        raise


def _require_clean_end(verdict: Verdict | None, limits: Limits) -> None:
    if verdict is None:
        raise JobCrashed
    if verdict.state == "busy":
        raise SandboxBusy
    if verdict.state == "failed":
        raise SandboxUnavailable(verdict.message)
    if verdict.reason == "wall":
        raise WallLimitExceeded
    if verdict.reason or not verdict.ready:
        raise JobCrashed
    if verdict.signal is not None:
        raise _by_signal(verdict, limits)
    if verdict.exit_code:
        raise CodeFailed(
            _("The code ended its own process with exit code %(code)s.") % {"code": verdict.exit_code}
        )


def _by_signal(verdict: Verdict, limits: Limits) -> SandboxError:
    """Nobody but the kernel and the zygote can signal a job, so the signal names the wall it ran into."""
    number = verdict.signal
    if number in {signal.SIGSYS, signal.SIGXFSZ}:
        return ForbiddenOperation()
    if number == signal.SIGXCPU or (number == signal.SIGKILL and verdict.cpu_ms >= limits.cpu_s * CPU_CLOSE):
        return CpuLimitExceeded()
    if number == signal.SIGKILL:
        return MemoryLimitExceeded()
    name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
    return CodeFailed(_("The code crashed its interpreter (%(signal)s).") % {"signal": name})


def _result(transcript: Transcript, verdict: Verdict | None, limits: Limits) -> JobResult:
    if transcript.result is None:
        raise CodeFailed(_("The code ended its own process before it returned a result."))
    if not transcript.complete:
        raise ResultNotJson
    report = results.parse(transcript.result, limits)
    if report.get("ok") is not True:
        raise _by_report(report)
    if len(transcript.result) > limits.result_kb * 1024:
        raise ResultTooLarge
    if set(report) != {"ok", "value"}:
        raise ResultNotJson
    usage = verdict or Verdict("done")
    return JobResult(
        value=report["value"],
        stdout=transcript.stdout,
        stderr=transcript.stderr,
        cpu_ms=usage.cpu_ms,
        wall_ms=usage.wall_ms,
        max_rss_kb=usage.max_rss_kb,
        files=transcript.files,
    )


def _by_report(report: dict[str, Any]) -> SandboxError:
    """The code's own exception, as its runner reported it: `{"ok": false, error, message, traceback, line}`."""
    name = str(report.get("error", ""))[:200]
    message = str(report.get("message", ""))[:MAX_MESSAGE]
    line = report.get("line")
    where: dict[str, Any] = {
        "line": line if type(line) is int and 0 < line < 2**31 else None,
        "traceback": str(report.get("traceback", ""))[-MAX_TRACEBACK:],
    }
    if name in OUT_OF_MEMORY:
        return MemoryLimitExceeded(**where)
    if name == "NotJson":
        return ResultNotJson(message, **where)
    if name == "TooDeep":
        return ResultTooDeep(**where)
    return CodeFailed(f"{name}: {message}" if message else name, **where)
