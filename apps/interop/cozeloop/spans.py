"""Spans as the cozeloop SDK writes them into span records. Plain Python: a dictionary in, a record out."""

from collections.abc import Mapping
from typing import Any

import orjson

from apps.core.exceptions import Invalid
from apps.tracing.mapping import SpanRecord
from apps.tracing.otlp import inflate

#: The SDK sends 100 at most.
MAX_SPANS = 10_000
PREFIX = "cozeloop."
_TAGS = (
    "system_tags_string",
    "system_tags_long",
    "system_tags_double",
    "tags_string",
    "tags_long",
    "tags_double",
    "tags_bool",
)
_ROOT = "0"


def read_spans(body: bytes, encoding: str) -> tuple[list[SpanRecord], list[str]]:
    """The spans of a request, and a sentence for each that can't be read; raises Invalid, OtlpError."""
    try:
        document = orjson.loads(inflate(body, encoding))
    except ValueError:
        raise Invalid("The body is not JSON.") from None
    spans = document.get("spans") if isinstance(document, dict) else None
    if not isinstance(spans, list) or len(spans) > MAX_SPANS:
        raise Invalid(f"`spans` is a list of {MAX_SPANS} spans at most.")
    records: list[SpanRecord] = []
    rejected: list[str] = []
    for number, span in enumerate(spans, 1):
        try:
            records.append(record_of(span))
        except (TypeError, ValueError, AttributeError):
            rejected.append(f"Span {number} is not a span.")
    return records, rejected


def record_of(span: Mapping[str, Any]) -> SpanRecord:
    """One span; ids and times are checked where all spans are. Raises TypeError, ValueError or AttributeError."""
    attributes: dict[str, object] = {}
    for group in _TAGS:
        attributes.update({PREFIX + str(name): value for name, value in (span.get(group) or {}).items()})
    for name in ("span_type", "input", "output", "log_id", "object_storage"):
        if value := span.get(name):
            attributes[PREFIX + name] = value
    start_ns = int(span["started_at_micros"]) * 1_000 if "started_at_micros" in span else 0
    parent_id = str(span.get("parent_id") or _ROOT)
    return SpanRecord(
        trace_id=str(span.get("trace_id", "")).lower(),
        span_id=str(span.get("span_id", "")).lower(),
        parent_id="" if parent_id == _ROOT else parent_id.lower(),
        name=str(span.get("span_name", "")),
        start_ns=start_ns,
        end_ns=start_ns + int(span.get("duration_micros") or 0) * 1_000,
        failed=int(span.get("status_code") or 0) != 0,
        status_message=str(attributes.get(f"{PREFIX}error", "")),
        attributes=attributes,
        scope="cozeloop",
        resource={"service.name": span["service_name"]} if span.get("service_name") else {},
    )
