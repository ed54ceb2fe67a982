"""Spans in the order they were received."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson
from django.db import connection

from apps.tracing.models.packed import unpack, whole

#: A transaction that began earlier may commit later. Spans younger than this are left for the next time.
SETTLED_AFTER: Final = timedelta(seconds=10)

_QUERY: Final = """
SELECT o.trace_id, o.span_id, o.parent_id, o.name, o.type, o.start_time, o.end_time, o.status, o.status_message,
    o.model, o.provider, o.usage, o.input_tokens, o.output_tokens, o.cost::text, o.ttft_ms, o.session_id, o.user_id,
    o.environment, o.release, o.version, o.tags, o.metadata, o.attributes, o.prompt_name, o.prompt_version,
    o.input_preview, o.output_preview, o.received_at, p.texts
FROM tracing_observation o
LEFT JOIN tracing_observationpayload p USING (workspace_id, trace_id, span_id, start_time)
WHERE o.workspace_id = %(workspace)s
    AND o.received_at >= %(since)s AND (o.received_at, o.span_id) > (%(since)s, %(span)s)
    AND o.received_at < now() - %(settled)s
ORDER BY o.received_at, o.span_id
LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """One stored span with its whole input and output. Ids as the table has them."""

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


def read(*, workspace_id: UUID, since: datetime, span: int, limit: int) -> list[Stored]:
    """Up to `limit` settled spans after the one received at `since` with the id `span`."""
    values: dict[str, Any] = {
        "workspace": workspace_id, "since": since, "span": span, "settled": SETTLED_AFTER, "limit": limit,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_QUERY, values)
        return [Stored(*_loaded(row)) for row in cursor.fetchall()]


def _loaded(row: tuple[Any, ...]) -> list[Any]:
    """jsonb comes as text from a bare cursor; what is longer than a preview packed, at the end."""
    values = list(row)
    for index in _JSON:
        if isinstance(values[index], str):
            values[index] = orjson.loads(values[index])
    if (texts := values.pop()) is not None:
        values[_TEXTS] = whole(unpack(texts), tuple(values[_TEXTS]))
    return values


_JSON: Final = tuple(Stored.__slots__.index(name) for name in ("usage", "metadata", "attributes"))
_TEXTS: Final = slice(Stored.__slots__.index("input"), Stored.__slots__.index("output") + 1)
