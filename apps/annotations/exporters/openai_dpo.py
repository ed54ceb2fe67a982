"""OpenAI preference JSONL (direct preference optimisation): the correction against the first answer.

Format: https://platform.openai.com/docs/guides/direct-preference-optimization
Together and Fireworks read it too. Exactly one assistant text message on each side.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, ValidationError

from apps.annotations.exporters.base import require_expected, require_rejected
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


class PreferenceInput(Strict):
    """What both answers reply to."""

    messages: tuple[Message, ...] = Field(min_length=1)
    tools: tuple[ToolDefinition, ...] | None = None
    parallel_tool_calls: bool | None = None


class PreferredMessage(Strict):
    """One side of the pair: text only."""

    role: Literal["assistant"] = "assistant"
    content: str


class PreferenceRow(Strict):
    """A line of the file."""

    input: PreferenceInput
    preferred_output: tuple[PreferredMessage]
    non_preferred_output: tuple[PreferredMessage]


class OpenAIPreference:
    """Preference pairs: what the annotator wrote against what the model had said."""

    name: ClassVar[str] = "openai_dpo"
    title: ClassVar[str] = "OpenAI preference (DPO)"
    description: ClassVar[str] = "Pairs of a corrected and an original answer, for preference tuning."

    def row(self, example: Example) -> PreferenceRow:
        """Needs both answers, and needs them to differ."""
        preferred, refused = require_expected(example), require_rejected(example)
        context = tuple(_without_weight(message) for message in parse_messages(example.messages))
        prompt = PreferenceInput(messages=context, tools=parse_tools(example.tools))
        try:
            return PreferenceRow(
                input=prompt,
                preferred_output=(PreferredMessage(content=preferred),),
                non_preferred_output=(PreferredMessage(content=refused),),
            )
        except ValidationError as error:
            raise Rejected(Reason.BAD_SHAPE, first_fault(error, "expected")) from error


def _without_weight(message: Message) -> Message:
    """`weight` belongs to supervised rows only."""
    if isinstance(message, AssistantMessage):
        return message.model_copy(update={"weight": None})
    return message
