"""The threads of a process that store received spans."""

import logging
import os
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from typing import Final

import psycopg
from django.db import DatabaseError, close_old_connections, connections

from apps.tracing import stored
from apps.tracing.ingest.parcel import Parcel
from apps.tracing.ingest.prepare import prepare
from apps.tracing.mapping import ObservationRow
from apps.tracing.metrics import count_spans
from apps.tracing.writer import SpanWriter, WriteResult

logger = logging.getLogger(__name__)

#: One thread unpacks and maps while the other waits for the database.
THREADS: Final = 2
MAX_QUEUED_BYTES: Final = 128 * 2**20
#: Parcels are stored together up to this many spans: a commit costs the same for one as for many.
BATCH_SPANS: Final = 1_000
BATCH_PARCELS: Final = 16
#: And up to this size, unpacked.
BATCH_BYTES: Final = 16 * 2**20
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
            if self._bytes and parcel.size > self.room:
                raise BusyError
            self._queue.append(parcel)
            self._bytes += parcel.size
            if self._idle == 0 and self._running < self._threads:
                self._running += 1
                threading.Thread(target=self._run, name=f"span-ingest-{self._running}", daemon=True).start()
            self._changed.notify()

    @property
    def room(self) -> int:
        """Bytes that it would take now; below zero when it holds a single parcel that is larger than allowed."""
        return self._max_bytes - self._bytes

    def _run(self) -> None:
        """Serve until there is nothing to do for a while; the next parcel starts a thread anew."""
        with SpanWriter() as writer:
            while parcels := self._take():
                try:
                    _store(parcels, writer)
                except BaseException as error:
                    logger.exception("Storing received spans failed.")
                    _fail(parcels, error)
                finally:
                    self._release(parcels)
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
            return [self._queue.popleft() for _ in range(min(len(self._queue), BATCH_PARCELS))]

    def _release(self, parcels: list[Parcel]) -> None:
        """Make room for others: parcels weigh until they are answered."""
        with self._changed:
            self._bytes -= sum(parcel.size for parcel in parcels)


def _store(parcels: list[Parcel], writer: SpanWriter) -> None:
    """Unpack, map and store parcels, and answer each."""
    close_old_connections()
    batch = _Batch(writer)
    for parcel in parcels:
        # a client that went away meanwhile is not stored: it sends again
        if parcel.done.set_running_or_notify_cancel():
            batch.take(parcel)
            if batch.is_full:
                batch.write()
    batch.write()


@dataclass(slots=True)
class _Opened:
    """A parcel that is being stored: the sentences of its spans that were refused, and its size unpacked."""

    parcel: Parcel
    rejected: list[str] = field(default_factory=list)
    size: int = 0
    complete: bool = False


def _pieces(opened: _Opened) -> Iterator[list[ObservationRow]]:
    """The rows of a parcel, a batch at a time."""
    workspace_id = opened.parcel.authorize()
    spans, opened.rejected, opened.size = opened.parcel.read()
    waiting = iter(spans)
    while records := list(islice(waiting, BATCH_SPANS)):
        yield prepare(records, workspace_id, opened.rejected)


class _Batch:
    """Rows of several parcels that are stored together. A parcel is answered when the last of its rows is committed."""

    def __init__(self, writer: SpanWriter) -> None:
        self._writer = writer
        self._opened: list[_Opened] = []
        self._rows: list[ObservationRow] = []
        self._owners: dict[int, _Opened] = {}
        self._weight = 0

    def take(self, parcel: Parcel) -> None:
        """Add a parcel's rows, and store whenever there are enough: a big parcel is never held as a whole."""
        opened = _Opened(parcel)
        self._opened.append(opened)
        pieces = _pieces(opened)
        while True:
            try:
                rows = next(pieces, None)
            except Exception as error:  # noqa: BLE001 - it concerns this request alone, whose view tells it
                self._forget(opened)
                parcel.done.set_exception(error)
                return
            if rows is None:
                opened.complete = True
                self._weight += opened.size
                return
            if self.is_full:
                self.write()
                if parcel.done.done():
                    return
            self._rows += rows
            self._owners |= dict.fromkeys(map(id, rows), opened)

    @property
    def is_full(self) -> bool:
        """Whether it holds as much as should be stored at once."""
        return len(self._rows) >= BATCH_SPANS or self._weight >= BATCH_BYTES

    def _forget(self, opened: _Opened) -> None:
        """Leave out a parcel that turned out to be unreadable."""
        self._opened = [one for one in self._opened if one is not opened]
        self._rows = [row for row in self._rows if self._owners[id(row)] is not opened]

    def write(self) -> None:
        """Store the rows, tell who wants to know, and answer the parcels that have no other rows."""
        try:
            result = self._writer.write(self._rows)
            refused = {id(row) for row, _reason in result.rejected}
            stored.tell([row for row in self._rows if id(row) not in refused] if refused else self._rows)
        except (psycopg.Error, DatabaseError) as error:
            logger.warning("Received spans are refused, the database does not take them: %s", error)
            self._writer.close()
            _fail([one.parcel for one in self._opened], UnavailableError())
            self._opened = []
        else:
            self._answer(result)
        self._rows, self._owners, self._weight = [], {}, 0

    def _answer(self, result: WriteResult) -> None:
        for row, reason in result.rejected:
            sentence = f"Span {row.name[:80]!r} ({row.span_id}): {reason.splitlines()[0]}"
            self._owners[id(row)].rejected.append(sentence)
        complete = [one for one in self._opened if one.complete]
        self._opened = [one for one in self._opened if not one.complete]
        count_spans(
            door="otlp",
            stored=len(self._rows) - len(result.rejected),
            rejected=sum(len(one.rejected) for one in complete),
        )
        for one in complete:
            one.parcel.done.set_result(one.rejected)


def _fail(parcels: list[Parcel], error: BaseException) -> None:
    for parcel in parcels:
        if not parcel.done.done():
            parcel.done.set_exception(error)


@cache
def current_ingestor() -> Ingestor:
    """The one of this process."""
    return Ingestor()
