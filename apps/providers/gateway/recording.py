"""The span of one call, whatever attempts it takes."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson
from opentelemetry import trace
from opentelemetry.trace import Status, StatusCode

from apps.providers import prices
from apps.providers.gateway import metrics
from apps.providers.gateway.retry import Step
from apps.providers.targets import Target
from apps.providers.wire import ChatMessage, ChatRequest, Completed, Usage, WireError
from apps.tracing import attributes

tracer = trace.get_tracer(__name__)

MAX_TEXTS_RECORDED = 20
MAX_TEXT_CHARS = 2000


def cost_of(target: Target, usage: Usage) -> Usage:
    """The usage with its cost."""
    cost = prices.cost_of(target.prices, usage, model=target.name, base_url=target.base_url)
    return replace(usage, cost=cost)


class CallRecord:
    """Collects what happens during a call and ends the span with it. Never holds a key."""

    def __init__(self, name: str, observation_type: str, operation: str, target: Target, given: str) -> None:
        self.target = target
        self._operation = operation
        self._failed = False
        self._started = time.perf_counter()
        # Not the current span: a generator that yields in an attached context would leak it to its caller.
        self._span = tracer.start_span(
            f"{name} {target.label}",
            attributes={
                attributes.OBSERVATION_TYPE: observation_type,
                attributes.OPERATION: operation,
                attributes.INPUT: given,
                # The call belongs to the model's workspace also when nobody opened a trace around it.
                attributes.WORKSPACE_ID: str(target.workspace_id),
            },
        )

    def first_token(self) -> None:
        """The answer begins."""
        seconds = time.perf_counter() - self._started
        self._span.set_attribute(attributes.TTFT_MS, round(seconds * 1000, 2))
        metrics.count_first_token(provider=self.target.provider, model=self.target.name, seconds=seconds)

    def next_step(self, error: WireError, step: Step) -> None:
        """An attempt failed and another follows."""
        name = "retry" if step.target is self.target else "fallback"
        self._span.add_event(
            name,
            {
                "reason": str(error.reason),
                "model": step.target.name,
                "attempt": step.attempt,
                "pause_s": step.pause_s,
            },
        )
        self.target = step.target

    def set(self, values: dict[str, Any]) -> None:
        """Further attributes; None values are left out."""
        self._span.set_attributes({name: value for name, value in values.items() if value is not None})

    def used(self, usage: Usage) -> None:
        """Tokens and cost; `usage` comes from `cost_of`."""
        metrics.count_usage(provider=self.target.provider, model=self.target.name, usage=usage)
        self.set(
            {
                attributes.INPUT_TOKENS: usage.input_tokens,
                attributes.OUTPUT_TOKENS: usage.output_tokens,
                attributes.CACHED_TOKENS: usage.cached_tokens or None,
                attributes.REASONING_TOKENS: usage.reasoning_tokens or None,
                attributes.COST: None if usage.cost is None else format(usage.cost, "f"),
                f"{attributes.METADATA_PREFIX}usage_estimated": True if usage.estimated else None,
            }
        )

    def failed(self, sentence: str) -> None:
        """The call failed for good."""
        self._failed = True
        self._span.set_status(Status(StatusCode.ERROR, sentence))

    def end(self) -> None:
        """The span is complete."""
        metrics.count_call(
            provider=self.target.provider,
            model=self.target.name,
            operation=self._operation,
            failed=self._failed,
            seconds=time.perf_counter() - self._started,
        )
        self.set({attributes.MODEL: self.target.name, attributes.PROVIDER: self.target.provider})
        self._span.end()


def _message(message: ChatMessage) -> dict[str, Any]:
    shown: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        shown["tool_calls"] = [
            {"id": call.id, "name": call.name, "arguments": call.arguments} for call in message.tool_calls
        ]
    if message.tool_call_id:
        shown["tool_call_id"] = message.tool_call_id
    if message.images:
        # the picture itself would be most of the span
        shown["images"] = [image.url.partition(",")[0].partition("?")[0][:200] for image in message.images]
    return shown


def describe_request(request: ChatRequest) -> str:
    """The messages (and tools) as JSON, for the span."""
    messages = [_message(message) for message in request.messages]
    if not request.tools:
        return orjson.dumps(messages).decode()
    tools = [
        {"name": t.name, "description": t.description, "parameters": dict(t.parameters)}
        for t in request.tools
    ]
    return orjson.dumps({"messages": messages, "tools": tools}).decode()


def describe_parameters(request: ChatRequest) -> dict[str, Any]:
    """The request's options as attributes, so that the call can be repeated as it was; None where not set."""
    return {
        attributes.TEMPERATURE: request.temperature,
        attributes.MAX_TOKENS: request.max_tokens,
        attributes.TOP_P: request.top_p,
        attributes.SEED: request.seed,
        attributes.FREQUENCY_PENALTY: request.frequency_penalty,
        attributes.PRESENCE_PENALTY: request.presence_penalty,
        attributes.STOP_SEQUENCES: list(request.stop) or None,
        attributes.TOOL_CHOICE: request.tool_choice or None,
        attributes.RESPONSE_FORMAT: _json(request.response_format),
        attributes.EXTRA_OPTIONS: _json(request.extra),
    }


def _json(value: Mapping[str, Any] | None) -> str | None:
    return orjson.dumps(dict(value), default=str).decode() if value else None


def describe_answer(completed: Completed) -> str:
    """The answer as JSON, for the span."""
    shown = _message(completed.message)
    if completed.reasoning:
        shown["reasoning"] = completed.reasoning
    return orjson.dumps(shown).decode()


def describe_texts(texts: Sequence[str]) -> str:
    """The first texts of an embedding or rerank call, cut, for the span."""
    shown = [text[:MAX_TEXT_CHARS] for text in texts[:MAX_TEXTS_RECORDED]]
    if len(texts) > MAX_TEXTS_RECORDED:
        shown.append(f"… {len(texts) - MAX_TEXTS_RECORDED} more")
    return orjson.dumps(shown).decode()
