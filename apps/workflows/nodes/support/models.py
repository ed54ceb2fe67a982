"""Parts of the configuration that all nodes with a chat model share."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.workflows.dsl.dynamic import Dynamic, DynamicAny, DynamicText, Resource
from apps.workflows.engine.node import NodeConfig

#: A chat model; empty for the default one, which then has to be there.
ModelRef = Annotated[str, Dynamic("string"), Resource("model")]
#: A chat model, or none.
OptionalModelRef = Annotated[str, Dynamic("string"), Resource("model", optional=True)]


class Parameters(NodeConfig):
    """How the model answers; what is empty is left to the model."""

    temperature: float | None = Field(
        None, ge=0, le=2, title=_("Temperature"), description=_("0 is sober, 1 is lively.")
    )
    top_p: float | None = Field(None, gt=0, le=1, title=_("Top P"), json_schema_extra={"x-advanced": True})
    max_tokens: int | None = Field(
        None, ge=1, le=1_000_000, title=_("Longest answer"), description=_("In tokens.")
    )
    stop: list[str] = Field(
        default_factory=list,
        max_length=16,
        title=_("Stop at"),
        description=_("The answer ends before any of these texts."),
        json_schema_extra={"x-advanced": True},
    )
    frequency_penalty: float | None = Field(
        None, ge=-2, le=2, title=_("Frequency penalty"), json_schema_extra={"x-advanced": True}
    )
    presence_penalty: float | None = Field(
        None, ge=-2, le=2, title=_("Presence penalty"), json_schema_extra={"x-advanced": True}
    )
    seed: int | None = Field(
        None,
        title=_("Seed"),
        description=_("The same seed makes the same answer more likely."),
        json_schema_extra={"x-advanced": True},
    )
    response_format: Literal["text", "json"] = Field(
        "text",
        title=_("Answer format"),
        description=_("json asks for any JSON object; for one of a certain shape use structured output."),
    )
    extra: dict[str, Any] = Field(
        default_factory=dict,
        title=_("Further options"),
        description=_("Sent to the provider as they are, for options that only some vendors have."),
        json_schema_extra={"x-advanced": True},
    )


class Vision(NodeConfig):
    """Pictures that go along with the question."""

    files: DynamicAny = Field(
        None,
        title=_("Pictures"),
        description=_("A file, an address, or a list of them."),
        json_schema_extra={"x-widget": "reference"},
    )
    detail: Literal["auto", "low", "high"] = Field(
        "auto", title=_("Detail"), description=_("How closely the model looks; more costs more.")
    )
    max_images: int = Field(
        10, ge=1, le=100, title=_("Most pictures"), json_schema_extra={"x-advanced": True}
    )


class Memory(NodeConfig):
    """What was said before in the conversation of a chatflow goes along."""

    rounds: int = Field(
        10, ge=1, le=200, title=_("Rounds"), description=_("Questions and answers, the newest ones.")
    )
    query: DynamicText = Field(
        "",
        title=_("Question"),
        description=_("Asked after the history. Empty: the last user message of the prompt, else sys.query."),
    )
    user_prefix: str = Field("User", title=_("Name of the person"), json_schema_extra={"x-advanced": True})
    assistant_prefix: str = Field(
        "Assistant",
        title=_("Name of the assistant"),
        description=_("Both names are used where the prompt is a single text."),
        json_schema_extra={"x-advanced": True},
    )


class ChatConfig(NodeConfig):
    """The model of a node, its stand-in, and how it answers."""

    model: ModelRef = Field(
        "",
        title=_("Model"),
        description=_("An id, provider/name, or a name. Empty: the workspace's default chat model."),
        json_schema_extra={"x-widget": "model", "x-slot": "chat"},
    )
    fallback: OptionalModelRef = Field(
        "",
        title=_("Fallback model"),
        description=_("Asked when the model fails before it has said anything."),
        json_schema_extra={"x-widget": "model", "x-slot": "chat", "x-advanced": True},
    )
    parameters: Parameters = Field(default_factory=Parameters, title=_("Parameters"))
