"""One span in, one observation row out."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from apps.tracing.mapping import clean, cozeloop, flywheel, gen_ai, langfuse, openinference, traceloop, vercel
from apps.tracing.mapping.content import settle
from apps.tracing.mapping.events import take_messages
from apps.tracing.mapping.flatten import MAX_SLOTS
from apps.tracing.mapping.observation import ObservationRow, ObservationType
from apps.tracing.mapping.preview import preview
from apps.tracing.mapping.span import SpanError, SpanRecord
from apps.tracing.mapping.table import compile_table
from apps.tracing.mapping.usage import set_usage

TABLE = compile_table(
    tuple(
        family.CONVENTION
        for family in (flywheel, langfuse, openinference, gen_ai, traceloop, vercel, cozeloop)
    )
)
#: A clock may be a little wrong; a span further ahead would sit in front of every list for ever.
MAX_AHEAD = timedelta(days=1)
#: What a resource says of all its spans. The rest of it describes machines and processes, and would be stored anew
#: with every span.
_RESOURCE_FIELDS = ("environment", "version", "release")
_RESOURCE_KEPT = ("service.name", "openinference.project.name")

MAX_EVENTS = 1_000
_OWN_SCOPES = "apps."
_LANGFUSE_SCOPE = "langfuse-sdk"
#: From this line on that SDK encodes every metadata value as JSON, text too.
_LANGFUSE_ENCODES_FROM = 5

_TRACE_ID = re.compile(r"(?!0{32})[0-9a-f]{32}")
_SPAN_ID = re.compile(r"(?!0{16})[0-9a-f]{16}")


def map_span(span: SpanRecord, *, workspace_id: UUID, record_content: bool = True) -> ObservationRow:
    """The row for `span` in a workspace; raises SpanError with the reason when it can't be stored.

    With `record_content` off, input, output and their previews are left out.
    """
    start, end = _times(span)
    values, rest = _read(span.attributes)
    _add_resource(values, rest, span)
    _add_events(values, rest, span)
    for finish in TABLE.finishers:
        finish(values, rest)
    values.setdefault("type", ObservationType.GENERATION if values.get("model") else ObservationType.SPAN)
    _set_first_token(values, start)
    set_usage(values)
    _set_status(values, span)
    settle(values, rest)
    _set_content(values, record_content=record_content)
    return ObservationRow(
        workspace_id=workspace_id,
        trace_id=_identifier(span.trace_id, _TRACE_ID, "trace id"),
        span_id=_identifier(span.span_id, _SPAN_ID, "span id"),
        parent_id=_identifier(span.parent_id, _SPAN_ID, "parent span id") if span.parent_id else "",
        start_time=start,
        end_time=end,
        name=clean.text(span.name, clean.MAX_LABEL) or "span",
        metadata=_metadata(values, span),
        attributes=_attributes(values, rest, span),
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


def _keep(name: str, value: object, values: dict[str, Any], rest: dict[str, object]) -> None:
    place = TABLE.place(name)
    if place.raw:
        kept = values.setdefault(place.target, {})
        if len(kept) < MAX_SLOTS:
            kept[place.key] = value
    elif place.key:
        kept = values.setdefault(place.target, {}) if place.target else rest
        if len(kept) < clean.MAX_ATTRIBUTES:
            kept[place.key] = clean.json_value(value)


def _add_resource(values: dict[str, Any], rest: dict[str, object], span: SpanRecord) -> None:
    """What belongs to the process that made the span, where the span says nothing itself."""
    if not span.resource:
        return
    for name, value in _read(span.resource)[0].items():
        if name in _RESOURCE_FIELDS:
            values.setdefault(name, value)
    for name in _RESOURCE_KEPT:
        if name in span.resource:
            rest.setdefault(name, clean.json_value(span.resource[name]))


def _add_events(values: dict[str, Any], rest: dict[str, object], span: SpanRecord) -> None:
    """An exception's parts stand among the attributes, messages become content, other events are kept as they are."""
    if not span.events:
        return
    other: list[object] = []
    for event in take_messages(span.events[:MAX_EVENTS], values):
        if event.name == "exception":
            values.setdefault("status_message", str(event.attributes.get("exception.message", "")))
            for key, value in event.attributes.items():
                rest[clean.text(key, clean.MAX_LABEL)] = clean.json_value(value)
        else:
            other.append({"name": event.name, "time_ns": event.time_ns, "attributes": dict(event.attributes)})
    if other:
        rest["events"] = clean.json_value(other)


def _set_first_token(values: dict[str, Any], start: datetime) -> None:
    """A moment of the first token as milliseconds from the start."""
    moment = values.pop("completion_start", None)
    if moment is None or "ttft_ms" in values:
        return
    try:
        first = datetime.fromisoformat(moment)
    except ValueError:
        return
    if first.tzinfo is None:
        first = first.replace(tzinfo=UTC)
    elapsed = clean.milliseconds((first - start).total_seconds() * 1000)
    if elapsed is not None:
        values["ttft_ms"] = elapsed


def _set_status(values: dict[str, Any], span: SpanRecord) -> None:
    level = values.get("level")
    failed = span.failed or level == "error"
    values["status"] = "error" if failed else "ok"
    values["level"] = "error" if failed else level or "default"
    values["status_message"] = clean.text(span.status_message or values.get("status_message", ""), 2_000)


def _metadata(values: dict[str, Any], span: SpanRecord) -> dict[str, object] | None:
    metadata: dict[str, object] = values.pop("metadata", None) or {}
    if span.scope == _LANGFUSE_SCOPE and _major(span.scope_version) >= _LANGFUSE_ENCODES_FROM:
        metadata = {key: _decoded(value) for key, value in metadata.items()}
    return {**values.pop("metadata_json", {}), **metadata} or None


def _major(version: str) -> int:
    head = version.partition(".")[0]
    return int(head) if head.isascii() and head.isdecimal() else 0


def _decoded(value: object) -> object:
    if not isinstance(value, str):
        return value
    loaded = clean.load(value)
    return value if loaded is None else clean.json_value(loaded)


def _attributes(
    values: dict[str, Any], rest: dict[str, object], span: SpanRecord
) -> dict[str, object] | None:
    if parameters := values.pop("parameters", None):
        rest["model_parameters"] = parameters
    if span.scope and not span.scope.startswith(_OWN_SCOPES):
        rest["otel.scope.name"] = clean.text(span.scope, clean.MAX_LABEL)
    return rest or None


def _set_content(values: dict[str, Any], *, record_content: bool) -> None:
    """Previews for the row; the whole value only where the preview is not all of it."""
    for name, role in (("input", "user"), ("output", None)):
        value, known = values.pop(name, None), values.pop(f"{name}_shown", "")
        if value is None or not record_content:
            continue
        shown = known or preview(value, role=role)
        values[f"{name}_preview"] = shown
        if shown != value:
            values[name] = value
