"""OpenAI chat JSONL: one conversation a line, the last assistant message is the answer to learn.

Format: https://platform.openai.com/docs/guides/supervised-fine-tuning (messages, tools, weight).
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, ValidationError

from apps.annotations.exporters.base import require_expected
from apps.annotations.exporters.example import Example
from apps.annotations.exporters.messages import (
    AssistantMessage,
    Message,
    Strict,
    ToolDefinition,
    first_fault,
    parse_messages,
    parse_tools,
)
from apps.annotations.exporters.rejection import Reason, Rejected


class ChatRow(Strict):
    """A line of the file."""

    messages: tuple[Message, ...] = Field(min_length=2)
    tools: tuple[ToolDefinition, ...] | None = None


class OpenAIChat:
    """Supervised fine-tuning: the whole conversation, ending in the expected answer."""

    name: ClassVar[str] = "openai_chat"
    title: ClassVar[str] = "OpenAI chat"
    description: ClassVar[str] = "Conversations that end in the expected answer, for supervised fine-tuning."

    def row(self, example: Example) -> ChatRow:
        """Earlier answers get weight 0: they were not judged, so they are context and not lessons."""
        answer = require_expected(example)
        context = tuple(_as_context(message) for message in parse_messages(example.messages))
        try:
            last = AssistantMessage(role="assistant", content=answer)
        except ValidationError as error:
            raise Rejected(Reason.BAD_SHAPE, first_fault(error, "expected")) from error
        return ChatRow(messages=(*context, last), tools=parse_tools(example.tools))


def _as_context(message: Message) -> Message:
    if isinstance(message, AssistantMessage) and message.weight is None:
        return message.model_copy(update={"weight": 0})
    return message
