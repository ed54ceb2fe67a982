"""Messages as the playground and prompts hold them, filled in and made ready for a model.

A message is `{"role", "content"}`, perhaps with `tool_calls` (each `{"id", "name", "arguments"}`, the arguments as
JSON text), `tool_call_id` and `images` (each `{"url"}`); a placeholder `{"type": "placeholder", "name"}` stands for a
list of messages.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from apps.agents.prompts import (
    MAX_CALLS,
    MAX_CONTENT,
    MAX_MESSAGES,
    Content,
    ContentError,
    clean,
    fill_variables,
    variables_of,
)
from apps.providers.wire import ChatMessage, Image, Role, ToolCall

Message = dict[str, Any]

MAX_IMAGES = 50
_MAX_IMAGE_URL = 10_000_000

#: Names that other products give the four roles.
ROLES: Mapping[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "model": "assistant",
    "tool": "tool",
    "function": "tool",
}


def role_of(name: object) -> Role:
    """One of the four roles; what nobody knows speaks for the user."""
    return ROLES.get(str(name).lower(), "user")


def read_messages(value: Any, *, placeholders: bool = True) -> list[Message]:
    """Messages of a request; raises ContentError with what is wrong with which."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise ContentError("Messages are a list.")
    if len(value) > MAX_MESSAGES:
        raise ContentError(f"At most {MAX_MESSAGES} messages.")
    messages = [_read(number, item, placeholders) for number, item in enumerate(value, 1)]
    if sum(len(message.get("content", "")) for message in messages) > MAX_CONTENT:
        raise ContentError(f"Messages have at most {MAX_CONTENT} characters.")
    return messages


def _read(number: int, item: Any, placeholders: bool) -> Message:
    if not isinstance(item, Mapping):
        raise ContentError(f"Message {number} is not an object.")
    if item.get("type") == "placeholder":
        name = item.get("name")
        if not placeholders or not isinstance(name, str) or not 0 < len(name.strip()) <= 200:
            raise ContentError(f"Message {number} is a placeholder without a name, or may not be one.")
        return {"type": "placeholder", "name": clean(name.strip())}
    role, content = item.get("role"), item.get("content", "")
    if not isinstance(role, str) or not isinstance(content, str | None):
        raise ContentError(f"Message {number} needs a role and a text.")
    message: Message = {"role": role_of(role), "content": clean(content or "")}
    if calls := item.get("tool_calls"):
        message["tool_calls"] = [_read_call(number, call) for call in _listed(number, calls, MAX_CALLS)]
    if call_id := item.get("tool_call_id"):
        message["tool_call_id"] = clean(str(call_id))[:200]
    if images := item.get("images"):
        message["images"] = [_read_image(number, image) for image in _listed(number, images, MAX_IMAGES)]
    return message


def _listed(number: int, value: Any, limit: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > limit:
        raise ContentError(f"Message {number} has a list that is none, or is too long.")
    return value


def _read_call(number: int, call: Any) -> dict[str, str]:
    if not isinstance(call, Mapping):
        raise ContentError(f"A tool call of message {number} is not an object.")
    inner = call.get("function") if isinstance(call.get("function"), Mapping) else call
    assert isinstance(inner, Mapping)  # noqa: S101 - one of two mappings
    name, arguments = inner.get("name"), inner.get("arguments", "")
    if not isinstance(name, str) or not name:
        raise ContentError(f"A tool call of message {number} has no name.")
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return {"id": clean(str(call.get("id") or "")), "name": clean(name), "arguments": clean(text) or "{}"}


def _read_image(number: int, image: Any) -> dict[str, str]:
    url = image.get("url") if isinstance(image, Mapping) else None
    if not isinstance(url, str) or not 0 < len(url) <= _MAX_IMAGE_URL:
        raise ContentError(f"A picture of message {number} has no address.")
    return {"url": clean(url)}


def messages_of(content: Content) -> list[Message]:
    """The content of a prompt version as messages; a text is a system message."""
    if isinstance(content, str):
        return [{"role": "system", "content": content}]
    return [
        message if message.get("type") == "placeholder" else {**message, "role": role_of(message["role"])}
        for message in content
    ]


def names_in(messages: Sequence[Message]) -> tuple[list[str], list[str]]:
    """Names of the variables and of the placeholders, each in the order they appear."""
    placeholders = list(
        dict.fromkeys(message["name"] for message in messages if message.get("type") == "placeholder")
    )
    texts = [message for message in messages if message.get("type") != "placeholder"]
    return variables_of(texts), placeholders


def fill(
    messages: Iterable[Message], variables: Mapping[str, Any], lists: Mapping[str, Sequence[Message]]
) -> list[Message]:
    """The messages with values in place of variables, and lists of messages in place of placeholders.

    Values that are no text go in as JSON. A variable without a value stays as it is written, a placeholder without one
    is left out. What a value says is never read as a variable again.
    """
    texts = {name: as_text(value) for name, value in variables.items()}
    filled: list[Message] = []
    for message in messages:
        if message.get("type") == "placeholder":
            filled += lists.get(message["name"], ())
        else:
            filled.append({**message, "content": fill_variables(message["content"], texts)})
    return filled


def as_text(value: Any) -> str:
    """A variable's value as it stands in a text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def chat_messages(messages: Sequence[Message]) -> tuple[ChatMessage, ...]:
    """Filled messages for a model. Instructions alone ask nothing, and several vendors refuse them: then the user says
    them."""
    only_system = all(message["role"] == "system" for message in messages)
    return tuple(
        ChatMessage(
            role="user" if only_system else role_of(message["role"]),
            content=message["content"],
            tool_calls=tuple(
                ToolCall(call["id"] or f"call_{index}", call["name"], call["arguments"])
                for index, call in enumerate(message.get("tool_calls", ()))
            ),
            tool_call_id=message.get("tool_call_id"),
            images=tuple(Image(image["url"]) for image in message.get("images", ())),
        )
        for message in messages
        if message["content"]
        or message.get("tool_calls")
        or message.get("images")
        or message["role"] == "tool"
    )
