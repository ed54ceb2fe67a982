"""Events of older SDKs and gateways as pieces of spans: a trace, its steps, and what is said of them later."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from apps.core.exceptions import Invalid
from apps.interop.langfuse import ids
from apps.interop.langfuse.values import exact, text
from apps.tracing.mapping import clean
from apps.tracing.services.span_draft import Piece, nanoseconds

#: Events about steps, and the type they make the step (None: the body's).
STEP_TYPES: Final[Mapping[str, str | None]] = {
    "span-create": "span", "span-update": None, "generation-create": "generation", "generation-update": None,
    "event-create": "event", "observation-create": None, "observation-update": None, "agent-create": "agent",
    "tool-create": "tool", "chain-create": "chain", "retriever-create": "retriever", "evaluator-create": "evaluator",
    "embedding-create": "embedding", "guardrail-create": "guardrail",
}  # fmt: skip
TRACE: Final = "trace-create"
_PREFIX: Final = "langfuse.observation."
#: Fields of a step's body, as the attributes that the newer SDKs write.
_STEP_FIELDS: Final = {
    "input": f"{_PREFIX}input", "output": f"{_PREFIX}output", "metadata": f"{_PREFIX}metadata",
    "level": f"{_PREFIX}level", "statusMessage": f"{_PREFIX}status_message", "model": f"{_PREFIX}model.name",
    "modelParameters": f"{_PREFIX}model.parameters", "completionStartTime": f"{_PREFIX}completion_start_time",
    "promptName": f"{_PREFIX}prompt.name", "promptVersion": f"{_PREFIX}prompt.version",
    "usageDetails": f"{_PREFIX}usage_details", "costDetails": f"{_PREFIX}cost_details",
    "version": "langfuse.version", "environment": "langfuse.environment",
}  # fmt: skip
_TRACE_FIELDS: Final = {
    "input": f"{_PREFIX}input", "output": f"{_PREFIX}output", "metadata": f"{_PREFIX}metadata",
    "name": "langfuse.trace.name", "userId": "langfuse.user.id", "sessionId": "langfuse.session.id",
    "tags": "langfuse.trace.tags", "release": "langfuse.release", "version": "langfuse.version",
    "environment": "langfuse.environment",
}  # fmt: skip
#: Names of token counts in a `usage`, old and new.
_USAGE: Final = {
    "input": "input", "promptTokens": "input", "prompt_tokens": "input", "input_tokens": "input",
    "output": "output", "completionTokens": "output", "completion_tokens": "output", "output_tokens": "output",
    "total": "total", "totalTokens": "total", "total_tokens": "total",
}  # fmt: skip
_COSTS: Final = {"inputCost": "input", "outputCost": "output", "totalCost": "total"}
_MAX_AHEAD: Final = timedelta(days=1)


def piece_of(kind: str, event: Mapping[str, Any], body: Mapping[str, Any]) -> Piece:
    """What an event says; raises Invalid for one that can't be stored."""
    said = _moment(event.get("timestamp")) or timezone.now()
    return _trace_piece(body, said) if kind == TRACE else _step_piece(kind, body, said)


def _trace_piece(body: Mapping[str, Any], said: datetime) -> Piece:
    reference = text(body.get("id"))
    if not reference:
        raise Invalid("A trace needs an id.")
    start = _moment(body.get("timestamp"))
    return Piece(
        trace_id=ids.trace_id(reference),
        span_id=_root_id(reference),
        root_id=_root_id(reference),
        name=text(body.get("name")) or None,
        start_ns=None if start is None else nanoseconds(start),
        said_ns=nanoseconds(said),
        attributes=_attributes(body, _TRACE_FIELDS),
    )


def _step_piece(kind: str, body: Mapping[str, Any], said: datetime) -> Piece:
    reference = text(body.get("id"))
    if not reference:
        raise Invalid("A step needs an id.")
    # a step without a trace is a trace of its own
    trace = text(body.get("traceId")) or reference
    parent = text(body.get("parentObservationId"))
    start, end = _moment(body.get("startTime")), _moment(body.get("endTime"))
    named = STEP_TYPES[kind] or text(body.get("type")).lower() or None
    attributes = _attributes(body, _STEP_FIELDS) | _usage(body)
    if named is not None:
        attributes[f"{_PREFIX}type"] = named
    return Piece(
        trace_id=ids.trace_id(trace),
        span_id=ids.span_id(reference),
        root_id=_root_id(trace),
        parent_id=ids.span_id(parent) or None,
        name=text(body.get("name")) or None,
        start_ns=None if start is None else nanoseconds(start),
        end_ns=None if end is None else nanoseconds(end),
        said_ns=nanoseconds(said),
        whole=named == "event",
        attributes=attributes,
    )


def _root_id(trace: str) -> str:
    """The span that stands for a trace: its id can't be that of one of the steps."""
    return ids.span_id(f"the trace {ids.trace_id(trace)}")


def _attributes(body: Mapping[str, Any], fields: Mapping[str, str]) -> dict[str, Any]:
    """The fields that a body fills, cleaned; null says nothing."""
    found: dict[str, Any] = {}
    for name, attribute in fields.items():
        value = body.get(name)
        if value is None:
            continue
        if name in {"input", "output"}:
            found[attribute] = clean.document(exact(value))
        elif name == "metadata" and not isinstance(value, Mapping):
            found[attribute] = {"metadata": clean.json_value(value)}
        else:
            found[attribute] = clean.json_value(value)
    return found


def _usage(body: Mapping[str, Any]) -> dict[str, Any]:
    """An old `usage` in the words of the new details, where those aren't given."""
    usage = body.get("usage")
    found: dict[str, Any] = {}
    if not isinstance(usage, Mapping):
        return found
    # with a single count of anything but tokens, such as characters, there is nothing to add up
    counts = {ours: usage[name] for name, ours in _USAGE.items() if usage.get(name) is not None}
    if counts and not body.get("usageDetails") and text(usage.get("unit") or "TOKENS").upper() == "TOKENS":
        found[f"{_PREFIX}usage_details"] = clean.json_value(counts)
    costs = {ours: usage[name] for name, ours in _COSTS.items() if usage.get(name) is not None}
    if costs and not body.get("costDetails"):
        found[f"{_PREFIX}cost_details"] = clean.json_value(costs)
    return found


def _moment(value: Any) -> datetime | None:
    if not value:
        return None
    try:
        found = parse_datetime(str(value))
    except ValueError:
        found = None
    if found is None:
        raise Invalid("A time is given in ISO 8601.")
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    if found.year < 1971 or found > timezone.now() + _MAX_AHEAD:
        raise Invalid("A time is out of range.")
    return found
