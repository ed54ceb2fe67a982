"""Stored spans as an OTLP request that other back ends understand.

Names follow OpenTelemetry's conventions for generative AI where there are some; `input.value` and `output.value` are
OpenInference's, which the others read too. Attributes the span came with are sent along.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from apps.tracing import attributes as names
from apps.tracing.forwarding.reader import Stored

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_OPERATIONS: Final = {
    "generation": "chat",
    "embedding": "embeddings",
    "agent": "invoke_agent",
    "tool": "execute_tool",
    "retriever": "retrieval",
}
_MASK_64: Final = 0xFFFF_FFFF_FFFF_FFFF
_MAX_DEPTH: Final = 20


def encode(spans: Iterable[Stored], *, with_content: bool) -> bytes:
    """One request, spans grouped by their service and environment."""
    request = ExportTraceServiceRequest()
    groups: dict[tuple[str, str, str], Any] = {}
    for span in spans:
        service = str((span.attributes or {}).get("service.name", "flywheel"))
        key = (service, span.environment, span.version)
        if key not in groups:
            resource_spans = request.resource_spans.add()
            resource = {
                "service.name": service,
                names.ENVIRONMENT: span.environment,
                "service.version": span.version,
            }
            resource_spans.resource.attributes.extend(_pairs(resource))
            groups[key] = resource_spans.scope_spans.add()
            groups[key].scope.name = "flywheel"
        groups[key].spans.append(_span(span, with_content=with_content))
    encoded: bytes = request.SerializeToString()
    return encoded


def _span(span: Stored, *, with_content: bool) -> Span:
    code = Status.STATUS_CODE_ERROR if span.status == "error" else Status.STATUS_CODE_UNSET
    return Span(
        trace_id=span.trace_id.bytes,
        span_id=(span.span_id & _MASK_64).to_bytes(8, "big"),
        parent_span_id=b"" if span.parent_id is None else (span.parent_id & _MASK_64).to_bytes(8, "big"),
        name=span.name,
        kind=Span.SPAN_KIND_INTERNAL,
        start_time_unix_nano=_nanoseconds(span.start_time),
        end_time_unix_nano=_nanoseconds(span.end_time),
        status=Status(code=code, message=span.status_message),
        attributes=_pairs(_attributes(span, with_content=with_content)),
    )


def _attributes(span: Stored, *, with_content: bool) -> dict[str, Any]:
    known: dict[str, Any] = {
        names.OBSERVATION_TYPE: span.type,
        names.OPERATION: _OPERATIONS.get(span.type),
        names.MODEL: span.model,
        names.PROVIDER: span.provider,
        names.INPUT_TOKENS: span.input_tokens,
        names.OUTPUT_TOKENS: span.output_tokens,
        names.CACHED_TOKENS: (span.usage or {}).get("input_cached_tokens"),
        names.REASONING_TOKENS: (span.usage or {}).get("output_reasoning_tokens"),
        names.COST: span.cost,
        names.TTFT_MS: span.ttft_ms,
        names.SESSION_ID: span.session_id,
        names.USER_ID: span.user_id,
        names.TAGS: span.tags,
        names.PROMPT_NAME: span.prompt_name,
        names.PROMPT_VERSION: span.prompt_version,
    }
    if with_content:
        known |= {"input.value": span.input, "output.value": span.output}
    metadata = {f"{names.METADATA_PREFIX}{key}": value for key, value in (span.metadata or {}).items()}
    found = {**(span.attributes or {}), **metadata, **known}
    return {key: value for key, value in found.items() if value not in (None, "", [])}


def _pairs(values: Mapping[str, Any]) -> list[KeyValue]:
    return [
        KeyValue(key=key, value=_value(value)) for key, value in values.items() if value not in (None, "")
    ]


def _value(value: Any, depth: int = 0) -> AnyValue:
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, list) and depth < _MAX_DEPTH:
        return AnyValue(array_value=ArrayValue(values=[_value(item, depth + 1) for item in value]))
    if isinstance(value, dict) and depth < _MAX_DEPTH:
        pairs = [KeyValue(key=str(key), value=_value(item, depth + 1)) for key, item in value.items()]
        return AnyValue(kvlist_value=KeyValueList(values=pairs))
    return AnyValue(string_value="" if value is None else str(value))


def _nanoseconds(moment: datetime) -> int:
    elapsed = moment - _EPOCH
    return ((elapsed.days * 86_400 + elapsed.seconds) * 1_000_000 + elapsed.microseconds) * 1_000
