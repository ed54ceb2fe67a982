"""Writing a file row by row: memory stays constant however many examples there are."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field

import orjson
from pydantic import BaseModel

from apps.annotations.exporters.base import Exporter
from apps.annotations.exporters.example import Example
from apps.annotations.exporters.rejection import Reason, Rejected, Rejection

#: Rejections kept with their reason; the count goes on, so a wholly unfit dataset can't fill the memory.
KEPT_REJECTIONS = 500


@dataclass(slots=True)
class Report:
    """Counts and hash of what was written, filled while the rows go out."""

    written: int = 0
    rejected: int = 0
    byte_count: int = 0
    rejections: list[Rejection] = field(default_factory=list)
    _digest: hashlib._Hash = field(default_factory=hashlib.sha256, repr=False)

    @property
    def sha256(self) -> str:
        """Hex digest of all bytes so far."""
        return self._digest.hexdigest()

    def wrote(self, line: bytes) -> None:
        """Count a line that goes out."""
        self.written += 1
        self.byte_count += len(line)
        self._digest.update(line)

    def refused(self, rejection: Rejection) -> None:
        """Count a refused row, and keep the first ones."""
        self.rejected += 1
        if len(self.rejections) < KEPT_REJECTIONS:
            self.rejections.append(rejection)


def encode(row: BaseModel) -> bytes:
    """One JSON line in UTF-8: keys in the order of the model, absent ones left out.

    Raises `Rejected` for values JSON can't carry (an integer beyond 64 bits in a tool's schema).
    """
    try:
        return orjson.dumps(row.model_dump(mode="json", exclude_none=True)) + b"\n"
    except (TypeError, ValueError) as error:
        raise Rejected(Reason.BAD_SHAPE, str(error)) from error


def write_line(exporter: Exporter, example: Example, report: Report) -> bytes:
    """The line for `example`, or b"" when it is refused; either way the report knows."""
    try:
        line = encode(exporter.row(example))
    except Rejected as refusal:
        report.refused(Rejection(example.id, refusal.reason, refusal.detail))
        return b""
    report.wrote(line)
    return line


def write_lines(exporter: Exporter, examples: Iterable[Example], report: Report) -> Iterator[bytes]:
    """The lines of the file, one at a time."""
    for example in examples:
        line = write_line(exporter, example, report)
        if line:
            yield line


async def write_lines_async(
    exporter: Exporter, examples: AsyncIterable[Example], report: Report
) -> AsyncIterator[bytes]:
    """The same lines from an asynchronous source."""
    async for example in examples:
        line = write_line(exporter, example, report)
        if line:
            yield line
