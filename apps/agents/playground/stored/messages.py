"""Turns of a stored conversation in the playground's form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from apps.agents.playground.messages import Message
from apps.agents.prompts import clean
from apps.tracing.chat import Part, PartKind, Role, Turn

#: What a part without a text of its own is known by.
_SILENT = (PartKind.IMAGE, PartKind.AUDIO, PartKind.FILE)
_ADDRESSES = ("http://", "https://", "data:")


def messages_of(turns: Iterable[Turn]) -> list[Message]:
    """The turns as messages: results of tools become messages of their own, before what the same turn says besides."""
    return [message for turn in turns for message in _messages(turn)]


def said(role: str, text: str) -> Message:
    """A message that is a text."""
    return {"role": role, "content": clean(text)}


def text_of(parts: Sequence[Part]) -> str:
    """What is said in words; of what can't be shown here, its name."""
    found = (part.text or (part.name if part.kind in _SILENT else "") for part in parts if _speaks(part))
    return "\n".join(filter(None, found))


def calls_of(parts: Sequence[Part]) -> list[dict[str, str]]:
    """The tool calls; arguments are JSON text."""
    return [
        {"id": clean(part.id), "name": clean(part.name) or "unknown", "arguments": clean(part.text) or "{}"}
        for part in parts
        if part.kind is PartKind.TOOL_CALL
    ]


def _messages(turn: Turn) -> list[Message]:
    role = "user" if turn.role is Role.OTHER else turn.role.value
    results = [part for part in turn.parts if part.kind is PartKind.TOOL_RESULT]
    answers = [{**said("tool", part.text), "tool_call_id": clean(part.id or part.name)} for part in results]
    text, calls = text_of(turn.parts), calls_of(turn.parts) if role == "assistant" else []
    images = [{"url": clean(part.url)} for part in turn.parts if _is_picture(part)]
    if answers and not (text or calls or images):
        return answers
    message = said("user" if role == "tool" else role, text)
    if calls:
        message["tool_calls"] = calls
    if images:
        message["images"] = images
    return [*answers, message]


def _speaks(part: Part) -> bool:
    return part.kind in (PartKind.TEXT, PartKind.DATA, *_SILENT) and not _is_picture(part)


def _is_picture(part: Part) -> bool:
    return part.kind is PartKind.IMAGE and part.url.startswith(_ADDRESSES)
