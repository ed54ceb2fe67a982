"""Chat messages rebuilt from flat attributes, in one form: role, content, and what else a message has.

Two spellings lead here: OpenInference's (``0.message.tool_calls.0.tool_call.function.name``) and the indexed one of
older OpenTelemetry instrumentation (``0.tool_calls.0.name``).
"""

from collections.abc import Mapping
from typing import Any

from apps.tracing.mapping.flatten import Flat, items, nest

Message = dict[str, Any]

_ORDINARY = frozenset({"role", "content"})
#: Of a message, in this order, where present.
_PLAIN = ("name", "tool_call_id", "finish_reason", "refusal", "reasoning")


def messages(flat: Flat) -> list[Message]:
    """The messages of attributes such as ``0.role`` or ``0.message.role``, their names taken apart."""
    return [_message(entry.get("message", entry)) for entry in items(nest(flat)) if isinstance(entry, dict)]


def _message(found: object) -> Message:
    if not isinstance(found, dict):
        return {"role": "", "content": found}
    if found.keys() <= _ORDINARY:
        return {"role": str(found.get("role", "")), "content": found.get("content", "")}
    message: Message = {"role": str(found.get("role", "")), "content": _content(found)}
    calls = [
        _tool_call(entry.get("tool_call", entry))
        for entry in items(found.get("tool_calls"))
        if isinstance(entry, dict)
    ]
    if calls:
        message["tool_calls"] = calls
    elif "function_call_name" in found:
        message["tool_calls"] = [
            _call("", found["function_call_name"], found.get("function_call_arguments_json", ""))
        ]
    message |= {name: found[name] for name in _PLAIN if name in found}
    return message


def _content(found: Mapping[str, Any]) -> object:
    parts = [
        _part(entry.get("message_content", entry))
        for entry in items(found.get("contents"))
        if isinstance(entry, dict)
    ]
    return parts or found.get("content", "")


def _part(found: object) -> Message:
    if not isinstance(found, dict):
        return {"type": "text", "text": found}
    image = found.get("image")
    if isinstance(image, dict):
        inner = image.get("image", image)
        return {
            "type": "image_url",
            "image_url": {"url": inner.get("url", "") if isinstance(inner, dict) else inner},
        }
    return {"type": str(found.get("type", "text")), "text": found.get("text", "")}


def _tool_call(found: object) -> Message:
    if not isinstance(found, dict):
        return _call("", "", found)
    function = found.get("function")
    source = function if isinstance(function, dict) else found
    return _call(found.get("id", ""), source.get("name", ""), source.get("arguments", ""))


def _call(call_id: object, name: object, arguments: object) -> Message:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
