"""One span in, one observation row out."""

import re
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
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
MAX_AHEAD_NS = 86_400 * 10**9
#: The year 10,000, which no calendar here reaches.
TOO_LATE_NS = 253_402_300_800 * 10**9
#: What a resource says of all its spans. The rest of it describes machines and processes, and would be stored anew
#: with every span.
_RESOURCE_FIELDS = ("environment", "version", "release")
_RESOURCE_KEPT = ("service.name", "openinference.project.name")

MAX_EVENTS = 1_000
_OWN_SCOPES = "apps."
_LANGFUSE_SCOPE = "langfuse-sdk"
#: From this line on that SDK encodes every metadata value as JSON, text too.
_LANGFUSE_ENCODES_FROM = 5

_LAST = sys.maxsize
_is_trace_id = re.compile(r"(?!0{32})[0-9a-f]{32}").fullmatch
_is_span_id = re.compile(r"(?!0{16})[0-9a-f]{16}").fullmatch


def map_span(span: SpanRecord, *, workspace_id: UUID, record_content: bool = True) -> ObservationRow:
    """The row for `span` in a workspace; raises SpanError with the reason when it can't be stored."""
    return Mapper(workspace_id, record_content=record_content).map(span)


class Mapper:
    """Maps the spans of one workspace, one after the other; remembers what the process they came from says."""

    def __init__(self, workspace_id: UUID, *, record_content: bool = True) -> None:
        """With `record_content` off, input, output and their previews are left out."""
        self._workspace_id = workspace_id
        self._record_content = record_content
        self._resource: Mapping[str, object] = {}
        self._fields: dict[str, Any] = {}
        self._kept: dict[str, object] = {}

    def map(self, span: SpanRecord) -> ObservationRow:
        """The row for `span`; raises SpanError with the reason when it can't be stored."""
        start, end = _times(span)
        values, rest = _read(span.attributes)
        if span.resource:
            self._add_resource(values, rest, span.resource)
        if span.events:
            _add_events(values, rest, span)
        for finish in TABLE.finishers:
            finish(values, rest)
        if "type" not in values:
            values["type"] = ObservationType.GENERATION if values.get("model") else ObservationType.SPAN
        _set_first_token(values, start)
        set_usage(values)
        _set_status(values, span)
        settle(values, rest)
        _set_content(values, record_content=self._record_content)
        return ObservationRow(
            workspace_id=self._workspace_id,
            trace_id=_identifier(span.trace_id, _is_trace_id, "trace id"),
            span_id=_identifier(span.span_id, _is_span_id, "span id"),
            parent_id=_identifier(span.parent_id, _is_span_id, "parent span id") if span.parent_id else "",
            start_time=start,
            end_time=end,
            name=clean.text(span.name, clean.MAX_LABEL).strip() or "span",
            metadata=_metadata(values, span),
            attributes=_attributes(values, rest, span),
            **values,
        )

    def _add_resource(
        self, values: dict[str, Any], rest: dict[str, object], resource: Mapping[str, object]
    ) -> None:
        """What belongs to the process that made the span, where the span says nothing itself."""
        if resource is not self._resource:
            self._resource = resource
            found = _read(resource)[0]
            self._fields = {name: found[name] for name in _RESOURCE_FIELDS if name in found}
            self._kept = {
                name: clean.json_value(resource[name]) for name in _RESOURCE_KEPT if name in resource
            }
        for name, value in self._fields.items():
            values.setdefault(name, value)
        for name, value in self._kept.items():
            rest.setdefault(name, value)


def _identifier(value: str, valid: Callable[[str], object], what: str) -> str:
    if not valid(value):
        raise SpanError(f"The {what} is not valid.")
    return value


def _times(span: SpanRecord) -> tuple[datetime, datetime]:
    start_ns, end_ns = span.start_ns, span.end_ns
    if start_ns <= 0:
        raise SpanError("The start time is missing.")
    latest_ns = time.time_ns() + MAX_AHEAD_NS
    if max(start_ns, end_ns) >= TOO_LATE_NS:
        raise SpanError("The time is out of range.")
    if start_ns > latest_ns:
        raise SpanError("The start time is in the future.")
    return clean.moment(start_ns), clean.moment(min(max(end_ns, start_ns), latest_ns))


def _read(attributes: Mapping[str, object]) -> tuple[dict[str, Any], dict[str, object]]:
    """Fields found in the attributes, and the attributes no table knows."""
    values: dict[str, Any] = {}
    ranks: dict[str, int] = {}
    rest: dict[str, object] = {}
    known = TABLE.entries.get
    for name, value in attributes.items():
        entries = known(name)
        if entries is None:
            _keep(name, value, values, rest)
            continue
        for target, rank, convert in entries:
            if rank < ranks.get(target, _LAST):
                converted = convert(value)
                if converted is not None:
                    values[target] = converted
                    ranks[target] = rank
    return values, rest


def _keep(name: str, value: object, values: dict[str, Any], rest: dict[str, object]) -> None:
    target, key, steps = TABLE.place(name)
    if steps:
        kept = values.get(target)
        if kept is None:
            values[target] = {steps: value}
        elif len(kept) < MAX_SLOTS:
            kept[steps] = value
    elif key:
        kept = values.setdefault(target, {}) if target else rest
        if len(kept) < clean.MAX_ATTRIBUTES:
            kept[key] = clean.json_value(value)


def _add_events(values: dict[str, Any], rest: dict[str, object], span: SpanRecord) -> None:
    """An exception's parts stand among the attributes, messages become content, other events are kept as they are."""
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
