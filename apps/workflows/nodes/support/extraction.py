"""Fields taken out of what somebody said, by a chat model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.providers.wire import ChatMessage
from apps.workflows.dsl import types
from apps.workflows.dsl.dynamic import DynamicText
from apps.workflows.engine.node import NodeConfig, NodeContext
from apps.workflows.nodes.support import records, structured
from apps.workflows.nodes.support.chat import ask, models_of, request_of
from apps.workflows.nodes.support.models import ChatConfig

_TASK = (
    "You read what a person answered to a question and fill in the fields of a form from it. Take only what the person "
    "said; a field that was not mentioned is null. Do not guess."
)

ExtractType = Literal[
    "string",
    "number",
    "integer",
    "boolean",
    "array[string]",
    "array[number]",
    "array[integer]",
    "array[boolean]",
]


class ExtractField(NodeConfig):
    """A field, and how the model recognises it."""

    name: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$", title=_("Name"))
    type: ExtractType = Field("string", title=_("Type"))
    description: str = Field("", title=_("Description"), description=_("For the model."))
    options: list[str] = Field(default_factory=list, title=_("Options"), description=_("None: any value."))
    required: bool = Field(True, title=_("Required"), description=_("Asked for again when it is missing."))


class Extraction(ChatConfig):
    """The model, and the fields."""

    fields: list[ExtractField] = Field(default_factory=list, title=_("Fields"), min_length=1)
    instruction: DynamicText = Field(
        "",
        title=_("Instruction"),
        description=_("For the model, on top of the fields' descriptions."),
        json_schema_extra={"x-widget": "textarea"},
    )


async def extract(
    ctx: NodeContext, config: Extraction, said: Sequence[tuple[str, str]], known: Mapping[str, Any]
) -> dict[str, Any]:
    """The fields after the person said this: pairs of a question and its answer. What was known stays unless corrected.

    Values that do not fit their field count as not said. Raises `NodeError` when the model can't be asked.
    """
    schema = schema_of(config.fields)
    answer = await answer_in_shape(ctx, config, _messages(config, said), schema, "fields")
    found = answer if isinstance(answer, Mapping) else {}
    return {
        field.name: _first(_value(found.get(field.name), field), known.get(field.name))
        for field in config.fields
    }


def missing(config: Extraction, values: Mapping[str, Any]) -> list[ExtractField]:
    """Required fields without a value."""
    return [field for field in config.fields if field.required and values.get(field.name) is None]


def schema_of(fields: Sequence[ExtractField]) -> dict[str, Any]:
    """The shape the model answers in: every field is there, null when it was not said."""
    return {
        "type": "object",
        "properties": {field.name: _property(field) for field in fields},
        "required": [field.name for field in fields],
        "additionalProperties": False,
    }


def _property(field: ExtractField) -> dict[str, Any]:
    element = types.element_type(field.type)
    inner: dict[str, Any] = {"type": element} if element else {"type": [field.type, "null"]}
    if field.options:
        inner["enum"] = list(field.options) if element else [*field.options, None]
    shape = {"type": ["array", "null"], "items": inner} if element else inner
    return {**shape, "description": field.description} if field.description else shape


def _messages(config: Extraction, said: Sequence[tuple[str, str]]) -> list[ChatMessage]:
    instruction = "\n\n".join(part for part in (_TASK, config.instruction.strip()) if part)
    talk = "\n\n".join(f"Question: {question}\nAnswer: {answer}" for question, answer in said)
    return [ChatMessage("system", instruction), ChatMessage("user", talk)]


async def answer_in_shape(
    ctx: NodeContext,
    config: ChatConfig,
    messages: Sequence[ChatMessage],
    schema: Mapping[str, Any],
    name: str,
) -> Any:
    """The model's answer as JSON of that shape, asked for a second time when it is none; None when it never is."""
    native = (await models_of(ctx).describe(config.model)).abilities.get("json_schema") is True
    shape = structured.native_format(schema, name, strict=True) if native else None
    wanted = list(messages) if native else structured.with_instructions(messages, structured.in_words(schema))
    for _attempt in range(2):
        reply = await ask(ctx, config, request_of(config, wanted, response_format=shape))
        value, wrong = structured.read(reply.text, schema)
        if not wrong:
            return value
        wanted = structured.repair(wanted, reply.text, wrong)
    return value


def _value(value: Any, field: ExtractField) -> Any:
    """The value in the field's type; None when it was not said or does not fit."""
    schema = _property(field)
    fitted = records.normalise(value, schema, coerce=True, defaults=False, drop_unknown=False)
    blank = fitted is None or fitted in ("", [])
    return None if blank or records.check(fitted, schema) else fitted


def _first(value: Any, otherwise: Any) -> Any:
    return otherwise if value is None else value
