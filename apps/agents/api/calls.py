"""Calls of models over HTTP: one JSON, or server-sent events."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from django.http.response import HttpResponseBase
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers
from rest_framework.response import Response

from apps.agents.services.model_call import (
    CallAnswered,
    CallEvent,
    CallStarted,
    ModelCall,
    complete_call,
    stream_call,
)
from apps.core.api import sse
from apps.core.exceptions import FlywheelError
from apps.providers.wire import ReasoningDelta, TextDelta, ToolCall

EVENTS = {
    (200, "text/event-stream"): OpenApiResponse(
        OpenApiTypes.STR,
        description="Server-sent events: call.started, text.delta, reasoning.delta, tool.delta, then call.completed or "
        "call.failed. See docs/how-to/playground.md.",
    )
}


class ToolCallSerializer(serializers.Serializer[dict[str, Any]]):
    """A call that the model asks for."""

    id = serializers.CharField()
    name = serializers.CharField()
    arguments = serializers.CharField(help_text=_("JSON text as the model wrote it."))


class CallUsageSerializer(serializers.Serializer[dict[str, Any]]):
    """Tokens and cost."""

    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    cached_tokens = serializers.IntegerField()
    reasoning_tokens = serializers.IntegerField()
    estimated = serializers.BooleanField()
    cost = serializers.CharField(allow_null=True, help_text=_("US dollars."))


class CallAnswerSerializer(serializers.Serializer[dict[str, Any]]):
    """A whole answer."""

    content = serializers.CharField()
    reasoning = serializers.CharField()
    tool_calls = ToolCallSerializer(many=True)
    finish_reason = serializers.CharField()
    model = serializers.CharField()
    usage = CallUsageSerializer()
    latency_ms = serializers.IntegerField()
    ttft_ms = serializers.IntegerField(allow_null=True, help_text=_("Time to the first token."))
    trace_id = serializers.CharField()


async def call_response(call: ModelCall, *, streamed: bool) -> HttpResponseBase:
    """Make the call and answer with it; the call ends when the client goes away."""
    if streamed:
        return sse.stream(_events(call))
    return Response(answer_payload(await complete_call(call)))


async def _events(call: ModelCall) -> AsyncGenerator[tuple[str, dict[str, Any]], None]:
    try:
        async with aclosing(stream_call(call)) as events:
            async for event in events:
                yield _event(event)
    except FlywheelError as error:
        yield "call.failed", {"code": error.code, "detail": str(error.detail), **error.extra}


def _event(event: CallEvent) -> tuple[str, dict[str, Any]]:
    if isinstance(event, TextDelta):
        return "text.delta", {"text": event.text}
    if isinstance(event, ReasoningDelta):
        return "reasoning.delta", {"text": event.text}
    if isinstance(event, CallStarted):
        return "call.started", {"trace_id": event.trace_id}
    if isinstance(event, CallAnswered):
        return "call.completed", answer_payload(event)
    piece = {"index": event.index, "id": event.id, "name": event.name, "arguments": event.arguments}
    return "tool.delta", piece


def answer_payload(answered: CallAnswered) -> dict[str, Any]:
    """An answer as plain JSON."""
    completed = answered.completed
    usage = completed.usage
    return {
        "content": completed.message.content,
        "reasoning": completed.reasoning,
        "tool_calls": [_tool_call(call) for call in completed.message.tool_calls],
        "finish_reason": completed.finish_reason,
        "model": completed.model,
        "usage": {
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "cached_tokens": usage.cached_tokens,
            "reasoning_tokens": usage.reasoning_tokens,
            "estimated": usage.estimated,
            "cost": None if usage.cost is None else format(usage.cost, "f"),
        },
        "latency_ms": answered.latency_ms,
        "ttft_ms": answered.ttft_ms,
        "trace_id": answered.trace_id,
    }


def _tool_call(call: ToolCall) -> dict[str, str]:
    return {"id": call.id, "name": call.name, "arguments": call.arguments}
