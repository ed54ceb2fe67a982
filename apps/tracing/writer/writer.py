"""Batches of observation rows into the database: COPY, then one set-based merge."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date
from typing import Any, Self

import orjson
import psycopg
from psycopg import errors

from apps.tracing.mapping import ObservationRow
from apps.tracing.models.fields import signed
from apps.tracing.writer import partitions, sql
from apps.tracing.writer.connection import connect

logger = logging.getLogger(__name__)

MAX_BATCH = 1_000
_ATTEMPTS = 4
#: Another writer was in the way: the same batch can simply be sent again.
_TRANSIENT = (errors.DeadlockDetected, errors.SerializationFailure, errors.LockNotAvailable)

#: Identity of an observation.
Key = tuple[Any, str, str, Any]


@dataclass(slots=True)
class WriteResult:
    """How many rows are new, and which ones the database refused and why."""

    stored: int = 0
    rejected: list[tuple[ObservationRow, str]] = field(default_factory=list)


class SpanWriter:
    """Writes observation rows through a connection of its own. Not thread-safe: one writer per thread."""

    def __init__(self) -> None:
        self._connection: psycopg.Connection[Any] | None = None
        self._days: set[date] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def write(self, rows: Iterable[ObservationRow]) -> WriteResult:
        """Store `rows`; when this returns they are committed. Rows stored before change nothing.

        Raises psycopg.OperationalError when the database is away; then nothing of the current batch is
        stored.
        """
        result = WriteResult()
        unique = list({_key(row): row for row in rows}.values())
        for start in range(0, len(unique), MAX_BATCH):
            self._write_batch(unique[start : start + MAX_BATCH], result)
        return result

    @property
    def connected(self) -> bool:
        """Whether it holds a connection."""
        return self._connection is not None and not self._connection.closed

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def forget(self) -> None:
        """Drop the connection without talking to the server: after a fork it is the parent's."""
        self._connection = None

    def _write_batch(self, rows: Sequence[ObservationRow], result: WriteResult) -> None:
        """Store one batch; when the database refuses a value, halve it until the bad row stands alone."""
        try:
            result.stored += self._merge(rows)
        except (errors.DataError, errors.IntegrityError, errors.ProgramLimitExceeded) as error:
            if len(rows) == 1:
                logger.warning("A span was refused by the database: %s", error)
                result.rejected.append((rows[0], str(error)))
                return
            middle = len(rows) // 2
            self._write_batch(rows[:middle], result)
            self._write_batch(rows[middle:], result)

    def _merge(self, rows: Sequence[ObservationRow]) -> int:
        """Store one batch, again when another writer was in the way or the idle connection had been cut."""
        for _attempt in range(_ATTEMPTS):
            reused = self.connected
            try:
                return self._merge_once(rows)
            except _TRANSIENT:
                continue
            except psycopg.OperationalError:
                self.close()
                if not reused:
                    raise
        return self._merge_once(rows)

    def _merge_once(self, rows: Sequence[ObservationRow]) -> int:
        connection = self._connected()
        self._ensure_days(connection, {row.start_time.astimezone(UTC).date() for row in rows})
        with connection.transaction(), connection.cursor() as cursor:
            with cursor.copy(sql.COPY) as copy:
                for row in rows:
                    copy.write_row(_copied(row))
            cursor.execute(sql.MERGE)
            counted = cursor.fetchone()
        return int(counted[0]) if counted else 0

    def _connected(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = connect()
            self._connection.execute(sql.CREATE_STAGING)
        return self._connection

    def _ensure_days(self, connection: psycopg.Connection[Any], days: set[date]) -> None:
        """Make missing partitions in a transaction before the batch's, so that their lock is held shortly."""
        if days <= self._days:
            return
        with connection.transaction(), connection.cursor() as cursor:
            partitions.ensure(cursor, days)
        self._days |= days


def _key(row: ObservationRow) -> Key:
    return (row.workspace_id, row.trace_id, row.span_id, row.start_time)


def _json(value: object) -> str | None:
    return None if value is None else orjson.dumps(value).decode()


def _copied(row: ObservationRow) -> tuple[object, ...]:
    """The row in the order of `sql.STAGING_COLUMNS`."""
    return (
        row.workspace_id,
        row.trace_id,
        signed(row.span_id),
        signed(row.parent_id) if row.parent_id else None,
        row.start_time,
        row.end_time,
        row.type,
        row.name,
        row.status,
        row.status_message,
        row.level,
        row.model,
        row.provider,
        row.input_tokens,
        row.output_tokens,
        _json(row.usage),
        row.cost,
        row.ttft_ms,
        row.session_id,
        row.user_id,
        row.environment,
        row.release,
        row.version,
        row.source_type,
        row.source_id,
        row.prompt_name,
        row.prompt_version,
        row.tags,
        _json(row.metadata),
        _json(row.attributes),
        row.input_preview,
        row.output_preview,
        row.input,
        row.output,
        row.trace_name,
    )
