"""What is asked of a chat model, free of any vendor's format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call the model wants made; `arguments` is the JSON text as the model wrote it, valid or not."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Image:
    """A picture for (or from) a model: an address, or the picture itself as a ``data:`` URL.

    `detail` is how closely the model looks at it, where the vendor lets one say so.
    """

    url: str
    detail: Literal["auto", "low", "high"] = "auto"


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of a conversation. A `tool` message answers the call named by `tool_call_id`."""

    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    images: tuple[Image, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool offered to the model; `parameters` is a JSON schema of an object."""

    name: str
    description: str
    parameters: Mapping[str, Any] = field(default_factory=lambda: {"type": "object", "properties": {}})


@dataclass(frozen=True, slots=True)
class ContextPassage:
    """A retrieved passage, for answerers that quote. Models that generate get it in the prompt."""

    id: str
    text: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A chat completion to be made. `response_format` is OpenAI's object, for JSON answers.

    `tool_choice` is auto, none, required or a tool's name. `extra` goes into the body as it is, for options that
    only some vendors have.
    """

    messages: Sequence[ChatMessage]
    tools: Sequence[ToolSpec] = ()
    temperature: float | None = None
    max_tokens: int | None = None
    top_p: float | None = None
    stop: Sequence[str] = ()
    response_format: Mapping[str, Any] | None = None
    context: Sequence[ContextPassage] = ()
    tool_choice: str = ""
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
