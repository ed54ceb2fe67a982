"""A stored model call, put together from the observation's input, output and attributes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from apps.agents.playground.messages import Message
from apps.agents.playground.stored.messages import (
    are_messages,
    is_message,
    read_list,
    read_message,
    system_of,
)
from apps.agents.playground.stored.options import options_in, read_options
from apps.agents.playground.stored.parts import gather
from apps.agents.playground.stored.tools import loaded, read_tools, tools_in
from apps.agents.prompts import clean

_MESSAGES = ("messages", "input", "contents", "prompt", "prompts")
_SYSTEM = ("system", "instructions", "systemInstruction", "system_instruction")


@dataclass(frozen=True, slots=True)
class StoredCall:
    """What was asked. options: for `columns.lenient_settings`, tools included."""

    messages: Sequence[Message] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What was answered."""

    text: str = ""
    reasoning: str = ""
    calls: Sequence[Mapping[str, str]] = ()


def read_call(given: str, attributes: Mapping[str, Any] | None = None) -> StoredCall:
    """The call whose input is `given`: a text, or JSON in any of the forms that instrumentation writes."""
    try:
        return _read_call(given, attributes or {})
    except RecursionError:
        # lists inside lists that nobody means: all of it is one text
        return StoredCall([{"role": "user", "content": clean(given)}])


def _read_call(given: str, attributes: Mapping[str, Any]) -> StoredCall:
    value = loaded(given)
    if isinstance(value, str):
        # JSON text of a text
        value = _unquoted(value)
    body: Mapping[str, Any] = value if isinstance(value, Mapping) and not is_message(value) else {}
    messages = _messages(body) if body else read_list(value)
    if not messages and given.strip():
        messages = [{"role": "user", "content": clean(given)}]
    messages, listed = _without_tools(messages, value if isinstance(value, list) else body.get("messages"))
    nested = body.get("config")
    config: Mapping[str, Any] = nested if isinstance(nested, Mapping) else {}
    options = read_options(config) | options_in(attributes) | read_options(body)
    tools = read_tools(body.get("tools") or config.get("tools")) or tools_in(attributes) or listed
    return StoredCall(messages, {**options, **({"tools": tools} if tools else {})})


def _unquoted(text: str) -> str:
    if text[:1] != '"':
        return text
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, str) else text


def _messages(body: Mapping[str, Any]) -> list[Message]:
    """The messages of a request's body, its instructions first; none when it is no such body."""
    found = next((loaded(body[name]) for name in _MESSAGES if body.get(name)), None)
    if isinstance(found, str) or are_messages(found) or _is_gemini(found) or _are_texts(found):
        instructions = next((body[name] for name in _SYSTEM if body.get(name)), None)
        return [*(system_of(loaded(instructions)) if instructions else ()), *read_list(found)]
    return []


def _is_gemini(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping) and "parts" in value[0]


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) for item in value)


def _without_tools(messages: list[Message], stored: Any) -> tuple[list[Message], list[dict[str, Any]]]:
    """One integration writes the tools as messages of the role `tool`; they are taken out."""
    if not isinstance(stored, list) or len(stored) != len(messages):
        return messages, []
    kept, tools = [], []
    for message, item in zip(messages, stored, strict=True):
        content = item.get("content") if isinstance(item, Mapping) and item.get("role") == "tool" else None
        if isinstance(content, Mapping) and isinstance(content.get("function"), Mapping):
            tools.append(content)
        else:
            kept.append(message)
    return kept, read_tools(tools)


def read_answer(given: str) -> StoredAnswer:
    """The answer whose output is `given`."""
    try:
        return _read_answer(given)
    except RecursionError:
        return StoredAnswer(clean(given))


def _read_answer(given: str) -> StoredAnswer:
    value = _first(loaded(given))
    if isinstance(value, Mapping) and is_message(value):
        said = read_message(value)
        reasoning = value.get("reasoning") or value.get("reasoning_content")
        thoughts = gather(value.get("parts") or value.get("content")).reasoning
        last = next((message for message in reversed(said) if message["role"] == "assistant"), None)
        if last is not None:
            return StoredAnswer(
                last["content"],
                reasoning if isinstance(reasoning, str) else "\n".join(thoughts),
                last.get("tool_calls", ()),
            )
    return StoredAnswer(clean(_unquoted(given)))


def _first(value: Any) -> Any:
    """The message inside of choices, generations or a list."""
    for _level in range(4):
        if isinstance(value, list) and value:
            value = value[0]
        elif isinstance(value, Mapping) and isinstance(value.get("choices"), list):
            value = value["choices"]
        elif isinstance(value, Mapping) and isinstance(value.get("message"), Mapping) and "role" not in value:
            value = value["message"]
        else:
            break
    if isinstance(value, Mapping) and "content" in value and "role" not in value and "lc" not in value:
        return {"role": "assistant", **value}
    return value
