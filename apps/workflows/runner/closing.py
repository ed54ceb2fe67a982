"""How executed runs end: rows and last events of many runs in one statement."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import psycopg

from apps.core.streams.events import dump_json
from apps.core.streams.signals import CHANNEL, encode_progress
from apps.workflows.runner.database import Database

# Whoever lost the lease changes nothing and tells nothing. A second try of a statement whose answer got lost finds
# the event stored (the same number, the same type) and counts as done.
_CLOSE: Final = """
WITH given AS (
    SELECT * FROM jsonb_to_recordset(%s::jsonb) AS g(
        id uuid, owner text, state text, outputs jsonb, error jsonb, input_tokens bigint, output_tokens bigint,
        cost numeric, steps int, ms bigint, root_span text, trace_id text, seq int, type text, data jsonb)
), closed AS (
    UPDATE workflows_workflowrun r
    SET state = g.state, outputs = g.outputs, error = g.error, input_tokens = g.input_tokens,
        output_tokens = g.output_tokens, cost = g.cost, steps = g.steps, elapsed_ms = g.ms,
        root_span = CASE WHEN g.root_span = '' THEN r.root_span ELSE g.root_span END,
        trace_id = CASE WHEN g.trace_id = '' THEN r.trace_id ELSE g.trace_id END,
        finished_at = now(), lease_owner = '', lease_until = NULL, updated_at = now()
    FROM given g WHERE r.id = g.id AND r.lease_owner = g.owner AND r.state = 'running'
    RETURNING r.id
), cancelled AS (
    UPDATE workflows_runwait w SET state = 'cancelled', updated_at = now()
    FROM closed WHERE w.run_id = closed.id AND w.state = 'open'
), stored AS (
    INSERT INTO core_streamevent (stream_id, seq, type, data, created_at)
    SELECT g.id, g.seq, g.type, g.data, now() FROM given g JOIN closed USING (id)
)
SELECT g.id, closed.id IS NOT NULL OR EXISTS (
    SELECT 1 FROM core_streamevent e WHERE e.stream_id = g.id AND e.seq = g.seq AND e.type = g.type AND e.data = g.data)
FROM given g LEFT JOIN closed USING (id)
"""


@dataclass(slots=True)
class Closing:
    """The end of one run: new values of its row, and its last event with its sequence number."""

    id: UUID
    owner: str
    state: str
    seq: int
    type: str
    data: dict[str, Any]
    outputs: Any = None
    error: Any = None
    usage: dict[str, Any] | None = None
    steps: int = 0
    ms: int = 0
    root_span: str = ""
    # a run may end before its trace is noted while it goes on
    trace_id: str = ""

    def row(self) -> str:
        """As an element of the statement's array."""
        usage = self.usage or {}
        return dump_json(
            {
                "id": str(self.id),
                "owner": self.owner,
                "state": self.state,
                "outputs": self.outputs,
                "error": self.error,
                "input_tokens": usage.get("input_tokens", 0),
                "output_tokens": usage.get("output_tokens", 0),
                "cost": str(usage.get("cost", 0)),
                "steps": self.steps,
                "ms": self.ms,
                "root_span": self.root_span,
                "trace_id": self.trace_id,
                "seq": self.seq,
                "type": self.type,
                "data": self.data,
            }
        )


class Closer:
    """Collects the ends of runs while a statement is under way, and writes them with the next."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[tuple[Closing, asyncio.Future[bool]]] = []
        self._task: asyncio.Task[None] | None = None

    async def close(self, closing: Closing) -> bool:
        """Write the end of a run; False when another process holds it by now. Its earlier events are committed."""
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((closing, done))
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._drain(), name="run-closer")
        return await done

    async def _drain(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                await self._write(batch)
            except psycopg.Error as error:
                await self._separately(batch, error)

    async def _write(self, batch: list[tuple[Closing, asyncio.Future[bool]]]) -> None:
        rows = f"[{','.join(closing.row() for closing, _done in batch)}]"
        heads = encode_progress("", ((closing.id, closing.seq) for closing, _done in batch))

        async def work(connection: psycopg.AsyncConnection[Any]) -> dict[UUID, bool]:
            async with connection.pipeline(), connection.transaction():
                cursor = await connection.execute(_CLOSE, (rows,), prepare=True)
                await connection.execute(
                    "SELECT pg_notify(%s, p) FROM unnest(%s::text[]) p", (CHANNEL, heads), prepare=True
                )
            return dict(await cursor.fetchall())

        closed = await self._database.run(work)
        for closing, done in batch:
            if not done.done():
                done.set_result(closed.get(closing.id, False))

    async def _separately(
        self, batch: list[tuple[Closing, asyncio.Future[bool]]], error: psycopg.Error
    ) -> None:
        """What PostgreSQL refuses of one run (outputs it can't hold, a taken number) must not hold up the others."""
        if len(batch) == 1:
            _closing, done = batch[0]
            if not done.done():
                done.set_exception(error)
            return
        for one in batch:
            try:
                await self._write([one])
            except psycopg.Error as refused:
                await self._separately([one], refused)
