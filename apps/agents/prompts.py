"""The language of prompts: variables, placeholders, and references to other prompts. Plain functions on content.

A reference is written `@@@langfusePrompt:name=…|label=…@@@` or `…|version=…@@@`, the form that prompts brought along
from Langfuse have.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MAX_CONTENT = 500_000
MAX_MESSAGES = 1_000
#: Tool calls of one message.
MAX_CALLS = 128
#: Prompts inside each other; more is a mistake.
MAX_DEPTH = 10
MAX_REFERENCES = 100

Content = str | list[dict[str, Any]]

_VARIABLE = re.compile(r"\{\{\s*([^\W\d][\w.-]{0,199})\s*\}\}")
_REFERENCE = re.compile(
    r"@@@langfusePrompt:name=([^|@]{1,200})\|(?:version=(\d{1,9})|label=([^|@]{1,36}))@@@"
)


class ContentError(ValueError):
    """The content is no prompt; the message says why."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Another prompt's version, named by number or label."""

    name: str
    version: int | None
    label: str


def clean_text(value: Any) -> str:
    """The content of a text prompt; raises ContentError."""
    if not isinstance(value, str):
        raise ContentError("A text prompt is a text.")
    if not value.strip():
        raise ContentError("The prompt is empty.")
    if len(value) > MAX_CONTENT:
        raise ContentError(f"A prompt has at most {MAX_CONTENT} characters.")
    return clean(value)


def clean_messages(value: Any) -> list[dict[str, Any]]:
    """The content of a chat prompt: messages and placeholders; raises ContentError."""
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise ContentError("A chat prompt is a list of messages.")
    if len(value) > MAX_MESSAGES:
        raise ContentError(f"A chat prompt has at most {MAX_MESSAGES} messages.")
    messages = [_clean_message(number, item) for number, item in enumerate(value, 1)]
    if sum(len(message.get("content", "")) for message in messages) > MAX_CONTENT:
        raise ContentError(f"A prompt has at most {MAX_CONTENT} characters.")
    return messages


def _clean_message(number: int, item: Any) -> dict[str, Any]:
    if isinstance(item, Mapping):
        name, role, content = item.get("name"), item.get("role"), item.get("content")
        if item.get("type") == "placeholder" and isinstance(name, str) and 0 < len(name.strip()) <= 200:
            return {"type": "placeholder", "name": clean(name.strip())}
        if isinstance(role, str) and 0 < len(role) <= 60 and isinstance(content, str):
            return {"role": clean(role), "content": clean(content), **_clean_calls(item)}
    raise ContentError(f"Message {number} needs a role and a content, or is a placeholder with a name.")


def _clean_calls(item: Mapping[str, Any]) -> dict[str, Any]:
    """What an example of a tool's use has besides: the calls of an answer, or the call that a result belongs to."""
    kept: dict[str, Any] = {}
    calls = item.get("tool_calls")
    if isinstance(calls, Sequence) and not isinstance(calls, str):
        kept["tool_calls"] = [
            {name: clean(str(call.get(name) or "")) for name in ("id", "name", "arguments")}
            for call in calls[:MAX_CALLS]
            if isinstance(call, Mapping)
        ]
    if isinstance(call_id := item.get("tool_call_id"), str) and call_id:
        kept["tool_call_id"] = clean(call_id)
    return {name: value for name, value in kept.items() if value}


def clean(text: str) -> str:
    """The text without what PostgreSQL and vendors refuse: NUL characters and half surrogates."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def variables_of(content: Content) -> list[str]:
    """Names of variables and placeholders, in the order they appear."""
    found: dict[str, None] = {}
    for text, placeholder in _parts(content):
        if placeholder:
            found[placeholder] = None
        found.update(dict.fromkeys(_VARIABLE.findall(text)))
    return list(found)


def fill_variables(text: str, values: Mapping[str, str]) -> str:
    """`text` with the variables replaced that have a value; the others stay as they are written."""
    return _VARIABLE.sub(lambda match: values.get(match[1], match[0]), text)


def split_variables(text: str) -> tuple[list[str], list[str]]:
    """The texts around the variables, one more than there are variables, and the variables' names."""
    pieces = _VARIABLE.split(text)
    return pieces[::2], pieces[1::2]


def references_of(content: Content) -> list[Reference]:
    """The prompts that `content` includes."""
    return [_reference(match) for text, _name in _parts(content) for match in _REFERENCE.finditer(text)]


def replace_references(content: Content, text_of: Callable[[Reference], str]) -> Content:
    """`content` with each reference replaced by a text."""

    def filled(text: str) -> str:
        return _REFERENCE.sub(lambda match: text_of(_reference(match)), text)

    if isinstance(content, str):
        return filled(content)
    return [
        {**message, "content": filled(message["content"])} if "content" in message else message
        for message in content
    ]


def as_lines(content: Content) -> list[str]:
    """The content as lines, for people and for differences."""
    if isinstance(content, str):
        return content.splitlines()
    lines: list[str] = []
    for message in content:
        head = f"[{message['role']}]" if "role" in message else f"[… {message['name']} …]"
        lines += [head, *message.get("content", "").splitlines()]
        lines += [f"→ {call['name']}({call['arguments']})" for call in message.get("tool_calls", ())]
    return lines


def _parts(content: Content) -> Iterator[tuple[str, str]]:
    if isinstance(content, str):
        yield content, ""
        return
    for message in content:
        yield message.get("content", ""), message["name"] if message.get("type") == "placeholder" else ""


def _reference(match: re.Match[str]) -> Reference:
    return Reference(match[1], int(match[2]) if match[2] else None, match[3] or "")
