"""A stored model call, put together from the observation's input, output and attributes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from apps.agents.playground.messages import Message
from apps.agents.playground.stored.messages import calls_of, messages_of, said, text_of
from apps.agents.playground.stored.options import options_in, read_options
from apps.agents.playground.stored.tools import loaded, read_tools, tools_in
from apps.agents.prompts import clean
from apps.tracing.chat import PartKind, Role, Turn, chat_of

#: Where a body that is no request of a vendor's says what was asked.
_ASKED = ("input", "prompt", "messages", "contents")
#: Answers side by side: the first one counts.
_ALTERNATIVES = ("choices", "candidates", "generations")


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
    """The call whose input is `given`: a text, or JSON in any of the forms that `tracing.chat` reads."""
    attributes = attributes or {}
    value = _unquoted(loaded(given))
    body: Mapping[str, Any] = value if isinstance(value, Mapping) else {}
    value, listed = _without_tools(value)
    messages = _messages(value, given)
    nested = body.get("config")
    config: Mapping[str, Any] = nested if isinstance(nested, Mapping) else {}
    options = read_options(config) | options_in(attributes) | read_options(body)
    tools = read_tools(body.get("tools") or config.get("tools")) or tools_in(attributes) or listed
    return StoredCall(messages, {**options, **({"tools": tools} if tools else {})})


def _unquoted(value: Any) -> Any:
    """JSON text of a text as that text."""
    if not isinstance(value, str) or value[:1] != '"':
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _messages(value: Any, given: str) -> list[Message]:
    """The messages of a conversation; else what was asked as one message, or as one for each text of a list."""
    chat = chat_of(value)
    if chat is not None:
        return messages_of(chat.turns)
    if isinstance(value, Mapping):
        value = next((value[name] for name in _ASKED if isinstance(value.get(name), str)), given)
    texts = value if _are_texts(value) else [value if isinstance(value, str) else given]
    return [said("user", text) for text in texts if text.strip()]


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _without_tools(value: Any) -> tuple[Any, list[dict[str, Any]]]:
    """One integration writes the tools as messages of the role `tool`; they are taken out."""
    if isinstance(value, Mapping):
        messages, tools = _without_tools(value.get("messages"))
        return ({**value, "messages": messages}, tools) if tools else (value, [])
    if not isinstance(value, list):
        return value, []
    tools = read_tools([item["content"] for item in value if _is_tool(item)])
    return [item for item in value if not _is_tool(item)] if tools else value, tools


def _is_tool(item: Any) -> bool:
    content = item.get("content") if isinstance(item, Mapping) and item.get("role") == "tool" else None
    return isinstance(content, Mapping) and isinstance(content.get("function"), Mapping)


def read_answer(given: str) -> StoredAnswer:
    """The answer whose output is `given`."""
    value = _unquoted(loaded(given))
    if isinstance(value, Mapping) and "content" in value and "role" not in value and "lc" not in value:
        value = {"role": "assistant", **value}
    chat = chat_of(value)
    turns = _last_word(chat.turns, first=_has_alternatives(value)) if chat else ()
    if not turns:
        return StoredAnswer(clean(value if isinstance(value, str) else given))
    parts = [part for turn in turns for part in turn.parts]
    reasoning = "\n".join(part.text for part in parts if part.kind is PartKind.REASONING)
    return StoredAnswer(clean(text_of(parts)), clean(reasoning), calls_of(parts))


def _has_alternatives(value: Any) -> bool:
    return isinstance(value, Mapping) and any(name in value for name in _ALTERNATIVES)


def _last_word(turns: Sequence[Turn], *, first: bool) -> Sequence[Turn]:
    """What the assistant said last; an answer may be several items, such as reasoning, a text and a call."""
    if first:
        return turns[:1]
    reverse = list(turns)[::-1]
    while reverse and reverse[0].role is not Role.ASSISTANT:
        reverse.pop(0)
    return list(takewhile(lambda turn: turn.role is Role.ASSISTANT, reverse))[::-1]
