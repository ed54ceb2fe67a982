"""A language model."""

from __future__ import annotations

import asyncio
import base64
import binascii
import mimetypes
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.agents.runtime.ports import Passage
from apps.agents.runtime.prompt import fit_history
from apps.providers.wire import ChatMessage, ChatRequest, Image, Role, ToolSpec
from apps.workflows.dsl.dynamic import DynamicAny, DynamicArray, DynamicText
from apps.workflows.dsl.nodetype import Output
from apps.workflows.dsl.sentences import Sentence, Text
from apps.workflows.engine.errors import NodeError
from apps.workflows.engine.node import Node, NodeConfig, NodeContext, Result
from apps.workflows.engine.ports import ModelInfo
from apps.workflows.nodes.support import prompts, records, structured
from apps.workflows.nodes.support.chat import (
    USAGE_SCHEMA,
    Reply,
    add_usage,
    ask,
    call_as_json,
    models_of,
    request_of,
)
from apps.workflows.nodes.support.models import ChatConfig, Memory, Vision
from apps.workflows.nodes.support.thinking import tagged


class PromptMessage(NodeConfig):
    """One message of the prompt."""

    role: Literal["system", "user", "assistant"] = Field("user", title=_("Role"))
    text: DynamicText = Field("", title=_("Text"), json_schema_extra={"x-widget": "template"})


