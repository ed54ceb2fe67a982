"""`POST /v1/loop/prompts/execute` and `…/execute_streaming`: a prompt run as it stands."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, Final

from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from apps.agents.api.async_view import AsyncAPIView
from apps.agents.services.model_call import CallAnswered, CallEvent, ModelCall, complete_call, stream_call
from apps.agents.services.prompt_execution import prepare_prompt
from apps.agents.threads import in_thread
from apps.core.actors import Actor
from apps.core.api import sse
from apps.core.exceptions import FlywheelError, Invalid, NotFound
from apps.core.models.api_key import Scope
from apps.interop.base import KeyPairAuthentication
from apps.interop.cozeloop.prompts import failed, find_version
from apps.providers.wire import ReasoningDelta, TextDelta, ToolCallDelta

MAX_VARIABLES: Final = 200


class ExecuteView(AsyncAPIView):
    """Run a prompt and answer with all the model said."""

    authentication_classes = [KeyPairAuthentication]
    schema = None
    required_scopes = {"POST": Scope.CHAT}

    async def post(self, request: Request) -> HttpResponseBase:
        """One JSON."""
        answered = await complete_call(await in_thread(_prepared, request))
        return Response({"code": 0, "msg": "", "data": _whole(answered)})

    def handle_exception(self, error: Exception) -> Response:
        """An error in the SDK's shape."""
        return failed(super().handle_exception(error))


class ExecuteStreamingView(ExecuteView):
    """Run a prompt and pass on what the model says as it says it."""

    async def post(self, request: Request) -> HttpResponseBase:
        """Server-sent events of the type `data`; the last one carries the usage."""
        return sse.stream(_events(await in_thread(_prepared, request)))


def _prepared(request: Request) -> ModelCall:
    """The call that a request asks for; raises NotFound, NotAllowed, Invalid."""
    body = request.data if isinstance(request.data, dict) else {}
    query = body.get("prompt_identifier")
    if not isinstance(query, dict):
        raise Invalid(_("Name the prompt."))
    version = find_version(request, query)
    if version is None:
        raise NotFound(_("There is no such prompt, or none with this label or version."))
    return prepare_prompt(
        actor=Actor.from_request(request),
        version=version,
        variables=_variables(body.get("variable_vals") or []),
        messages=_messages(body.get("messages") or []),
    )


def _variables(values: Any) -> dict[str, Any]:
    """Values by name: texts, and messages for placeholders."""
    if not isinstance(values, list) or len(values) > MAX_VARIABLES:
        raise Invalid(_("The variables are a list of %(limit)d at most.") % {"limit": MAX_VARIABLES})
    found: dict[str, Any] = {}
    for entry in values:
        if not isinstance(entry, dict):
            raise Invalid(_("A variable is an object."))
        messages = entry.get("placeholder_messages")
        parts = entry.get("multi_part_values")
        if messages is not None:
            found[str(entry.get("key"))] = _messages(messages)
        elif parts:
            found[str(entry.get("key"))] = _text_of(parts)
        else:
            found[str(entry.get("key"))] = str(entry.get("value") or "")
    return found


def _messages(messages: Any) -> list[dict[str, Any]]:
    """Messages in our shape: parts become text and pictures."""
    if not isinstance(messages, list):
        raise Invalid(_("Messages are a list."))
    return [_message(message) if isinstance(message, Mapping) else message for message in messages]


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    parts = message.get("parts") or []
    found: dict[str, Any] = {"role": message.get("role"), "content": message.get("content")}
    if isinstance(parts, list) and parts:
        found["content"] = "\n".join(filter(None, (message.get("content"), _text_of(parts))))
        found["images"] = [{"url": url} for part in parts if (url := _picture_of(part))]
    if message.get("tool_call_id"):
        found["tool_call_id"] = message["tool_call_id"]
    if isinstance(calls := message.get("tool_calls"), list) and calls:
        found["tool_calls"] = [
            {"id": call.get("id"), "function": call.get("function_call")}
            if isinstance(call, Mapping)
            else call
            for call in calls
        ]
    return {name: value for name, value in found.items() if value not in (None, [])}


def _text_of(parts: Any) -> str:
    texts = (
        [part.get("text") for part in parts if isinstance(part, Mapping)] if isinstance(parts, list) else []
    )
    return "\n".join(str(text) for text in texts if text)


def _picture_of(part: Any) -> str:
    if not isinstance(part, Mapping):
        return ""
    return str(part.get("image_url") or part.get("base64_data") or "")


async def _events(call: ModelCall) -> AsyncGenerator[tuple[str, dict[str, Any]], None]:
    try:
        async with aclosing(stream_call(call)) as events:
            async for event in events:
                if (data := _event(event)) is not None:
                    yield "data", data
    except FlywheelError as error:
        yield "data", {"code": error.status, "msg": str(error.detail)}


def _event(event: CallEvent) -> dict[str, Any] | None:
    """What the SDK adds up to the answer; None for what it has no place for."""
    if isinstance(event, TextDelta):
        return {"message": {"role": "assistant", "content": event.text}}
    if isinstance(event, ReasoningDelta):
        return {"message": {"role": "assistant", "reasoning_content": event.text}}
    if isinstance(event, ToolCallDelta):
        piece = {"index": event.index, "id": event.id, "type": "function"}
        function = {"name": event.name, "arguments": event.arguments}
        return {"message": {"role": "assistant", "tool_calls": [{**piece, "function_call": function}]}}
    if isinstance(event, CallAnswered):
        return {**_end(event), "message": {"role": "assistant", "content": ""}}
    return None


def _end(answered: CallAnswered) -> dict[str, Any]:
    usage = answered.completed.usage
    return {
        "finish_reason": answered.completed.finish_reason,
        "usage": {"input_tokens": usage.input_tokens or 0, "output_tokens": usage.output_tokens or 0},
    }


def _whole(answered: CallAnswered) -> dict[str, Any]:
    completed = answered.completed
    calls = [
        {
            "index": index,
            "id": call.id,
            "type": "function",
            "function_call": {"name": call.name, "arguments": call.arguments},
        }
        for index, call in enumerate(completed.message.tool_calls)
    ]
    message = {
        "role": "assistant",
        "content": completed.message.content,
        "reasoning_content": completed.reasoning or None,
        "tool_calls": calls or None,
    }
    return {**_end(answered), "message": message}
