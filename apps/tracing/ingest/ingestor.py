"""The threads of a process that store received spans."""

import logging
import os
import threading
from collections import deque
from dataclasses import dataclass
from functools import cache
from typing import Final

import psycopg
from django.db import DatabaseError, close_old_connections, connections

from apps.tracing import stored
from apps.tracing.ingest.parcel import Parcel
from apps.tracing.ingest.prepare import prepare
from apps.tracing.mapping import ObservationRow
from apps.tracing.metrics import count_spans
from apps.tracing.writer import SpanWriter

logger = logging.getLogger(__name__)

#: One thread unpacks and maps while the other waits for the database.
THREADS: Final = 2
MAX_QUEUED_BYTES: Final = 128 * 2**20
#: Parcels are stored together up to this many spans: a commit costs the same for one as for many.
BATCH_SPANS: Final = 1_000
BATCH_PARCELS: Final = 16
IDLE_S: Final = 5.0


class BusyError(Exception):
    """The queue is full; the client shall send again in a moment."""


class UnavailableError(Exception):
    """The database does not take spans now; the client shall send again."""


class Ingestor:
    """Queues parcels and stores them, several in one transaction. Thread-safe."""

    def __init__(self, *, threads: int = THREADS, max_bytes: int = MAX_QUEUED_BYTES) -> None:
        self._max_bytes = max_bytes
        self._threads = threads
        self._reset()
        os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        """Empty, without threads: after a fork they are the parent's."""
        self._queue: deque[Parcel] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._running = 0
        self._idle = 0

    def submit(self, parcel: Parcel) -> None:
        """Queue a parcel; `parcel.done` tells the outcome. Raises BusyError when the queue is full."""
        with self._changed:
            if self._queue and self._bytes + parcel.size > self._max_bytes:
                raise BusyError
            self._queue.append(parcel)
            self._bytes += parcel.size
            if self._idle == 0 and self._running < self._threads:
                self._running += 1
                threading.Thread(target=self._run, name=f"span-ingest-{self._running}", daemon=True).start()
            self._changed.notify()

    def _run(self) -> None:
        """Serve until there is nothing to do for a while; the next parcel starts a thread anew."""
        with SpanWriter() as writer:
            while parcels := self._take():
                try:
                    _store(parcels, writer)
                except BaseException as error:
                    logger.exception("Storing received spans failed.")
                    _fail(parcels, error)
        connections.close_all()

    def _take(self) -> list[Parcel]:
        with self._changed:
            self._idle += 1
            try:
                found = self._changed.wait_for(lambda: bool(self._queue), timeout=IDLE_S)
            finally:
                self._idle -= 1
            if not found:
                self._running -= 1
                return []
            parcels = [self._queue.popleft() for _ in range(min(len(self._queue), BATCH_PARCELS))]
            self._bytes -= sum(parcel.size for parcel in parcels)
            return parcels


@dataclass(slots=True)
class _Opened:
    """A parcel with its rows, and the sentences of the spans that were refused."""

    parcel: Parcel
    rows: list[ObservationRow]
    rejected: list[str]


def _store(parcels: list[Parcel], writer: SpanWriter) -> None:
    """Unpack, map and store parcels, and answer each."""
    close_old_connections()
    opened: list[_Opened] = []
    for parcel in parcels:
        # a client that went away meanwhile is not stored: it sends again
        if not parcel.done.set_running_or_notify_cancel():
            continue
        try:
            opened.append(_open(parcel))
        except Exception as error:  # noqa: BLE001 - it concerns this request alone, whose view tells it
            parcel.done.set_exception(error)
        if sum(len(one.rows) for one in opened) >= BATCH_SPANS:
            _write(opened, writer)
            opened = []
    _write(opened, writer)


def _open(parcel: Parcel) -> _Opened:
    workspace_id = parcel.authorize()
    records, rejected = parcel.read()
    return _Opened(parcel, prepare(records, workspace_id, rejected), rejected)


def _write(opened: list[_Opened], writer: SpanWriter) -> None:
    """Store the rows of several parcels together; each is answered after the commit."""
    owners = {id(row): one for one in opened for row in one.rows}
    try:
        rows = [row for one in opened for row in one.rows]
        result = writer.write(rows)
        refused_rows = {id(row) for row, _reason in result.rejected}
        stored.tell([row for row in rows if id(row) not in refused_rows] if refused_rows else rows)
    except (psycopg.Error, DatabaseError) as error:
        logger.warning("Received spans are refused, the database does not take them: %s", error)
        writer.close()
        _fail([one.parcel for one in opened], UnavailableError())
        return
    for row, reason in result.rejected:
        owners[id(row)].rejected.append(f"Span {row.name[:80]!r} ({row.span_id}): {reason.splitlines()[0]}")
    refused = sum(len(one.rejected) for one in opened)
    count_spans(door="otlp", stored=len(owners) - len(result.rejected), rejected=refused)
    for one in opened:
        one.parcel.done.set_result(one.rejected)


def _fail(parcels: list[Parcel], error: BaseException) -> None:
    for parcel in parcels:
        if not parcel.done.done():
            parcel.done.set_exception(error)


@cache
def current_ingestor() -> Ingestor:
    """The one of this process."""
    return Ingestor()
