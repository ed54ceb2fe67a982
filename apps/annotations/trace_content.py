"""A stored step as something to judge and to learn from: its input as messages and tools, its output as the answer."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from apps.agents.playground.stored import StoredCall, read_answer, read_call
from apps.annotations.exporters import Rejected
from apps.annotations.exporters.messages import parse_messages, parse_tools
from apps.tracing.exchanges import Exchange

_NOT_IN_NAMES: Final = re.compile(r"[^a-zA-Z0-9_-]")
_NAME_LENGTH: Final = 64


@dataclass(frozen=True, slots=True)
class Line:
    """What somebody said, for a person who reads it; `role` is system, user, assistant or tool."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A step's input and output, read.

    `messages` and `tools` are in OpenAI's shape and not checked: an export names what it can't use. `given` and `got`
    are the values as JSON (text that is none stays text); `answer` is the output as text, "" when it only calls tools.
    """

    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]]
    lines: list[Line]
    answer: str
    calls: Sequence[Mapping[str, str]]
    given: Any
    got: Any
    is_conversation: bool

    @property
    def shown_answer(self) -> str:
        """What a person judges: what was said, else the tools that were called."""
        return self.answer or _shown("", self.calls)

    @property
    def readable(self) -> bool:
        """Whether trainers could read the messages."""
        try:
            parse_messages(self.messages)
        except Rejected:
            return False
        return True


def read(exchange: Exchange) -> Reading:
    """Read a step, whoever wrote it down and in whatever form."""
    call = read_call(exchange.input, exchange.step.attributes or {})
    answer = read_answer(exchange.output)
    return Reading(
        messages=_messages(call),
        tools=_tools(call),
        lines=[
            Line(str(message["role"]), _shown(message.get("content", ""), message.get("tool_calls", ())))
            for message in call.messages
        ],
        answer=answer.text if answer.text.strip() else "",
        calls=answer.calls,
        given=_json(exchange.input),
        got=_json(exchange.output),
        is_conversation=_is_conversation(exchange, call),
    )


def _is_conversation(exchange: Exchange, call: StoredCall) -> bool:
    """Whether the input says who said what, or is plain text; other JSON would only be quoted as a text."""
    if isinstance(_json(exchange.input), str):
        return bool(call.messages)
    alone = call.messages[0] if len(call.messages) == 1 else None
    return bool(call.messages) and (
        alone is None or alone.get("content", "").strip() != exchange.input.strip()
    )


def _json(text: str) -> Any:
    """The value of a text that is a JSON object, list or string; any other text as it is."""
    if text[:1] in ("{", "[", '"'):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return text


def _messages(call: StoredCall) -> list[dict[str, Any]]:
    """Instructions that stand apart at the beginning become one message: trainers take no more."""
    messages = [_message(message) for message in call.messages]
    while len(messages) > 1 and messages[0]["role"] == messages[1]["role"] == "system":
        text = f"{messages[0]['content']}\n\n{messages[1]['content']}"
        messages[:2] = [{"role": "system", "content": text}]
    return messages


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    role, text = str(message["role"]), str(message.get("content", ""))
    if role == "tool":
        return {"role": role, "tool_call_id": str(message.get("tool_call_id", "")), "content": text}
    if role == "assistant" and message.get("tool_calls"):
        return {
            "role": role,
            "content": text or None,
            "tool_calls": [_call(one) for one in message["tool_calls"]],
        }
    pictures = "\n".join(["[image]"] * len(message.get("images", ())))
    return {"role": role, "content": "\n".join(filter(None, [text, pictures]))}


def _call(call: Mapping[str, str]) -> dict[str, Any]:
    arguments = call.get("arguments", "") or "{}"
    if not isinstance(_json(arguments), dict):
        arguments = json.dumps({"input": arguments}, ensure_ascii=False)
    function = {"name": _name(call.get("name", "")), "arguments": arguments}
    return {"id": call.get("id", ""), "type": "function", "function": function}


def _name(name: str) -> str:
    return _NOT_IN_NAMES.sub("_", name)[:_NAME_LENGTH]


def _tools(call: StoredCall) -> list[dict[str, Any]]:
    """Tools that trainers can read; the others are left out."""
    found = []
    for tool in call.options.get("tools", ()):
        function = {
            "name": _name(str(tool["name"])),
            "description": str(tool.get("description", "")),
            "parameters": tool.get("parameters", {}),
        }
        entry = {"type": "function", "function": function}
        try:
            parse_tools([entry])
        except Rejected:
            continue
        found.append(entry)
    return found


def _shown(text: str, calls: Sequence[Mapping[str, str]]) -> str:
    """A text with the calls of tools below it, as Markdown."""
    shown = [f"`{call.get('name', '')}({call.get('arguments', '')})`" for call in calls]
    return "\n\n".join(filter(None, [text, *shown]))
