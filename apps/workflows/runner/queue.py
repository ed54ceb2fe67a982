"""The queue of runs in SQL: claims under a lease, heartbeats, and giving back.

All times are the database's. A claim is one short transaction under one lock, so that limits of concurrency hold
exactly however many processes claim; rows that somebody else has locked are left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.rows import class_row

Connection = psycopg.AsyncConnection[Any]

#: Advisory lock of claims ("wfclaim" in ASCII).
_CLAIM_LOCK: Final = 0x77_66_63_6C_61_69_6D

# The recursive part walks the index from workflow to workflow: a backlog of one doesn't make others expensive.
# A run's turn is its place in its workflow's queue, counted after what that workflow has running; workspaces are
# served in the same way. So whoever has the least running comes first, and nobody starves.
_CLAIM: Final = """
WITH RECURSIVE flows AS (
    (SELECT workflow_id FROM workflows_workflowrun
     WHERE state = 'queued' AND mode = %(mode)s ORDER BY workflow_id LIMIT 1)
    UNION ALL
    SELECT (SELECT r.workflow_id FROM workflows_workflowrun r
            WHERE r.state = 'queued' AND r.mode = %(mode)s AND r.workflow_id > f.workflow_id
            ORDER BY r.workflow_id LIMIT 1)
    FROM flows f WHERE f.workflow_id IS NOT NULL
), busy AS (
    SELECT workflow_id, workspace_id, count(*) AS n
    FROM workflows_workflowrun WHERE state = 'running' GROUP BY 1, 2
), room AS (
    SELECT w.id, w.workspace_id, coalesce(b.n, 0) AS busy,
           least(coalesce(w.concurrency - coalesce(b.n, 0), %(slots)s), %(slots)s) AS free
    FROM flows f JOIN workflows_workflow w ON w.id = f.workflow_id
    LEFT JOIN busy b ON b.workflow_id = w.id
), heads AS (
    SELECT h.id, h.queued_at, room.workspace_id,
           room.busy + row_number() OVER (PARTITION BY room.id ORDER BY h.queued_at, h.id) AS turn
    FROM room CROSS JOIN LATERAL (
        SELECT q.id, q.queued_at FROM workflows_workflowrun q
        WHERE q.workflow_id = room.id AND q.state = 'queued' AND q.mode = %(mode)s
          AND q.queued_at <= now() - make_interval(secs => %(age)s)
        ORDER BY q.queued_at LIMIT greatest(room.free, 0)
    ) h
), ranked AS (
    SELECT heads.id, heads.queued_at,
           coalesce((SELECT sum(n) FROM busy WHERE busy.workspace_id = heads.workspace_id), 0)
           + row_number() OVER (PARTITION BY heads.workspace_id ORDER BY heads.turn, heads.queued_at, heads.id) AS turn
    FROM heads
), picked AS (
    SELECT id FROM ranked ORDER BY turn, queued_at, id LIMIT %(slots)s
), free AS (
    SELECT r.id FROM workflows_workflowrun r JOIN picked USING (id)
    WHERE r.state = 'queued' FOR UPDATE OF r SKIP LOCKED
)
UPDATE workflows_workflowrun r
SET state = 'running', lease_owner = %(owner)s, lease_until = now() + make_interval(secs => %(lease)s),
    started_at = coalesce(r.started_at, now()), updated_at = now()
FROM free WHERE r.id = free.id
RETURNING r.id
"""

# What a dead process left. `stalls` goes back to one when a node was completed since the last takeover. Of runs under
# the same suspicion those that were taken over longest ago come first, so that all get their turn.
_TAKE_OVER: Final = """
WITH lost AS (
    SELECT id FROM workflows_workflowrun
    WHERE state = 'running' AND lease_until < now() AND stalls BETWEEN %(least)s AND %(most)s
    ORDER BY lease_until LIMIT %(slots)s
    FOR UPDATE SKIP LOCKED
), seen AS (
    SELECT lost.id, coalesce((
        SELECT e.seq FROM core_streamevent e WHERE e.stream_id = lost.id AND e.type = 'node.completed'
        ORDER BY e.seq DESC LIMIT 1), 0) AS seq
    FROM lost
)
UPDATE workflows_workflowrun r
SET lease_owner = %(owner)s, lease_until = now() + make_interval(secs => %(lease)s), takeovers = r.takeovers + 1,
    stalls = CASE WHEN seen.seq > r.progress_seq THEN 1 ELSE r.stalls + 1 END, progress_seq = seen.seq,
    updated_at = now()
FROM seen WHERE r.id = seen.id
RETURNING r.id
"""

_LOAD: Final = """
SELECT r.id, r.workspace_id, r.workflow_id, w.name AS workflow_name, w.kind, r.version_id, r.checksum, r.mode,
       r.inputs, r.system, r.trigger_kind, r.trigger_id, r.user_id, r.external_user, r.conversation_id, r.parent_id,
       r.queued_at, r.started_at, r.stop_requested, r.stop_reason, r.takeovers, r.stalls,
       r.rerun_of_id, r.rerun_from, r.rerun_edits, r.trace_id, r.root_span, r.callback_url <> '' AS has_callback,
       coalesce((SELECT max(e.seq) FROM core_streamevent e WHERE e.stream_id = r.id), 0) AS last_seq,
       w.secrets, s.name AS workspace_name, s.slug AS workspace_slug, s.allow_private_network
