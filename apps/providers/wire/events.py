"""What comes back while a model answers."""

from __future__ import annotations

from dataclasses import dataclass

from apps.providers.wire.messages import ChatMessage
from apps.providers.wire.usage import Usage


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next piece of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """The next piece of the model's own thinking, where the vendor shows it."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """Piece of a tool call; `index` tells parallel calls apart, `id` and `name` are those known so far."""

    index: int
    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Completed:
    """The whole answer, always the last event. `model` is the name the vendor reports."""

    message: ChatMessage
    usage: Usage
    finish_reason: str
    model: str
    reasoning: str = ""


StreamEvent = TextDelta | ReasoningDelta | ToolCallDelta | Completed
