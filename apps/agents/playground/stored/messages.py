"""Stored messages in the playground's form, whichever way they were written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from apps.agents.playground.messages import Message, role_of
from apps.agents.playground.stored.parts import Gathered, as_text, call_of, gather
from apps.agents.prompts import clean

#: Lists inside each other that are looked through: LangChain stores one list per prompt.
_MAX_DEPTH = 3
_LANGCHAIN = {
    "HumanMessage": "user",
    "AIMessage": "assistant",
    "SystemMessage": "system",
    "ToolMessage": "tool",
}
#: Items of OpenAI's responses that stand beside messages.
_ITEMS = ("function_call", "function_call_output", "reasoning")


def read_list(value: Any, depth: int = 0) -> list[Message]:
    """Messages of a list, a single message, or a text."""
    if isinstance(value, Mapping):
        return read_message(value)
    if isinstance(value, str):
        return [_said("user", value)] if value else []
    messages: list[Message] = []
    for item in value if isinstance(value, Sequence) else ():
        if isinstance(item, Mapping):
            messages += read_message(item)
        elif isinstance(item, list) and depth < _MAX_DEPTH:
            messages += read_list(item, depth + 1)
        elif isinstance(item, str):
            messages += _pair_or_text(item)
    return messages


def _pair_or_text(item: str) -> list[Message]:
    """A text among messages; some SDKs store each message as JSON text."""
    try:
        loaded = json.loads(item) if item[:1] == "{" else None
    except (ValueError, RecursionError):
        loaded = None
    return read_message(loaded) if isinstance(loaded, Mapping) else [_said("user", item)]


def read_message(item: Mapping[str, Any]) -> list[Message]:
    """One stored message as messages: results of tools become messages of their own."""
    if "lc" in item or isinstance(item.get("kwargs"), Mapping):
        item = _langchain(item)
    if item.get("type") in _ITEMS:
        return _messages(_item_role(item), gather(dict(item)), {})
    inner = item.get("message")
    if isinstance(inner, Mapping) and "role" not in item:
        item = inner
    role = role_of(item.get("role") or item.get("type") or "user")
    content = item["parts"] if item.get("parts") else item.get("content", item.get("text"))
    return _messages(role, gather(content), item)


def _langchain(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """A serialised LangChain message: its class is in `id`, the rest in `kwargs`."""
    fields = item.get("kwargs")
    path = item.get("id")
    kind = str(path[-1]).removesuffix("Chunk") if isinstance(path, list) and path else ""
    role = _LANGCHAIN.get(kind)
    whole: dict[str, Any] = dict(fields) if isinstance(fields, Mapping) else {}
    return {**whole, "role": role} if role else whole


def _item_role(item: Mapping[str, Any]) -> str:
    return "tool" if item.get("type") == "function_call_output" else "assistant"


def _messages(role: str, said: Gathered, item: Mapping[str, Any]) -> list[Message]:
    calls = [*said.calls, *_listed_calls(item)]
    messages: list[Message] = []
    # a tool's answer stands before what the same message says besides
    for call_id, text in said.results:
        messages.append({**_said("tool", text), "tool_call_id": clean(call_id)})
    if not (said.text or calls or said.images or not said.results):
        return messages
    message = _said(role, said.text)
    if calls and role == "assistant":
        message["tool_calls"] = [{name: clean(text) for name, text in call.items()} for call in calls]
    if said.images:
        message["images"] = said.images
    answered = item.get("tool_call_id") or item.get("toolCallId") or item.get("name")
    if role == "tool" and answered:
        message["tool_call_id"] = clean(str(answered))
    return [*messages, message]


def _listed_calls(item: Mapping[str, Any]) -> list[dict[str, str]]:
    """Calls beside the content: OpenAI's wrapped ones, plain ones, LangChain's with `args`."""
    extra = item.get("additional_kwargs")
    found = item.get("tool_calls") or (extra.get("tool_calls") if isinstance(extra, Mapping) else None)
    calls = []
    for call in found if isinstance(found, list) else ():
        if not isinstance(call, Mapping):
            continue
        inner = call.get("function")
        source = inner if isinstance(inner, Mapping) else call
        given = source.get("arguments", source.get("args", source.get("input", {})))
        calls.append(call_of(call.get("id"), source.get("name"), given))
    return calls


def _said(role: str, text: str) -> Message:
    return {"role": role, "content": clean(text)}


def is_message(value: Any) -> bool:
    """Whether this is a message, in any of the forms."""
    return isinstance(value, Mapping) and (
        ("role" in value and any(name in value for name in ("content", "parts", "tool_calls", "text")))
        or "lc" in value
        or value.get("type") in _ITEMS
        or (value.get("type") in ("human", "ai", "system") and "content" in value)
    )


def are_messages(value: Any, depth: int = 0) -> bool:
    """Whether this is a list of messages, perhaps inside other lists."""
    if not isinstance(value, list) or not value:
        return False
    first = value[0]
    if isinstance(first, list):
        return depth < _MAX_DEPTH and are_messages(first, depth + 1)
    return is_message(first) or (isinstance(first, str) and first[:1] == "{")


def system_of(value: Any) -> list[Message]:
    """Instructions that stand beside the messages."""
    if isinstance(value, Mapping) and ("parts" in value or "content" in value):
        value = value.get("parts") or value.get("content")
    text = gather(value).text if isinstance(value, list) else as_text(value)
    return [_said("system", text)] if text else []