class Tool(NodeConfig):
    """A function that the model may ask to be called."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$", title=_("Name"))
    description: str = Field("", title=_("Description"))
    parameters: dict[str, Any] = Field(
        default_factory=lambda: {"type": "object", "properties": {}},
        title=_("Parameters"),
        description=_("JSON Schema of an object."),
        json_schema_extra={"x-widget": "json_schema"},
    )


class Structured(NodeConfig):
    """The shape of the answer."""

    json_schema: dict[str, Any] = Field(title=_("JSON Schema"), json_schema_extra={"x-widget": "json_schema"})
    mode: Literal["auto", "native", "prompt"] = Field(
        "auto",
        title=_("How"),
        description=_(
            "native holds the model to the schema, prompt asks in words; auto goes by the model's abilities."
        ),
    )
    strict: bool = Field(
        False,
        title=_("Strict"),
        description=_("Of native: every property required and none besides, as OpenAI asks for."),
        json_schema_extra={"x-advanced": True},
    )
    repair: bool = Field(
        True, title=_("Repair"), description=_("Ask once more when the answer does not meet the schema.")
    )


class LlmConfig(ChatConfig):
    """What the model is told, and what is wanted of it."""

    prompt: list[PromptMessage] = Field(
        default_factory=list,
        title=_("Prompt"),
        description=_(
            "Messages. Passages of the context go where <<context>> stands, else to the end of the instructions."
        ),
        json_schema_extra={"x-widget": "prompt"},
    )
    text: DynamicText = Field(
        "",
        title=_("Prompt of one text"),
        description=_("Instead of messages; the history goes where <<history>> stands, else before it."),
        json_schema_extra={"x-widget": "template", "x-advanced": True},
    )
    context: DynamicAny = Field(
        None,
        title=_("Context"),
        description=_(
            "Passages to answer from, as a knowledge node gives them; they are numbered and cited."
        ),
        json_schema_extra={"x-widget": "reference"},
    )
    memory: Memory | None = Field(None, title=_("Memory"))
    vision: Vision | None = Field(None, title=_("Vision"))
    tools: list[Tool] = Field(
        default_factory=list,
        max_length=128,
        title=_("Tools"),
        description=_(
            "Functions the model may ask for; the calls are an output, and nothing is called by the node."
        ),
    )
    tool_choice: str = Field(
        "auto",
        title=_("Tool choice"),
        description=_("auto, none, required, or the name of a tool."),
        json_schema_extra={"x-advanced": True},
    )
    messages: DynamicArray = Field(
        default_factory=list,
        title=_("Further messages"),
        description=_("Added to the end, in OpenAI's form: tool calls and what they gave."),
        json_schema_extra={"x-advanced": True},
    )
    structured: Structured | None = Field(None, title=_("Structured output"))
    reasoning: Literal["separate", "tagged", "drop"] = Field(
        "separate",
        title=_("Reasoning"),
        description=_("As an output of its own, before the text in <think> tags, or nowhere."),
    )


class LlmNode(Node[LlmConfig]):
    """Asks a chat model."""

    type = "llm"
    title = _("Language model")
    description = _(
        "Asks a language model: with pictures, passages, history, tools, and answers of a given shape."
    )
    group = "model"
    icon = "neurology"
    Config = LlmConfig
    effects = True
    text_output = "text"

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """The answer and all that belongs to it."""
        found = {
            "text": Output("string", _("The answer")),
            "reasoning": Output("string", _("What the model thought")),
            "citations": Output("array[object]", _("Passages the answer cites")),
            "tool_calls": Output("array[object]", _("Calls the model asks for: id, name, arguments")),
            "files": Output("array[file]", _("Pictures the model made")),
            "finish_reason": Output("string", _("Why the answer ended: stop, length, tool_calls …")),
            "model": Output("string", _("The model that answered")),
            "usage": Output("object", _("Tokens and cost"), USAGE_SCHEMA),
        }
        if config.structured is not None:
            schema = config.structured.json_schema
            found["structured"] = Output(records.type_of_schema(schema), _("The answer as data"), schema)
        elif config.parameters.response_format == "json":
            found["structured"] = Output("any", _("The answer as data"))
        return found

    @classmethod
    def problems(cls, config: Any) -> Iterable[tuple[str, Text]]:
        """A prompt that says nothing, a schema that is none, a tool that is not there."""
        if not config.prompt and not config.text and config.memory is None:
            yield "prompt", Sentence(_("The prompt is empty."))
        if config.prompt and config.text:
            yield "text", Sentence(_("Give either messages or one text."))
        if config.structured is not None:
            yield from records.problems("structured.json_schema", config.structured.json_schema)
        names = [tool.name for tool in config.tools]
        if len(set(names)) < len(names):
            yield "tools", Sentence(_("Two tools have the same name."))
        if config.tool_choice not in ("auto", "none", "required", *names):
            yield "tool_choice", Sentence(_("There is no tool “{tool}”."), tool=config.tool_choice)
        for index, tool in enumerate(config.tools):
            yield from records.problems(f"tools[{index}].parameters", tool.parameters)

    async def run(self, ctx: NodeContext, config: LlmConfig) -> Result:
        """Ask. Raises NodeError: what the model's provider says, or structured_output_invalid."""
        info = await models_of(ctx).describe(config.model)
        passages = None if config.context is None else prompts.passages_of(config.context)
        messages = await _messages(ctx, config, info, passages)
        if config.structured is not None:
            reply, value = await _shaped(ctx, config, config.structured, info, messages, passages)
        else:
            reply = await ask(ctx, config, _request(config, messages, passages), say=True)
            value = None
        outputs = await self._outputs(ctx, config, reply, passages)
        if config.structured is not None:
            outputs["structured"] = value
        elif config.parameters.response_format == "json":
            outputs["structured"] = structured.read(reply.text, {})[0]
        return Result(outputs)

    async def _outputs(
        self, ctx: NodeContext, config: LlmConfig, reply: Reply, passages: Sequence[Passage] | None
    ) -> dict[str, Any]:
        kept = "" if config.reasoning == "drop" else reply.reasoning
        text = tagged(reply.text, kept) if config.reasoning == "tagged" else reply.text
        return {
            "text": text,
            "reasoning": kept,
            "citations": prompts.citations(reply.text, passages),
            "tool_calls": [call_as_json(call) for call in reply.tool_calls],
            "files": await _kept(ctx, reply.images),
            "finish_reason": reply.finish_reason,
            "model": reply.model,
            "usage": reply.usage,
        }


async def _messages(
    ctx: NodeContext, config: LlmConfig, info: ModelInfo, passages: Sequence[Passage] | None
) -> list[ChatMessage]:
    """The prompt with context, history, pictures and further messages in their places."""
    turns = await prompts.history_of(ctx, config.memory)
    if config.text:
        messages = _one_text(config, info, turns)
    else:
        messages = [ChatMessage(_role(message), message.text) for message in config.prompt if message.text]
        if config.memory is not None and (question := prompts.question_for(ctx, config.memory, messages)):
            messages.append(ChatMessage("user", question))
        messages = prompts.with_history(messages, turns, context_window=info.context_window)
    messages = prompts.with_context(messages, passages)
    messages = prompts.with_images(messages, await prompts.images_of(ctx, config.vision))
    messages += prompts.further_messages(config.messages)
    if not any(message.role != "system" for message in messages):
        # instructions alone ask nothing: several vendors refuse them
        messages = [ChatMessage("user", message.content) for message in messages]
    if not messages:
        raise NodeError("The prompt is empty: there is nothing to ask the model.", code="empty_prompt")
    return messages


