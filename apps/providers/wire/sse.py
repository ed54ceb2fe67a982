"""Server-sent events, decoded from bytes as they arrive (WHATWG HTML, 9.2.6)."""

from __future__ import annotations

MAX_EVENT_BYTES = 16 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"


class EventTooLargeError(Exception):
    """An event passed `MAX_EVENT_BYTES` without an end."""


class SSEDecoder:
    """Turns chunks of bytes, cut anywhere, into the data of each event. Names, ids and comments are dropped.

    Line ends may be LF, CRLF or CR. What is left when the stream ends counts as an event too: some servers
    forget the last blank line.
    """

    __slots__ = ("_data", "_pending", "_size", "_started")

    def __init__(self) -> None:
        self._pending: list[bytes] = []  # pieces of a line that has no end yet
        self._data: list[bytes] = []  # data lines of the event being read
        self._size = 0
        self._started = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """The data of the events that this chunk completes. Raises `EventTooLargeError`."""
        if not chunk:
            return []
        self._size += len(chunk)
        if self._size > MAX_EVENT_BYTES:
            raise EventTooLargeError
        if b"\n" not in chunk and b"\r" not in chunk and not self._ends_with_cr():
            self._pending.append(chunk)
            return []
        if self._pending:
            chunk = b"".join(self._pending) + chunk
        lines = chunk.splitlines(keepends=True)
        # A CR at the very end may be the first half of a CRLF: its line waits for the next chunk.
        self._pending = [] if lines[-1].endswith(b"\n") else [lines.pop()]
        return self._take(lines)

    def finish(self) -> list[bytes]:
        """The data of the event that was not closed when the stream ended, if any."""
        rest = b"".join(self._pending)
        self._pending = []
        return self._take([*rest.splitlines(keepends=True), b"\n"])

    def _ends_with_cr(self) -> bool:
        return bool(self._pending) and self._pending[-1].endswith(b"\r")

    def _take(self, lines: list[bytes]) -> list[bytes]:
        events: list[bytes] = []
        for raw in lines:
            line = raw.rstrip(b"\r\n")
            if not self._started:
                line = line.removeprefix(_BOM)
                self._started = True
            if line:
                self._field(line)
                continue
            self._size = 0
            if self._data:
                events.append(self._data[0] if len(self._data) == 1 else b"\n".join(self._data))
                self._data = []
        return events

    def _field(self, line: bytes) -> None:
        if line.startswith(b"data:"):
            value = line[5:]
            self._data.append(value[1:] if value[:1] == b" " else value)
        elif line == b"data":
            self._data.append(b"")
