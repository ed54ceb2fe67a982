"""The binary form."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from apps.tracing.mapping import SpanEvent, SpanRecord
from apps.tracing.otlp.encoding import OtlpError
from apps.tracing.otlp.scope import foreign

_STATUS_ERROR: Final = 2
_MAX_DEPTH: Final = 20


def read_protobuf(body: bytes, spans: list[SpanRecord], rejected: list[str], public_key: str = "") -> None:
    """Append what `body` holds, as `decode` says; raises OtlpError when it is not an export."""
    try:
        request = ExportTraceServiceRequest.FromString(body)
    except DecodeError:
        raise OtlpError("The body is not a protobuf ExportTraceServiceRequest.") from None
    for resource_spans in request.resource_spans:
        resource = _attributes(resource_spans.resource.attributes)
        for scope_spans in resource_spans.scope_spans:
            scope = scope_spans.scope
            if public_key and scope.attributes:
                reason = foreign(_attributes(scope.attributes), public_key)
                if reason:
                    rejected.extend([reason] * len(scope_spans.spans))
                    continue
            for span in scope_spans.spans:
                if not span.span_id:
                    rejected.append(
                        "A span has no id (log records have another address: only traces are taken here)."
                    )
                    continue
                spans.append(_record(span, resource, scope.name, scope.version))


def _record(span: Any, resource: dict[str, object], scope: str, scope_version: str) -> SpanRecord:
    status = span.status
    return SpanRecord(
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.name,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        status.code == _STATUS_ERROR,
        status.message,
        _attributes(span.attributes),
        [SpanEvent(event.name, event.time_unix_nano, _attributes(event.attributes)) for event in span.events],
        scope,
        scope_version,
        resource,
    )


def _attributes(pairs: Iterable[Any]) -> dict[str, object]:
    found: dict[str, object] = {}
    for pair in pairs:
        value = pair.value
        # hot lines of reception: nearly all attributes are text, which is cheaper to ask for than what they are
        text = value.string_value
        if text:
            found[pair.key] = text
            continue
        kind = value.WhichOneof("value")
        if kind in _PLAIN:
            found[pair.key] = getattr(value, kind)
        elif kind is not None:
            found[pair.key] = _READERS[kind](value, 0)
    return found


def _array(value: Any, depth: int) -> object:
    return [_value(item, depth + 1) for item in value.array_value.values]


def _pairs(value: Any, depth: int) -> object:
    return {pair.key: _value(pair.value, depth + 1) for pair in value.kvlist_value.values}


def _value(value: Any, depth: int) -> object:
    kind = value.WhichOneof("value")
    if kind is None or depth > _MAX_DEPTH:
        return None
    return getattr(value, kind) if kind in _PLAIN else _READERS[kind](value, depth)


_PLAIN: Final = frozenset({"string_value", "int_value", "double_value", "bool_value", "bytes_value"})
_READERS: Final[dict[str, Callable[[Any, int], object]]] = {"array_value": _array, "kvlist_value": _pairs}
