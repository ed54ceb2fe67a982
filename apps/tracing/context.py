"""The identity that every span below a point of the program carries, as OpenTelemetry baggage."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

from opentelemetry import baggage
from opentelemetry import context as otel_context

from apps.tracing import attributes


@contextmanager
def trace_context(
    *,
    workspace_id: UUID | str,
    session_id: UUID | str | None = None,
    user_id: UUID | int | str | None = None,
    source_type: str | None = None,
    source_id: UUID | str | None = None,
    environment: str | None = None,
    tags: Sequence[str] = (),
    trace_name: str | None = None,
) -> Iterator[None]:
    """Give every span started inside (also in tasks and threads that copy the context) this identity.

    Values left at None are inherited from an outer `trace_context`. The source is the object a trace
    belongs to ("agents.message" and its id); `links.register` turns it into a link.
    """
    values = {
        attributes.WORKSPACE_ID: workspace_id,
        attributes.SESSION_ID: session_id,
        attributes.USER_ID: user_id,
        attributes.SOURCE_TYPE: source_type,
        attributes.SOURCE_ID: source_id,
        attributes.ENVIRONMENT: environment,
        attributes.TAGS: json.dumps(list(tags), ensure_ascii=False) if tags else None,
        attributes.TRACE_NAME: trace_name,
    }
    context = otel_context.get_current()
    for name, value in values.items():
        if value is not None:
            context = baggage.set_baggage(name, str(value), context)
    token = otel_context.attach(context)
    try:
        yield
    finally:
        otel_context.detach(token)