def _role(message: PromptMessage) -> Role:
    return message.role


def _one_text(config: LlmConfig, info: ModelInfo, turns: Sequence[Any]) -> list[ChatMessage]:
    """A prompt of one text, with the history written out in it."""
    text = config.text
    if config.memory is not None:
        room = prompts.room_for_history([ChatMessage("user", text)], info.context_window)
        said = prompts.history_as_text(fit_history(turns, len(turns), room), config.memory)
        if prompts.HISTORY_MARK in text:
            text = text.replace(prompts.HISTORY_MARK, said)
        elif said:
            text = f"{said}\n\n{text}"
        if config.memory.query:
            text = f"{text}\n{config.memory.user_prefix}: {config.memory.query}\n{config.memory.assistant_prefix}:"
    return [ChatMessage("user", text)] if text.strip() else []


def _request(
    config: LlmConfig,
    messages: Sequence[ChatMessage],
    passages: Sequence[Passage] | None,
    response_format: dict[str, Any] | None = None,
) -> ChatRequest:
    return request_of(
        config,
        messages,
        tools=[ToolSpec(tool.name, tool.description, tool.parameters) for tool in config.tools],
        tool_choice=config.tool_choice if config.tools and config.tool_choice != "auto" else "",
        response_format=response_format,
        context=prompts.context_of(passages),
    )


async def _shaped(
    ctx: NodeContext,
    config: LlmConfig,
    wanted: Structured,
    info: ModelInfo,
    messages: Sequence[ChatMessage],
    passages: Sequence[Passage] | None,
) -> tuple[Reply, Any]:
    """An answer of the wanted shape; nothing of it is said before it is known to be right."""
    native = wanted.mode == "native" or (wanted.mode == "auto" and bool(info.abilities.get("json_schema")))
    shape = (
        structured.native_format(wanted.json_schema, ctx.node_id, strict=wanted.strict) if native else None
    )
    if not native:
        messages = structured.with_instructions(messages, structured.in_words(wanted.json_schema))
    reply = await ask(ctx, config, _request(config, messages, passages, shape))
    if reply.tool_calls:
        return reply, None
    value, wrong = structured.read(reply.text, wanted.json_schema)
    if wrong and wanted.repair:
        ctx.log("structured.repair", {"problems": wrong, "answer": reply.text[:2_000]})
        again = structured.repair(messages, reply.text, wrong)
        second = await ask(ctx, config, _request(config, again, passages, shape))
        second.usage = add_usage(reply.usage, second.usage)
        reply = second
        value, wrong = structured.read(reply.text, wanted.json_schema)
    if wrong:
        raise NodeError(
            f"The model's answer does not meet the schema: {wrong[0]}",
            code="structured_output_invalid",
            retryable=True,
            details={"problems": wrong, "answer": reply.text[:2_000]},
        )
    ctx.text(reply.text)
    return reply, value


async def _kept(ctx: NodeContext, images: Sequence[Image]) -> list[dict[str, Any]]:
    """Pictures the model made, as files of the run."""
    files = []
    for number, image in enumerate(images, 1):
        kind, content = await asyncio.to_thread(_decoded, image.url)
        if content is None:
            files.append(
                {
                    "id": "",
                    "name": f"image-{number}",
                    "content_type": "image/*",
                    "size": None,
                    "url": image.url,
                }
            )
        elif ctx.ports.files is not None:
            name = f"image-{number}{mimetypes.guess_extension(kind) or '.png'}"
            key = f"{ctx.idempotency_key}:{number}"
            files.append(await ctx.ports.files.save(name, kind, content, key=key))
    return files


def _decoded(url: str) -> tuple[str, bytes | None]:
    """(type, content) of a ``data:`` URL; no content for other addresses."""
    if not url.startswith("data:"):
        return "", None
    head, _comma, body = url[5:].partition(",")
    try:
        return head.partition(";")[0] or "image/png", base64.b64decode(body)
    except binascii.Error:
        return "", None
