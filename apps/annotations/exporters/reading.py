"""Free JSON read as an example: what went in as messages, what should come out as text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any


def read_messages(value: Any) -> list[dict[str, Any]]:
    """The input as chat messages.

    Messages are taken as they are, alone, in a list or under "messages"; any other value is what the person said, as
    text or as JSON. Nothing gives no messages.
    """
    if value is None:
        return []
    if isinstance(value, Mapping) and _are_messages(value.get("messages")):
        value = value["messages"]
    if _are_messages([value]):
        return [dict(value)]
    if _are_messages(value):
        return [dict(message) for message in value]
    return [{"role": "user", "content": read_text(value)}]


def read_tools(value: Any) -> list[Any]:
    """The tools that stand beside the messages."""
    tools = (
        value.get("tools") if isinstance(value, Mapping) and _are_messages(value.get("messages")) else None
    )
    return list(tools) if isinstance(tools, Sequence) and not isinstance(tools, str) else []


def read_text(value: Any) -> str:
    """The output as text: a message's content, a text as it is, anything else as JSON."""
    if value is None:
        return ""
    if (
        isinstance(value, Mapping)
        and value.get("role") == "assistant"
        and isinstance(value.get("content"), str)
    ):
        return str(value["content"])
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _are_messages(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, Mapping) and isinstance(item.get("role"), str) for item in value)
    )
