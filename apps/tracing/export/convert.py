"""From the SDK's spans to the neutral record of the mapping."""

from uuid import UUID

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode, format_span_id, format_trace_id

from apps.tracing import attributes
from apps.tracing.mapping import SpanError, SpanEvent, SpanRecord


def to_record(span: ReadableSpan) -> SpanRecord:
    """`span` as a record; raises SpanError when it has no context."""
    context = span.get_span_context()
    if context is None:
        raise SpanError("The span has no context.")
    scope = span.instrumentation_scope
    return SpanRecord(
        trace_id=format_trace_id(context.trace_id),
        span_id=format_span_id(context.span_id),
        parent_id=format_span_id(span.parent.span_id) if span.parent else "",
        name=str(span.name),
        start_ns=span.start_time or 0,
        end_ns=span.end_time or span.start_time or 0,
        failed=span.status.status_code is StatusCode.ERROR,
        status_message=span.status.description or "",
        attributes=dict(span.attributes or {}),
        events=[
            SpanEvent(event.name, event.timestamp, dict(event.attributes or {})) for event in span.events
        ],
        scope=scope.name if scope else "",
    )


def workspace_of(span: ReadableSpan) -> UUID | None:
    """The workspace a span belongs to, when it names a valid one."""
    value = (span.attributes or {}).get(attributes.WORKSPACE_ID)
    try:
        return UUID(str(value)) if value else None
    except ValueError:
        return None
