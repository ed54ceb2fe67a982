"""How a model is to answer: the settings of a prompt version, or of a column of the playground."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from apps.agents.playground.messages import Message, chat_messages
from apps.agents.prompts import ContentError
from apps.providers.wire import ChatRequest, ToolSpec

MAX_TOOLS = 128
TOOL_CHOICES = ("", "auto", "none", "required")


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value or []


def _blank_is_none(value: Any) -> Any:
    return None if value == "" else value


def _tools(value: Any) -> Any:
    """Tools as they are or in OpenAI's wrapping."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        return value or []
    return [
        item["function"] if isinstance(item, Mapping) and isinstance(item.get("function"), Mapping) else item
        for item in value
    ]


def _choice(value: Any) -> Any:
    """OpenAI's object that forces one tool, as the tool's name."""
    inner = value.get("function", value) if isinstance(value, Mapping) else None
    return inner.get("name", "") if isinstance(inner, Mapping) else value or ""


def _format(value: Any) -> Any:
    """A response format in OpenAI's form, or None for text; a word stands for the object."""
    if isinstance(value, str):
        value = {"type": "json_object" if value == "json" else value} if value else None
    if isinstance(value, Mapping) and value.get("type") in ("text", "", None):
        return None
    return value


Number = Annotated[float | None, BeforeValidator(_blank_is_none)]
Whole = Annotated[int | None, BeforeValidator(_blank_is_none)]


class ToolDefinition(BaseModel):
    """A function that the model may ask to be called."""

    model_config = ConfigDict(extra="ignore")

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    description: str = Field("", max_length=20_000)
    parameters: dict[str, Any] = Field(default_factory=lambda: {"type": "object", "properties": {}})


class Settings(BaseModel):
    """Parameters, tools and answer format of a call; what is not set is left to the model. Unknown names are ignored:
    the settings of a prompt version may hold anything."""

    model_config = ConfigDict(extra="ignore")

    model: str = ""
    temperature: Number = Field(None, ge=0, le=2)
    top_p: Number = Field(None, gt=0, le=1)
    max_tokens: Whole = Field(None, ge=1, le=1_000_000)
    frequency_penalty: Number = Field(None, ge=-2, le=2)
    presence_penalty: Number = Field(None, ge=-2, le=2)
    seed: Whole = Field(None, ge=-(2**63), lt=2**63)
    stop: Annotated[list[str], BeforeValidator(_listed)] = Field(default_factory=list, max_length=16)
    reasoning_effort: str = Field("", pattern=r"^[a-z_]{0,20}$")
    tools: Annotated[list[ToolDefinition], BeforeValidator(_tools)] = Field(
        default_factory=list, max_length=MAX_TOOLS
    )
    tool_choice: Annotated[str, BeforeValidator(_choice)] = ""
    response_format: Annotated[dict[str, Any] | None, BeforeValidator(_format)] = None
    extra: dict[str, Any] = Field(default_factory=dict)


def prepared(value: Mapping[str, Any]) -> dict[str, Any]:
    """The values that are set, under the names used here."""
    given = {name: inner for name, inner in value.items() if inner is not None}
    if "max_completion_tokens" in given:
        given.setdefault("max_tokens", given["max_completion_tokens"])
    if given.get("json_mode") and "response_format" not in given:
        given["response_format"] = "json_object"
    return given


def read_settings(value: Mapping[str, Any]) -> Settings:
    """Settings from plain data; raises ContentError with the first thing that is wrong."""
    try:
        settings = Settings.model_validate(prepared(value))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ContentError(f"{place}: {first['msg']}") from None
    _check_tools(settings)
    _check_format(settings.response_format)
    return settings


def _check_tools(settings: Settings) -> None:
    names = [tool.name for tool in settings.tools]
    if len(set(names)) < len(names):
        raise ContentError("Two tools have the same name.")
    if settings.tool_choice not in (*TOOL_CHOICES, *names):
        raise ContentError(f"There is no tool “{settings.tool_choice[:80]}” to choose.")
    for tool in settings.tools:
        _check_schema(f"Parameters of “{tool.name}”", tool.parameters)
        if tool.parameters.get("type", "object") != "object":
            raise ContentError(f"The parameters of “{tool.name}” have to be an object.")


def _check_format(wanted: Mapping[str, Any] | None) -> None:
    if wanted is None:
        return
    if wanted.get("type") == "json_object":
        return
    inner = wanted.get("json_schema")
    schema = inner.get("schema") if isinstance(inner, Mapping) else None
    if wanted.get("type") != "json_schema" or not isinstance(schema, Mapping):
        raise ContentError("The answer format is text, json_object, or json_schema with a schema.")
    _check_schema("Schema of the answer", schema)


def _check_schema(what: str, schema: Mapping[str, Any]) -> None:
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        place = "/".join(str(part) for part in error.absolute_path)
        raise ContentError(f"{what}: no valid JSON Schema: {place}: {error.message[:300]}") from None
    except RecursionError:
        raise ContentError(f"{what}: nested too deeply.") from None


def request_of(messages: Sequence[Message], settings: Settings) -> ChatRequest:
    """The request to a model; raises ContentError when there is nothing to ask."""
    said = chat_messages(messages)
    if not said:
        raise ContentError("There is nothing to ask the model: write a message.")
    effort = {"reasoning_effort": settings.reasoning_effort} if settings.reasoning_effort else {}
    return ChatRequest(
        messages=said,
        tools=tuple(ToolSpec(tool.name, tool.description, tool.parameters) for tool in settings.tools),
        tool_choice=settings.tool_choice if settings.tools else "",
        temperature=settings.temperature,
        top_p=settings.top_p,
        max_tokens=settings.max_tokens,
        stop=tuple(settings.stop),
        frequency_penalty=settings.frequency_penalty,
        presence_penalty=settings.presence_penalty,
        seed=settings.seed,
        response_format=settings.response_format,
        extra={**settings.extra, **effort},
    )
