"""The JSON form: ids in hex, 64-bit numbers as text. Names in snake case are taken too."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, Final

import orjson

from apps.tracing.mapping import SpanEvent, SpanRecord
from apps.tracing.otlp.encoding import OtlpError
from apps.tracing.otlp.scope import foreign

_MAX_DEPTH: Final = 20
_ERROR_CODES: Final = (2, "2", "STATUS_CODE_ERROR")
_UNREADABLE: Final = "A span is not readable: {reason}."


def read_json(body: bytes, spans: list[SpanRecord], rejected: list[str], public_key: str = "") -> None:
    """Append what `body` holds, as `decode` says; raises OtlpError when it is not an export."""
    document = _load(body)
    if not isinstance(document, Mapping):
        raise OtlpError("The body is not a JSON ExportTraceServiceRequest: an object is expected.")
    for resource_spans in _list(document, "resourceSpans", "resource_spans"):
        resource = _attributes(_get(_mapping(_get(resource_spans, "resource")), "attributes"))
        for scope_spans in _list(resource_spans, "scopeSpans", "scope_spans"):
            scope = _mapping(_get(scope_spans, "scope"))
            found = _list(scope_spans, "spans")
            reason = foreign(_attributes(scope.get("attributes")), public_key) if public_key else ""
            if reason:
                rejected.extend([reason] * len(found))
                continue
            name, version = _text(scope.get("name")), _text(scope.get("version"))
            for span in found:
                try:
                    spans.append(_record(_mapping(span), resource, name, version))
                except (TypeError, ValueError, OverflowError, RecursionError) as error:
                    rejected.append(_UNREADABLE.format(reason=str(error)[:200] or "it is no span"))


def _load(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except ValueError:
        pass
    try:
        # the standard reader takes lone surrogates, which the mapping then replaces
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise OtlpError(f"The body is not JSON: {str(error)[:200]}.") from None


def _record(
    span: Mapping[str, Any], resource: dict[str, object], scope: str, scope_version: str
) -> SpanRecord:
    status = _mapping(span.get("status"))
    return SpanRecord(
        trace_id=_text(_get(span, "traceId", "trace_id")).lower(),
        span_id=_text(_get(span, "spanId", "span_id")).lower(),
        parent_id=_text(_get(span, "parentSpanId", "parent_span_id")).lower(),
        name=_text(span.get("name")),
        start_ns=_integer(_get(span, "startTimeUnixNano", "start_time_unix_nano")),
        end_ns=_integer(_get(span, "endTimeUnixNano", "end_time_unix_nano")),
        failed=status.get("code") in _ERROR_CODES,
        status_message=_text(status.get("message")),
        attributes=_attributes(span.get("attributes")),
        events=[_event(_mapping(event)) for event in _list(span, "events")],
        scope=scope,
        scope_version=scope_version,
        resource=resource,
    )


def _event(event: Mapping[str, Any]) -> SpanEvent:
    moment = _integer(_get(event, "timeUnixNano", "time_unix_nano"))
    return SpanEvent(_text(event.get("name")), moment, _attributes(event.get("attributes")))


def _attributes(pairs: object) -> dict[str, object]:
    found: dict[str, object] = {}
    for pair in pairs if isinstance(pairs, list) else ():
        if isinstance(pair, Mapping) and isinstance(pair.get("key"), str):
            value = _value(pair.get("value"), 0)
            if value is not None:
                found[pair["key"]] = value
    return found


def _value(value: object, depth: int) -> object:
    if not isinstance(value, Mapping) or depth > _MAX_DEPTH:
        return None
    for name, content in value.items():
        kind = name.replace("_v", "V")
        if kind == "intValue":
            return _integer(content)
        if kind == "bytesValue":
            return _bytes(content)
        if kind == "arrayValue":
            return [_value(item, depth + 1) for item in _list(content, "values")]
        if kind == "kvlistValue":
            pairs = [pair for pair in _list(content, "values") if isinstance(pair, Mapping)]
            return {_text(pair.get("key")): _value(pair.get("value"), depth + 1) for pair in pairs}
        if kind in ("stringValue", "boolValue", "doubleValue"):
            return content
    return None


def _bytes(content: object) -> object:
    try:
        return base64.b64decode(_text(content), validate=True)
    except binascii.Error:
        return content


def _integer(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return 0
    if isinstance(value, str):
        return int(value) if len(value) <= 20 else 0  # longer ones are no 64-bit numbers
    return value


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _get(value: object, *names: str) -> Any:
    if isinstance(value, Mapping):
        for name in names:
            if name in value:
                return value[name]
    return None


def _list(value: object, *names: str) -> list[Any]:
    found = _get(value, *names)
    return found if isinstance(found, list) else []
