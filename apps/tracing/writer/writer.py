"""Batches of observation rows into the database: COPY, and one statement for the summaries of their traces."""

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from operator import itemgetter
from typing import Any, LiteralString, Self
from uuid import UUID

import orjson
import psycopg
from psycopg import errors

from apps.tracing.mapping import ObservationRow
from apps.tracing.models.fields import signed
from apps.tracing.writer import encoding, partitions, sql
from apps.tracing.writer.connection import connect
from apps.tracing.writer.known import KnownValues
from apps.tracing.writer.totals import totals

logger = logging.getLogger(__name__)

MAX_BATCH = 1_000
#: Seconds for which batches are checked for stored rows after one had some.
CAREFUL_S = 60.0
_ATTEMPTS = 4
#: Another writer was in the way: the same batch can simply be sent again.
_TRANSIENT = (errors.DeadlockDetected, errors.SerializationFailure, errors.LockNotAvailable)
#: A row has a value that can't be stored.
_REFUSED = (errors.DataError, errors.IntegrityError, errors.ProgramLimitExceeded, encoding.EncodingError)


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
        self._known = KnownValues()
        self._careful_until = 0.0

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
        # in the order of their keys: two writers of the same rows wait for each other instead of deadlocking
        unique = [row for _key, row in sorted({_key(row): row for row in rows}.items(), key=itemgetter(0))]
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
        """Store one batch; when a value is refused, halve it until the bad row stands alone."""
        try:
            result.stored += self._merge(rows)
        except _REFUSED as error:
            if len(rows) == 1:
                logger.warning("A span can't be stored: %s", error)
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
                return self._try(rows)
            except _TRANSIENT:
                continue
            except psycopg.OperationalError:
                self.close()
                if not reused:
                    raise
        return self._try(rows)

    def _try(self, rows: Sequence[ObservationRow]) -> int:
        try:
            return self._insert(rows)
        except psycopg.Error:
            # it may have been rolled back with the rows
            self._known.forget()
            raise

    def _insert(self, rows: Sequence[ObservationRow]) -> int:
        """Store one batch, on the short way unless rows of it are stored already; returns how many are new."""
        connection = self._connected()
        self._ensure_days(connection, {row.start_time.astimezone(UTC).date() for row in rows})
        self._known.note(connection, rows)
        batch = _Batch.of(rows)
        if time.monotonic() >= self._careful_until:
            try:
                return batch.insert(connection)
            except errors.UniqueViolation:
                # a client that sends something again is likely to send more again
                self._careful_until = time.monotonic() + CAREFUL_S
        return batch.insert_new(connection)

    def _connected(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = connect()
        return self._connection

    def _ensure_days(self, connection: psycopg.Connection[Any], days: set[date]) -> None:
        """Make missing partitions in a transaction before the batch's, so that their lock is held shortly."""
        if days <= self._days:
            return
        with connection.transaction(), connection.cursor() as cursor:
            partitions.ensure(cursor, days)
        self._days |= days


@dataclass(frozen=True, slots=True)
class _Batch:
    """Rows, and the same as COPY takes them."""

    rows: Sequence[ObservationRow]
    observations: bytes
    payloads: bytes

    @classmethod
    def of(cls, rows: Sequence[ObservationRow]) -> Self:
        """Encode `rows`."""
        return cls(rows, encoding.observations(rows), encoding.payloads(rows))

    def insert(self, connection: psycopg.Connection[Any]) -> int:
        """Store all rows; raises UniqueViolation when one is stored already."""
        with connection.transaction(), connection.cursor() as cursor:
            _copy(cursor, sql.COPY_OBSERVATIONS, self.observations)
            _copy(cursor, sql.COPY_PAYLOADS, self.payloads)
            _add_totals(cursor, self.rows)
        return len(self.rows)

    def insert_new(self, connection: psycopg.Connection[Any]) -> int:
        """Store the rows that are not stored already; returns how many."""
        with connection.transaction(), connection.cursor() as cursor:
            cursor.execute(sql.CREATE_STAGING)
            _copy(cursor, sql.STAGE_OBSERVATIONS, self.observations)
            _copy(cursor, sql.STAGE_PAYLOADS, self.payloads)
            new = set(cursor.execute(sql.INSERT_NEW))
            # what is stored already is in its trace's summary already
            _add_totals(cursor, [row for row in self.rows if _stored_key(row) in new])
        return len(new)


def _copy(cursor: psycopg.Cursor[Any], statement: LiteralString, data: bytes) -> None:
    if data:
        with cursor.copy(statement) as copy:
            copy.write(data)


def _add_totals(cursor: psycopg.Cursor[Any], rows: Sequence[ObservationRow]) -> None:
    if rows:
        cursor.execute(sql.ADD_TOTALS, [orjson.dumps(totals(rows)).decode()])


def _key(row: ObservationRow) -> tuple[int, datetime, str, str]:
    """In the order of the primary key: its pages fill from one end."""
    return (row.workspace_id.int, row.start_time, row.trace_id, row.span_id)


def _stored_key(row: ObservationRow) -> tuple[UUID, UUID, int, datetime]:
    """The same as the database says it."""
    return (row.workspace_id, UUID(row.trace_id), signed(row.span_id), row.start_time)
