"""Spans that wait on disk while the database is away.

One file per batch, JSON lines. A file is written under another name and renamed when it is complete, so a
process killed in between leaves nothing half. Readers lock a file while they store it; since storing is
idempotent, a reader killed after the commit and before the deletion does no harm.
"""

import fcntl
import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import orjson

from apps.tracing.mapping import ObservationRow

logger = logging.getLogger(__name__)

MAX_BYTES = 512 * 2**20
_SUFFIX = ".jsonl"
_FIELDS = frozenset(field.name for field in fields(ObservationRow))


class Spill:
    """The waiting spans of one installation, shared by its processes."""

    def __init__(self, directory: Path, max_bytes: int = MAX_BYTES) -> None:
        self._directory = directory
        self._max_bytes = max_bytes

    def save(self, rows: Sequence[ObservationRow]) -> bool:
        """Keep `rows` until the database is back. False, with a log line, when there is no room left."""
        content = b"".join(orjson.dumps(asdict(row), default=_plain) + b"\n" for row in rows)
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            if self.size() + len(content) > self._max_bytes:
                logger.error("%d spans lost: the database is away and the spill is full.", len(rows))
                return False
            self._write(content)
        except OSError:
            logger.exception("%d spans lost: they could not be written to %s.", len(rows), self._directory)
            return False
        return True

    def files(self) -> list[Path]:
        """Waiting files, oldest first."""
        return sorted(self._directory.glob(f"*{_SUFFIX}")) if self._directory.is_dir() else []

    def size(self) -> int:
        """Bytes that wait."""
        return sum(path.stat().st_size for path in self.files() if path.exists())

    def drain(self, store: Callable[[list[ObservationRow]], object]) -> int:
        """Hand every waiting batch to `store` and delete it afterwards; returns the number of spans.

        An error of `store` passes through and leaves its file waiting.
        """
        return sum(self._drain_file(path, store) for path in self.files())

    def _write(self, content: bytes) -> None:
        name = f"{time.time_ns():020d}-{uuid4().hex}"
        partial = self._directory / f"{name}.partial"
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(self._directory / f"{name}{_SUFFIX}")

    def _drain_file(self, path: Path, store: Callable[[list[ObservationRow]], object]) -> int:
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return 0
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return 0
            rows = [row for line in file if (row := _row(line))]
            store(rows)
            path.unlink(missing_ok=True)
        return len(rows)


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError


def _row(line: bytes) -> ObservationRow | None:
    """The row of a line, or None with a log line when a disk fault or another version garbled it."""
    try:
        values: dict[str, Any] = orjson.loads(line)
        values = {name: value for name, value in values.items() if name in _FIELDS}
        values["workspace_id"] = UUID(values["workspace_id"])
        for name in ("start_time", "end_time"):
            values[name] = datetime.fromisoformat(values[name])
        if values.get("cost") is not None:
            values["cost"] = Decimal(values["cost"])
        return ObservationRow(**values)
    except (ValueError, KeyError, TypeError, ArithmeticError):
        logger.exception("A spilled span could not be read.")
        return None
