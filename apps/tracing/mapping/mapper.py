"""One span in, one observation row out."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from apps.tracing.mapping import clean, flywheel, gen_ai
from apps.tracing.mapping.observation import WRAPPERS, ObservationRow, ObservationType
from apps.tracing.mapping.preview import preview
from apps.tracing.mapping.span import SpanError, SpanRecord
from apps.tracing.mapping.table import compile_table

TABLE = compile_table((flywheel.CONVENTION, gen_ai.CONVENTION))
#: A clock may be a little wrong; a span further ahead would sit in front of every list for ever.
MAX_AHEAD = timedelta(days=1)
#: Kept apart from the span's own attributes, since every span of a process repeats them.
_RESOURCE_FIELDS = ("environment", "version")

_TRACE_ID = re.compile(r"(?!0{32})[0-9a-f]{32}")
_SPAN_ID = re.compile(r"(?!0{16})[0-9a-f]{16}")


def map_span(span: SpanRecord, *, workspace_id: UUID, record_content: bool = True) -> ObservationRow:
    """The row for `span` in a workspace; raises SpanError with the reason when it can't be stored.

    With `record_content` off, input, output and their previews are left out.
    """
    start, end = _times(span)
    values, rest = _read(span.attributes)
    for name, value in _read(span.resource)[0].items():
        if name in _RESOURCE_FIELDS:
            values.setdefault(name, value)
    for finish in TABLE.finishers:
        finish(values)
    _set_usage(values)
    _set_status(values, rest, span)
    _set_content(values, record_content=record_content)
    metadata = values.pop("metadata", None)
    return ObservationRow(
        workspace_id=workspace_id,
        trace_id=_identifier(span.trace_id, _TRACE_ID, "trace id"),
        span_id=_identifier(span.span_id, _SPAN_ID, "span id"),
        parent_id=_identifier(span.parent_id, _SPAN_ID, "parent span id") if span.parent_id else "",
        start_time=start,
        end_time=end,
        name=clean.text(span.name, clean.MAX_LABEL) or "span",
        metadata=metadata,
        attributes=rest or None,
        **values,
    )


def _identifier(value: str, pattern: re.Pattern[str], what: str) -> str:
    if not pattern.fullmatch(value):
        raise SpanError(f"The {what} is not valid.")
    return value


def _times(span: SpanRecord) -> tuple[datetime, datetime]:
    try:
        start, end = clean.moment(span.start_ns), clean.moment(max(span.end_ns, span.start_ns))
    except OverflowError:
        raise SpanError("The time is out of range.") from None
    if span.start_ns <= 0:
        raise SpanError("The start time is missing.")
    limit = datetime.now(UTC) + MAX_AHEAD
    if start > limit:
        raise SpanError("The start time is in the future.")
    return start, min(end, limit)


def _read(attributes: Mapping[str, object]) -> tuple[dict[str, Any], dict[str, object]]:
    """Fields found in the attributes, and the attributes no table knows."""
    values: dict[str, Any] = {}
    ranks: dict[str, int] = {}
    rest: dict[str, object] = {}
    for key, value in attributes.items():
        entries = TABLE.entries.get(key)
        if entries is None:
            _keep(key, value, values, rest)
            continue
        for entry in entries:
            if entry.rank < ranks.get(entry.target, entry.rank + 1):
                converted = entry.convert(value)
                if converted is not None:
                    values[entry.target] = converted
                    ranks[entry.target] = entry.rank
    return values, rest


def _keep(key: str, value: object, values: dict[str, Any], rest: dict[str, object]) -> None:
    if key in TABLE.ignored:
        return
    for prefix, target in TABLE.prefixes:
        if key.startswith(prefix):
            kept = values.setdefault(target, {})
            key = key.removeprefix(prefix)
            break
    else:
        kept = rest
    if len(kept) < clean.MAX_ATTRIBUTES:
        kept[clean.text(key, clean.MAX_LABEL)] = clean.json_value(value)


def _set_usage(values: dict[str, Any]) -> None:
    """Buckets that exclude each other, so that cached and reasoning tokens are never counted twice."""
    cached = values.pop("cached_tokens", 0)
    created = values.pop("cache_creation_tokens", 0)
    reasoning = values.pop("reasoning_tokens", 0)
    if values.get("type") in WRAPPERS:
        for name in ("input_tokens", "output_tokens", "cost"):
            values.pop(name, None)
        return
    buckets = {
        "input": max(values.get("input_tokens", 0) - cached - created, 0),
        "input_cached_tokens": cached,
        "input_cache_creation": created,
        "output": max(values.get("output_tokens", 0) - reasoning, 0),
        "output_reasoning_tokens": reasoning,
    }
    values["usage"] = {name: count for name, count in buckets.items() if count} or None


def _set_status(values: dict[str, Any], rest: dict[str, object], span: SpanRecord) -> None:
    message = span.status_message
    other: list[object] = []
    for event in span.events[:100]:
        if event.name == "exception":
            message = message or str(event.attributes.get("exception.message", ""))
            for key, value in event.attributes.items():
                rest[clean.text(key, clean.MAX_LABEL)] = clean.json_value(value)
        else:
            other.append({"name": event.name, "time_ns": event.time_ns, "attributes": dict(event.attributes)})
    if other:
        rest["events"] = clean.json_value(other)
    values["status"] = "error" if span.failed else "ok"
    values["status_message"] = clean.text(message, 2_000)


def _set_content(values: dict[str, Any], *, record_content: bool) -> None:
    """Previews for the row; the whole value only where the preview is not all of it."""
    for name, role in (("input", "user"), ("output", None)):
        value = values.pop(name, None)
        if value is None or not record_content:
            continue
        shown = preview(value, role=role)
        values[f"{name}_preview"] = shown
        if shown != value:
            values[name] = value
    values.setdefault("type", ObservationType.SPAN)
