"""Asking a chat model from a node: streaming, usage, and what comes out."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, cast

from apps.providers.wire import (
    ChatMessage,
    ChatRequest,
    Completed,
    ContextPassage,
    Image,
    ReasoningDelta,
    StreamEvent,
    TextDelta,
    ToolCall,
    ToolSpec,
)
from apps.workflows.engine.errors import NodeError
from apps.workflows.engine.node import NodeContext
from apps.workflows.engine.ports import ModelPort
from apps.workflows.nodes.support.models import ChatConfig
from apps.workflows.nodes.support.ports import need
from apps.workflows.nodes.support.thinking import Splitter


@dataclass(slots=True)
class Reply:
    """What the model said; thinking in tags is taken out of `text`."""

    text: str
    reasoning: str
    tool_calls: Sequence[ToolCall]
    finish_reason: str
    model: str
    usage: dict[str, Any]
    images: Sequence[Image] = field(default_factory=tuple)


def models_of(ctx: NodeContext) -> ModelPort:
    """The models of the workspace."""
    return need(ctx.ports.models, "Models")


def request_of(
    config: ChatConfig,
    messages: Sequence[ChatMessage],
    *,
    tools: Sequence[ToolSpec] = (),
    tool_choice: str = "",
    response_format: dict[str, Any] | None = None,
    context: Sequence[ContextPassage] = (),
) -> ChatRequest:
    """A request with the parameters of the configuration."""
    chosen = config.parameters
    if response_format is None and chosen.response_format == "json":
        response_format = {"type": "json_object"}
    return ChatRequest(
        messages=tuple(messages),
        tools=tuple(tools),
        temperature=chosen.temperature,
        max_tokens=chosen.max_tokens,
        top_p=chosen.top_p,
        stop=tuple(chosen.stop),
        response_format=response_format,
        context=tuple(context),
        tool_choice=tool_choice,
        frequency_penalty=chosen.frequency_penalty,
        presence_penalty=chosen.presence_penalty,
        seed=chosen.seed,
        extra=chosen.extra,
    )


async def ask(ctx: NodeContext, config: ChatConfig, request: ChatRequest, *, say: bool = False) -> Reply:
    """Ask the model; with `say` its words go to whoever watches as they come. Raises NodeError, LimitExceeded."""
    port = models_of(ctx)
    splitter = Splitter()
    reasoning: list[str] = []
    completed: Completed | None = None
    stream = port.stream_chat(config.model, request, fallback=config.fallback)
    async with aclosing(cast("AsyncGenerator[StreamEvent, None]", stream)) as events:
        async for event in events:
            if type(event) is TextDelta:
                _tell(ctx, splitter.feed(event.text), reasoning, say=say)
            elif type(event) is ReasoningDelta:
                _tell(ctx, ("", event.text), reasoning, say=say)
            elif type(event) is Completed:
                completed = event
    _tell(ctx, splitter.finish(), reasoning, say=say)
    if completed is None:
        raise NodeError(
            "The model broke off before its answer was complete.", code="model_broke_off", retryable=True
        )
    usage = usage_of(completed)
    ctx.use(
        input_tokens=usage["input_tokens"],
        output_tokens=usage["output_tokens"],
        cost=usage["cost"] or "0",
    )
    return Reply(
        text=splitter.text,
        reasoning="".join(reasoning).strip(),
        tool_calls=completed.message.tool_calls,
        finish_reason=completed.finish_reason,
        model=completed.model,
        usage=usage,
        images=completed.message.images,
    )


def _tell(ctx: NodeContext, piece: tuple[str, str], reasoning: list[str], *, say: bool) -> None:
    text, thought = piece
    if thought:
        reasoning.append(thought)
        if say:
            ctx.reasoning(thought)
    if text and say:
        ctx.text(text)


def usage_of(completed: Completed) -> dict[str, Any]:
    """Tokens and cost of a call as plain JSON; the cost is a decimal string in USD, None when nobody knows it."""
    usage = completed.usage
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "cached_tokens": usage.cached_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "cost": None if usage.cost is None else format(usage.cost, "f"),
        "model": completed.model,
    }


def add_usage(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """The usage of two calls together."""
    total = {
        name: first[name] + second[name] if isinstance(first[name], int) else second[name] for name in first
    }
    costs = [Decimal(usage["cost"]) for usage in (first, second) if usage["cost"] is not None]
    total["cost"] = format(sum(costs, Decimal(0)), "f") if costs else None
    return total


#: The schema of a `usage` output.
USAGE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "input_tokens": {"type": "integer"},
        "output_tokens": {"type": "integer"},
        "total_tokens": {"type": "integer"},
        "cost": {"type": ["string", "null"]},
        "model": {"type": "string"},
    },
}


def call_as_json(call: ToolCall) -> dict[str, Any]:
    """A tool call as an output: `arguments` is the object when it is one, else the text as the model wrote it."""
    try:
        arguments = json.loads(call.arguments or "{}")
    except ValueError:
        arguments = call.arguments
    return {"id": call.id, "name": call.name, "arguments": arguments}