FROM workflows_workflowrun r
JOIN workflows_workflow w ON w.id = r.workflow_id
JOIN core_workspace s ON s.id = r.workspace_id
WHERE r.id = ANY(%s)
"""

_DOCUMENT: Final = """
SELECT coalesce(r.document, v.document) FROM workflows_workflowrun r
LEFT JOIN workflows_workflowversion v ON v.id = r.version_id WHERE r.id = %s
"""

_RENEW: Final = """
UPDATE workflows_workflowrun SET lease_until = now() + make_interval(secs => %s)
WHERE id = ANY(%s) AND lease_owner = %s AND state = 'running' RETURNING id, stop_requested
"""

_GIVE_BACK: Final = """
WITH given AS (
    UPDATE workflows_workflowrun SET state = 'queued', lease_owner = '', lease_until = NULL, updated_at = now()
    WHERE id = ANY(%s) AND lease_owner = %s AND state = 'running' RETURNING mode
)
SELECT pg_notify(%s, mode) FROM given GROUP BY mode
"""

_TRACED: Final = """
UPDATE workflows_workflowrun r SET trace_id = t.trace_id
FROM unnest(%s::uuid[], %s::text[]) AS t(id, trace_id) WHERE r.id = t.id
"""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A run that this process holds, with what executing it needs."""

    id: UUID
    workspace_id: UUID
    workflow_id: UUID
    workflow_name: str
    kind: str
    version_id: UUID | None
    checksum: str
    mode: str
    inputs: dict[str, Any]
    system: dict[str, Any]
    trigger_kind: str
    trigger_id: UUID | None
    user_id: int | None
    external_user: str
    conversation_id: UUID | None
    parent_id: UUID | None
    queued_at: datetime
    started_at: datetime
    stop_requested: bool
    stop_reason: str
    takeovers: int
    stalls: int
    rerun_of_id: UUID | None
    rerun_from: str
    rerun_edits: dict[str, Any]
    trace_id: str
    root_span: str
    has_callback: bool
    last_seq: int
    secrets: bytes
    workspace_name: str
    workspace_slug: str
    allow_private_network: bool


async def claim(
    connection: Connection, *, owner: str, lease_s: float, mode: str, slots: int, age_s: float = 0.0
) -> list[UUID]:
    """Take up to `slots` queued runs of a mode that are at least `age_s` old, fairly."""
    given = {"owner": owner, "lease": lease_s, "mode": mode, "slots": slots, "age": age_s}
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_CLAIM_LOCK,), prepare=True)
        cursor = await connection.execute(_CLAIM, given, prepare=True)
        return [row[0] for row in await cursor.fetchall()]


async def take_over(
    connection: Connection, *, owner: str, lease_s: float, slots: int, stalls: tuple[int, int]
) -> list[UUID]:
    """Take runs whose process died, with a number of stalls between the two given ones."""
    least, most = stalls
    given = {"owner": owner, "lease": lease_s, "slots": slots, "least": least, "most": most}
    cursor = await connection.execute(_TAKE_OVER, given, prepare=True)
    return [row[0] for row in await cursor.fetchall()]


async def load(connection: Connection, ids: Sequence[UUID]) -> list[Claimed]:
    """What executing these runs needs."""
    async with connection.cursor(row_factory=class_row(Claimed)) as cursor:
        await cursor.execute(_LOAD, (list(ids),), prepare=True)
        return await cursor.fetchall()


async def document_of(connection: Connection, run_id: UUID) -> dict[str, Any]:
    """The document that a run executes."""
    cursor = await connection.execute(_DOCUMENT, (run_id,), prepare=True)
    row = await cursor.fetchone()
    if row is None:
        raise LookupError(f"There is no run {run_id}.")
    document: dict[str, Any] = row[0]
    return document


async def renew(
    connection: Connection, *, ids: Sequence[UUID], owner: str, lease_s: float
) -> dict[UUID, bool]:
    """Prolong leases; returns the runs still held, with whether somebody wants them stopped."""
    cursor = await connection.execute(_RENEW, (lease_s, list(ids), owner), prepare=True)
    return dict(await cursor.fetchall())


async def give_back(connection: Connection, *, ids: Sequence[UUID], owner: str, channel: str) -> None:
    """Let others go on with these runs at once."""
    await connection.execute(_GIVE_BACK, (list(ids), owner, channel))


async def note_traces(connection: Connection, *, traces: dict[UUID, str]) -> None:
    """Write down under which traces runs are seen."""
    await connection.execute(_TRACED, (list(traces), list(traces.values())), prepare=True)


_LEDGER: Final = """
SELECT seq, type, data FROM core_streamevent WHERE stream_id = %s ORDER BY seq
"""


async def ledger(connection: Connection, run_id: UUID) -> tuple[int, list[tuple[str, dict[str, Any]]]]:
    """All that a run has told so far, as pairs of type and data, and the number of the last event."""
    cursor = await connection.execute(_LEDGER, (run_id,), prepare=True)
    rows = await cursor.fetchall()
    return (rows[-1][0] if rows else 0), [(kind, data) for _seq, kind, data in rows]
