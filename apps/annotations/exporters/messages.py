"""The chat messages shared by formats: pydantic models that know what trainers accept.

Shapes follow OpenAI's fine-tuning guide (https://platform.openai.com/docs/guides/supervised-fine-tuning),
which open trainers (TRL, Axolotl, LLaMA-Factory, Together, Fireworks) read too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import orjson
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from apps.annotations.exporters.rejection import Reason, Rejected

_OBJECT: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])

Name = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]


class Strict(BaseModel):
    """Unknown keys are refused: a trainer would ignore or reject them."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Function(Strict):
    """A called function; `arguments` is JSON text, as models produce it."""

    name: Name
    arguments: str

    @field_validator("arguments")
    @classmethod
    def _is_json_object(cls, value: str) -> str:
        _OBJECT.validate_python(orjson.loads(value))
        return value


class ToolCall(Strict):
    """One call an assistant message makes."""

    id: Annotated[str, StringConstraints(min_length=1)]
    type: Literal["function"] = "function"
    function: Function


class SystemMessage(Strict):
    """Instructions; `developer` is the newer name of the same role."""

    role: Literal["system", "developer"]
    content: str
    name: Name | None = None


class UserMessage(Strict):
    """What the person said."""

    role: Literal["user"]
    content: str
    name: Name | None = None


class AssistantMessage(Strict):
    """An answer; `weight` 0 keeps a turn as context without learning it."""

    role: Literal["assistant"]
    content: str | None = None
    name: Name | None = None
    tool_calls: Annotated[tuple[ToolCall, ...], Field(min_length=1)] | None = None
    weight: Literal[0, 1] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> AssistantMessage:
        if not self.tool_calls and self.content is None:
            raise ValueError("an assistant message needs content or tool calls")
        return self


class ToolMessage(Strict):
    """The result of a tool call, matched by id."""

    role: Literal["tool"]
    tool_call_id: Annotated[str, StringConstraints(min_length=1)]
    content: str


Message = Annotated[SystemMessage | UserMessage | AssistantMessage | ToolMessage, Field(discriminator="role")]


class FunctionDefinition(Strict):
    """A function the model may call; `parameters` is a JSON schema."""

    name: Name
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class ToolDefinition(Strict):
    """One entry of `tools`."""

    type: Literal["function"] = "function"
    function: FunctionDefinition


ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})

_MESSAGES: TypeAdapter[tuple[Message, ...]] = TypeAdapter(tuple[Message, ...])
_TOOLS: TypeAdapter[tuple[ToolDefinition, ...]] = TypeAdapter(tuple[ToolDefinition, ...])


def parse_messages(messages: Sequence[Mapping[str, Any]]) -> tuple[Message, ...]:
    """The input of an example as checked messages; raises `Rejected` with the place of the first fault."""
    try:
        parsed = _MESSAGES.validate_python([dict(message) for message in messages])
    except ValidationError as error:
        raise Rejected(Reason.BAD_SHAPE, first_fault(error, "messages")) from error
    _check_order(parsed)
    _check_tool_calls(parsed)
    return parsed


def parse_tools(tools: Sequence[Mapping[str, Any]]) -> tuple[ToolDefinition, ...] | None:
    """The tool definitions, or None when there are none (the key is then left out of the row)."""
    if not tools:
        return None
    try:
        return _TOOLS.validate_python([dict(tool) for tool in tools])
    except ValidationError as error:
        raise Rejected(Reason.BAD_SHAPE, first_fault(error, "tools")) from error


def first_fault(error: ValidationError, root: str) -> str:
    """`messages.2.content: Input should be …`: one line for a report."""
    fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
    # pydantic puts the discriminator's tag into the place; the row has no such level
    place = ".".join(str(part) for part in (root, *fault["loc"]) if part not in ROLES)
    return f"{place}: {fault['msg']}"


def _check_order(messages: Sequence[Message]) -> None:
    """System first, at least one question, no empty turn, and the answer still to come."""
    if not any(isinstance(message, UserMessage) for message in messages):
        raise Rejected(Reason.NO_USER_MESSAGE)
    for position, message in enumerate(messages):
        place = f"messages.{position}"
        if isinstance(message, SystemMessage) and position:
            raise Rejected(Reason.SYSTEM_NOT_FIRST, place)
        if not isinstance(message, ToolMessage) and _is_empty(message):
            raise Rejected(Reason.EMPTY_MESSAGE, place)
    if isinstance(messages[-1], AssistantMessage) and not messages[-1].tool_calls:
        raise Rejected(Reason.ENDS_WITH_ASSISTANT, f"messages.{len(messages) - 1}")


def _is_empty(message: Message) -> bool:
    calls = message.tool_calls if isinstance(message, AssistantMessage) else None
    return not calls and not (message.content or "").strip()


def _check_tool_calls(messages: Sequence[Message]) -> None:
    """Each tool result answers a call made before it, each call is answered before the talk goes on."""
    open_calls: set[str] = set()
    for position, message in enumerate(messages):
        place = f"messages.{position}"
        if isinstance(message, ToolMessage):
            if message.tool_call_id not in open_calls:
                raise Rejected(Reason.UNKNOWN_TOOL_CALL, place)
            open_calls.discard(message.tool_call_id)
        elif open_calls:
            raise Rejected(Reason.UNANSWERED_TOOL_CALL, place)
        elif isinstance(message, AssistantMessage) and message.tool_calls:
            open_calls = {call.id for call in message.tool_calls}
    if open_calls:
        raise Rejected(Reason.UNANSWERED_TOOL_CALL, f"messages.{len(messages) - 1}")
