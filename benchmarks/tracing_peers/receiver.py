"""The least a receiver of spans can do in Python and keep them: decode, COPY, commit, answer.

Raw ASGI; one partitioned table with four indexes; attributes as JSON; no mapping, no cost, no trace summary, no
authentication. The physical reference, not a rival. Served by uvicorn with DSN in the environment.
"""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import psycopg
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CONNECTIONS = 4
COLUMNS = (
    "trace_id, span_id, parent_id, project, name, kind, failed, start_time, end_time, model, input_tokens, "
    "output_tokens, attributes"
)
SCHEMA = """
CREATE TABLE spans (
    trace_id uuid NOT NULL, span_id bigint NOT NULL, parent_id bigint, project int NOT NULL, name text NOT NULL,
    kind text NOT NULL, failed boolean NOT NULL, start_time timestamptz NOT NULL, end_time timestamptz NOT NULL,
    model text, input_tokens int, output_tokens int, attributes jsonb NOT NULL
) PARTITION BY RANGE (start_time);
CREATE UNIQUE INDEX ON spans (trace_id, span_id, start_time);
CREATE INDEX ON spans (project, start_time DESC) WHERE parent_id IS NULL;
CREATE INDEX ON spans (project, model, start_time DESC) WHERE model IS NOT NULL;
CREATE INDEX ON spans (project, start_time DESC) WHERE failed;
"""
pool: asyncio.Queue[psycopg.AsyncConnection[Any]] = asyncio.Queue()


async def open_pool() -> None:
    """Make the table and its days, and the connections."""
    dsn = os.environ["DSN"]
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        await connection.execute(SCHEMA)
        today = datetime.now(UTC).date()
        for offset in range(-3, 3):
            day, after = today + timedelta(days=offset), today + timedelta(days=offset + 1)
            await connection.execute(
                f"CREATE TABLE spans_{day:%Y%m%d} PARTITION OF spans "
                f"FOR VALUES FROM ('{day} 00:00+00') TO ('{after} 00:00+00')"
            )
    for _ in range(CONNECTIONS):
        pool.put_nowait(await psycopg.AsyncConnection.connect(dsn))


def moment(nanoseconds: int) -> datetime:
    """A timestamp with microseconds."""
    return EPOCH + timedelta(microseconds=nanoseconds // 1000)


def number(identifier: bytes) -> int | None:
    """A span id as a 64-bit integer."""
    return int.from_bytes(identifier, "big", signed=True) if identifier else None


def rows(body: bytes) -> list[tuple[object, ...]]:
    """One row a span."""
    found: list[tuple[object, ...]] = []
    for resource_spans in ExportTraceServiceRequest.FromString(body).resource_spans:
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                known = {
                    pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in span.attributes
                }
                found.append(
                    (
                        span.trace_id.hex(), number(span.span_id), number(span.parent_span_id), 1, span.name,
                        known.get("openinference.span.kind", ""), span.status.code == 2,
                        moment(span.start_time_unix_nano), moment(span.end_time_unix_nano),
                        known.get("llm.model_name"), known.get("llm.token_count.prompt"),
                        known.get("llm.token_count.completion"), orjson.dumps(known).decode(),
                    )
                )  # fmt: skip
    return found


async def store(body: bytes) -> None:
    """COPY and commit."""
    connection = await pool.get()
    try:
        async with connection.cursor() as cursor, cursor.copy(f"COPY spans ({COLUMNS}) FROM STDIN") as copy:
            for row in rows(body):
                await copy.write_row(row)
        await connection.commit()
    finally:
        pool.put_nowait(connection)


async def app(scope: Any, receive: Any, send: Any) -> None:
    """`POST /v1/traces`; anything else is answered with an empty 200."""
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await open_pool()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    if scope["path"] == "/v1/traces":
        await store(body)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})
