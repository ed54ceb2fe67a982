"""`open()` without a file system: the job's files by name, in memory."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

from apps.core.sandbox.runner import frames

if TYPE_CHECKING:
    from typing import Any

contents: dict[str, bytes] = {}  # what code sees as `files`
allowed = {"bytes": 0}
SEPARATOR = "/"


class MemoryFile(io.BytesIO):
    """A file that is written back to `contents` when it is flushed or closed."""

    def __init__(self, name: str, content: bytes, *, writes: bool) -> None:
        super().__init__(content)
        self.name = name
        self._writes = writes

    def readable(self) -> bool:
        """Yes."""
        return True

    def writable(self) -> bool:
        """Only when opened for it."""
        return self._writes

    def write(self, data: Any) -> int:
        """Write, or refuse like a file that was opened for reading."""
        if not self._writes:
            raise io.UnsupportedOperation("not writable")
        return super().write(data)

    def flush(self) -> None:
        """Keep the content under the file's name."""
        if self._writes and not self.closed:
            contents[self.name] = self.getvalue()

    def close(self) -> None:
        """Keep the content and free the memory."""
        self.flush()
        super().close()


def open_file(
    file: Any,
    mode: str = "r",
    buffering: int = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    closefd: bool = True,
    opener: Any = None,
) -> Any:
    """`open()` for the files of the job.

    Raises:
        FileNotFoundError, FileExistsError, PermissionError: as a file system would.
    """
    if isinstance(file, int):
        raise PermissionError(1, "descriptors are not available in the sandbox")
    name = os.fsdecode(file)
    if name not in contents and (SEPARATOR in name or not allowed["bytes"]):
        reason = "only the files given to this code exist in the sandbox, by their plain names"
        raise PermissionError(1, reason, name)
    writes = any(letter in mode for letter in "wax+")
    if writes and not allowed["bytes"]:
        raise PermissionError(1, "this code may not write files", name)
    if "x" in mode and name in contents:
        raise FileExistsError(17, "File exists", name)
    if "r" in mode and name not in contents:
        raise FileNotFoundError(2, "No such file", name)
    raw = MemoryFile(name, b"" if "w" in mode else contents.get(name, b""), writes=writes)
    if "a" in mode:
        raw.seek(0, 2)
    if "w" in mode or "x" in mode:
        raw.flush()
    if "b" in mode:
        return raw
    return io.TextIOWrapper(raw, encoding or "utf-8", errors, newline, write_through=True)


def give(job_files: dict[str, bytes], file_mb: int) -> None:
    """Make the job's files visible."""
    contents.update(job_files)
    allowed["bytes"] = file_mb * 2**20


def _bytes(content: Any) -> bytes:
    if isinstance(content, str):
        return content.encode()
    if isinstance(content, (bytes, bytearray, memoryview)):
        return bytes(content)
    raise TypeError("files must map names to bytes")


def take(given: dict[str, bytes]) -> None:
    """Send every file that is new or changed.

    Raises:
        TypeError: code put something else than bytes or text into `files`.
    """
    if not allowed["bytes"]:
        return
    for name, content in contents.items():
        if given.get(name) is content:
            continue
        raw = _bytes(content)
        label = name.encode()
        frames.send(frames.FILE, len(label).to_bytes(2, "little") + label + raw)
