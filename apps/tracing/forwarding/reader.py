"""Spans in the order they were received; their texts only where they are wanted, since they may be long."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson
from django.db import connection

from apps.tracing.models.packed import HEAD_BYTES, unpack, unpacked_size, whole

#: A transaction that began earlier may commit later. Spans younger than this are left for the next time.
SETTLED_AFTER: Final = timedelta(seconds=10)

_QUERY: Final = f"""
SELECT o.trace_id, o.span_id, o.parent_id, o.name, o.type, o.start_time, o.end_time, o.status, o.status_message,
    o.model, o.provider, o.usage, o.input_tokens, o.output_tokens, o.cost::text, o.ttft_ms, o.session_id, o.user_id,
    o.environment, o.release, o.version, o.tags, o.metadata, o.attributes, o.prompt_name, o.prompt_version,
    o.input_preview, o.output_preview, o.received_at,
    substring(p.texts FROM 1 FOR {HEAD_BYTES}), octet_length(p.texts)
FROM tracing_observation o
LEFT JOIN tracing_observationpayload p USING (workspace_id, trace_id, span_id, start_time)
WHERE o.workspace_id = %(workspace)s
    AND o.received_at >= %(since)s AND (o.received_at, o.span_id) > (%(since)s, %(span)s)
    AND o.received_at < now() - %(settled)s
ORDER BY o.received_at, o.span_id
LIMIT %(limit)s
"""  # noqa: S608 - a constant number

_TEXTS_QUERY: Final = """
SELECT p.trace_id, p.span_id, p.start_time, p.texts
FROM unnest(%(traces)s::uuid[], %(spans)s::bigint[], %(starts)s::timestamptz[]) AS k (trace_id, span_id, start_time)
JOIN tracing_observationpayload p USING (trace_id, span_id, start_time)
WHERE p.workspace_id = %(workspace)s AND p.start_time BETWEEN %(first)s AND %(last)s
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """One stored span with the beginnings of its input and output. Ids as the table has them.

    `text_bytes` says how long the two are where more of them is stored, else 0: `with_texts` reads them.
    """

    trace_id: UUID
    span_id: int
    parent_id: int | None
    name: str
    type: str
    start_time: datetime
    end_time: datetime
    status: str
    status_message: str
    model: str
    provider: str
    usage: dict[str, int] | None
    input_tokens: int | None
    output_tokens: int | None
    cost: str | None
    ttft_ms: float | None
    session_id: str
    user_id: str
    environment: str
    release: str
    version: str
    tags: list[str]
    metadata: dict[str, Any] | None
    attributes: dict[str, Any] | None
    prompt_name: str
    prompt_version: str
    input: str
    output: str
    received_at: datetime
    text_bytes: int = 0

    @property
    def key(self) -> tuple[UUID, int, datetime]:
        """What its texts are found by."""
        return (self.trace_id, self.span_id, self.start_time)


def read(*, workspace_id: UUID, since: datetime, span: int, limit: int) -> list[Stored]:
    """Up to `limit` settled spans after the one received at `since` with the id `span`."""
    values: dict[str, Any] = {
        "workspace": workspace_id, "since": since, "span": span, "settled": SETTLED_AFTER, "limit": limit,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_QUERY, values)
        return [Stored(*_loaded(row)) for row in cursor.fetchall()]


def with_texts(workspace_id: UUID, spans: Sequence[Stored]) -> list[Stored]:
    """The spans with their whole inputs and outputs."""
    keys = [span.key for span in spans if span.text_bytes]
    if not keys:
        return list(spans)
    traces, span_ids, starts = zip(*keys, strict=True)
    values: dict[str, Any] = {
        "workspace": workspace_id, "traces": list(traces), "spans": list(span_ids), "starts": list(starts),
        "first": min(starts), "last": max(starts),
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_TEXTS_QUERY, values)
        found = {(trace, span, start): unpack(texts) for trace, span, start, texts in cursor.fetchall()}
    return [_completed(span, *whole(found.get(span.key), (span.input, span.output))) for span in spans]


def _completed(span: Stored, taken: str, given: str) -> Stored:
    return replace(span, input=taken, output=given)


def _loaded(row: tuple[Any, ...]) -> list[Any]:
    """jsonb comes as text from a bare cursor; what is stored of the texts as its beginning and its length."""
    *values, head, stored_bytes = row
    for index in _JSON:
        if isinstance(values[index], str):
            values[index] = orjson.loads(values[index])
    return [*values, 0 if head is None else unpacked_size(head, stored_bytes)]


_JSON: Final = tuple(Stored.__slots__.index(name) for name in ("usage", "metadata", "attributes"))
