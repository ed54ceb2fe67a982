"""Spans as an application sends them: OTLP/HTTP in its JSON form."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.api import Api

Attributes = Mapping[str, str | int | float | Sequence[str]]


@dataclass
class Step:
    """One span: where it begins and how long it takes, in milliseconds of its trace, and what lies below it."""

    name: str
    start: int
    length: int
    attributes: Attributes = field(default_factory=dict)
    steps: Sequence[Step] = ()
    error: str = ""


def messages(role: str, text: str) -> str:
    """One message as GenAI instrumentations write it."""
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])


def send_trace(api: Api, root: Step, *, environment: str, seconds_ago: float = 0) -> str:
    """Send a trace that began so long ago; returns its id. Raises AssertionError when it is not taken."""
    trace_id = secrets.token_hex(16)
    began = time.time_ns() - int(seconds_ago * 1e9)
    send_spans(api, _spans(root, trace_id, "", began), environment=environment)
    return trace_id


def send_spans(api: Api, spans: Sequence[Mapping[str, Any]], *, environment: str) -> None:
    """Send spans; raises AssertionError unless all are taken."""
    resource = {"attributes": _pairs({"deployment.environment.name": environment, "service.name": "desk"})}
    scope = {"scope": {"name": "desk"}, "spans": list(spans)}
    answer = api.call(
        "POST", "/v1/traces", {"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]}
    )
    assert not answer.get("partialSuccess"), answer


def span(name: str, *, trace_id: str, start: int, end: int, attributes: Attributes) -> dict[str, Any]:
    """One span without a parent; times in nanoseconds."""
    return {
        "traceId": trace_id,
        "spanId": secrets.token_hex(8),
        "name": name,
        "kind": 1,
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(end),
        "attributes": _pairs(attributes),
    }


def _spans(step: Step, trace_id: str, parent: str, began: int) -> list[dict[str, Any]]:
    start = began + step.start * 1_000_000
    end = start + step.length * 1_000_000
    own = span(step.name, trace_id=trace_id, start=start, end=end, attributes=step.attributes)
    if parent:
        own["parentSpanId"] = parent
    if step.error:
        own["status"] = {"code": 2, "message": step.error}
    below = [one for child in step.steps for one in _spans(child, trace_id, own["spanId"], began)]
    return [own, *below]


def _pairs(attributes: Attributes) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in attributes.items()]


def _value(value: str | float | Sequence[str]) -> dict[str, Any]:
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"arrayValue": {"values": [{"stringValue": item} for item in value]}}
