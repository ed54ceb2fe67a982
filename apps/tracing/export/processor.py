"""Stores finished spans in batches from a thread of its own."""

import logging
import os
import threading
import time
from collections.abc import Sequence
from uuid import UUID

import psycopg
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

from apps.tracing import conf
from apps.tracing.export.convert import to_record, workspace_of
from apps.tracing.export.queue import SpanQueue
from apps.tracing.export.spill import Spill
from apps.tracing.ingest.prepare import prepare
from apps.tracing.mapping import ObservationRow, SpanError, SpanRecord
from apps.tracing.metrics import count_spans
from apps.tracing.writer import SpanWriter

logger = logging.getLogger(__name__)

DELAY_S = 0.3
BATCH = 500
MAX_SPANS = 20_000
MAX_CHARS = 64 * 2**20
#: While the database is away, batches go to disk without trying it again for this long.
RETRY_S = 2.0
#: A process that ends no spans gives its connection back.
IDLE_S = 2.0


class StoringProcessor(SpanProcessor):
    """Queues spans when they end; a thread stores them at most DELAY_S later.

    The thread is started by the first span of a process, so preloading servers and forking workers each get
    their own. Nothing is dropped silently: without a database or without room, spans go to the spill on
    disk and are stored when the database answers again.
    """

    def __init__(self, spill: Spill | None = None, delay_s: float = DELAY_S) -> None:
        self._spill = spill or Spill(conf.spill_directory())
        self._delay_s = delay_s
        self._reset()
        os.register_at_fork(after_in_child=self._after_fork)

    def on_end(self, span: ReadableSpan) -> None:
        """Queue a finished span."""
        context = span.get_span_context()
        if context is None or not context.trace_flags.sampled:
            return
        if not self._queue.put(span):
            self._spill.save(to_rows([span]))
            return
        self._ensure_thread()
        if len(self._queue) >= BATCH:
            self._wake.set()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Store everything queued or spilled, now and in the caller's thread; False when it stays on disk."""
        with self._storing:
            self._retry_at = 0.0
            while len(self._queue):
                self._store_batch()
            self._drain_spill()
            return not self._spill.files()

    def shutdown(self) -> None:
        """Store what is left and stop."""
        self._stopped.set()
        self._wake.set()
        self.force_flush()
        with self._storing:
            self._writer.close()

    def _reset(self) -> None:
        self._queue = SpanQueue(MAX_SPANS, MAX_CHARS)
        self._writer = SpanWriter()
        self._storing = threading.Lock()
        self._starting = threading.Lock()
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._retry_at = 0.0
        self._spill_seen_at = 0.0
        self._wrote_at = 0.0

    def _after_fork(self) -> None:
        """The queue and the connection are the parent's; the child starts empty."""
        self._writer.forget()
        self._reset()

    def _ensure_thread(self) -> None:
        if self._thread is not None or self._stopped.is_set():
            return
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="span-writer", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._wake.wait(self._delay_s)
            self._wake.clear()
            try:
                with self._storing:
                    while len(self._queue):
                        self._store_batch()
                    self._drain_spill_sometimes()
                    self._rest()
            except Exception:
                logger.exception("Storing spans failed.")

    def _store_batch(self) -> None:
        rows = to_rows(self._queue.take(BATCH))
        if not rows:
            return
        if time.monotonic() < self._retry_at or not self._write(rows):
            self._spill.save(rows)

    def _write(self, rows: Sequence[ObservationRow]) -> bool:
        """Store `rows`; False when the database is away."""
        try:
            result = self._writer.write(rows)
        except psycopg.Error as error:
            self._writer.close()
            self._retry_at = time.monotonic() + RETRY_S
            logger.warning("Spans wait on disk, the database does not take them: %s", error)
            return False
        self._wrote_at = time.monotonic()
        count_spans(door="own", stored=len(rows) - len(result.rejected), rejected=len(result.rejected))
        return True

    def _rest(self) -> None:
        if self._writer.connected and time.monotonic() - self._wrote_at > IDLE_S:
            self._writer.close()

    def _drain_spill_sometimes(self) -> None:
        now = time.monotonic()
        if now >= self._retry_at and now - self._spill_seen_at >= RETRY_S:
            self._spill_seen_at = now
            self._drain_spill()

    def _drain_spill(self) -> None:
        try:
            drained = self._spill.drain(self._writer.write)
        except psycopg.Error:
            self._writer.close()
            self._retry_at = time.monotonic() + RETRY_S
            return
        if drained:
            logger.info("%d spans stored that had waited on disk.", drained)


def to_rows(spans: Sequence[ReadableSpan]) -> list[ObservationRow]:
    """Rows of the spans that can be stored; the others are named in the log."""
    by_workspace: dict[UUID, list[SpanRecord]] = {}
    rejected: list[str] = []
    for span in spans:
        workspace_id = workspace_of(span)
        if workspace_id is None:
            logger.warning("Span %r dropped: it names no workspace.", span.name)
            continue
        try:
            by_workspace.setdefault(workspace_id, []).append(to_record(span))
        except SpanError as error:
            rejected.append(f"{span.name!r}: {error}")
    rows = [row for key, records in by_workspace.items() for row in prepare(records, key, rejected)]
    for reason in rejected:
        logger.warning("Span dropped: %s", reason)
    return rows
