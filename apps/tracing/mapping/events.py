"""Messages that instrumentation wrote as span events (the second generation of the conventions).

https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-events/
"""

from collections.abc import Mapping, Sequence
from typing import Any

from apps.tracing.mapping import clean
from apps.tracing.mapping.span import SpanEvent

_ROLES = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
_CHOICE = "gen_ai.choice"
_DETAILS = "gen_ai.client.inference.operation.details"
#: One event with the whole prompt or completion as JSON.
_WHOLE = {
    "gen_ai.content.prompt": ("input_messages", "gen_ai.prompt"),
    "gen_ai.content.completion": ("output_messages", "gen_ai.completion"),
}


def take_messages(events: Sequence[SpanEvent], values: dict[str, Any]) -> list[SpanEvent]:
    """Put what model events say into `values` and return the other events."""
    others: list[SpanEvent] = []
    said: dict[str, list[object]] = {"input_messages": [], "output_messages": []}
    for event in events:
        if event.name in _ROLES:
            said["input_messages"].append(_message(event.attributes, _ROLES[event.name]))
        elif event.name == _CHOICE:
            said["output_messages"].append(_message(event.attributes, "assistant"))
        elif event.name in _WHOLE:
            target, key = _WHOLE[event.name]
            said[target].extend(_list(event.attributes.get(key)))
        elif event.name == _DETAILS:
            said["input_messages"].extend(_list(event.attributes.get("gen_ai.input.messages")))
            said["output_messages"].extend(_list(event.attributes.get("gen_ai.output.messages")))
        else:
            others.append(event)
    for target, found in said.items():
        if found:
            values.setdefault(target, found)
    return others


def _message(attributes: Mapping[str, object], role: str) -> object:
    inner = _loaded(attributes.get("message"))
    if isinstance(inner, Mapping):
        attributes = {**attributes, **inner}
    content = _loaded(attributes.get("content"))
    message: dict[str, object] = {
        "role": attributes.get("role", role),
        "content": "" if content is None else content,
    }
    if calls := _loaded(attributes.get("tool_calls")):
        message["tool_calls"] = calls
    if "id" in attributes and role == "tool":
        message["tool_call_id"] = attributes["id"]
    if "finish_reason" in attributes:
        message["finish_reason"] = attributes["finish_reason"]
    return message


def _list(value: object) -> list[object]:
    loaded = _loaded(value)
    if loaded is None:
        return []
    return loaded if isinstance(loaded, list) else [loaded]


def _loaded(value: object) -> object:
    """JSON text as its value; other text as it is."""
    if isinstance(value, str) and value[:1] in "[{":
        parsed = clean.load(value)
        return value if parsed is None else parsed
    return value
