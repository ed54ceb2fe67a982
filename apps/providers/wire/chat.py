"""OpenAI's chat completions format: the request body, and answers whole or in chunks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from apps.providers.wire.errors import WireError, WireReason, error_from_event
from apps.providers.wire.events import Completed, ReasoningDelta, StreamEvent, TextDelta, ToolCallDelta
from apps.providers.wire.messages import ChatMessage, ChatRequest, Image, ToolCall
from apps.providers.wire.quirks import Quirk
from apps.providers.wire.usage import Usage, estimate_tokens, parse_usage


def _message_body(message: ChatMessage) -> dict[str, Any]:
    body: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        body["content"] = message.content or None
        body["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        body["tool_call_id"] = message.tool_call_id
    if message.images:
        text = [{"type": "text", "text": message.content}] if message.content else []
        body["content"] = text + [
            {"type": "image_url", "image_url": {"url": image.url, "detail": image.detail}}
            for image in message.images
        ]
    return body


def _tool_choice(choice: str) -> Any:
    """OpenAI's way to say it; a tool's name forces that tool."""
    if choice in ("", "auto", "none", "required"):
        return choice or None
    return {"type": "function", "function": {"name": choice}}


def build_body(
    model: str, request: ChatRequest, *, stream: bool, quirks: frozenset[Quirk] = frozenset()
) -> dict[str, Any]:
    """The JSON body of POST /chat/completions; what is not set is left to the vendor's defaults."""
    body: dict[str, Any] = {"model": model, "messages": [_message_body(m) for m in request.messages]}
    if request.tools:
        body["tools"] = [
            {
                "type": "function",
                "function": {"name": t.name, "description": t.description, "parameters": dict(t.parameters)},
            }
            for t in request.tools
        ]
        if choice := _tool_choice(request.tool_choice):
            body["tool_choice"] = choice
    limit = "max_completion_tokens" if Quirk.MAX_COMPLETION_TOKENS in quirks else "max_tokens"
    options = {
        "temperature": None if Quirk.NO_TEMPERATURE in quirks else request.temperature,
        limit: request.max_tokens,
        "top_p": None if Quirk.NO_TOP_P in quirks else request.top_p,
        "stop": list(request.stop) or None,
        "response_format": _response_format(request, quirks),
        "frequency_penalty": request.frequency_penalty,
        "presence_penalty": request.presence_penalty,
        "seed": request.seed,
        **{name: value for name, value in request.extra.items() if name not in _OURS},
    }
    body.update({name: value for name, value in options.items() if value is not None})
    if stream:
        body["stream"] = True
        if Quirk.NO_STREAM_OPTIONS not in quirks:
            body["stream_options"] = {"include_usage": True}
    return body


def _response_format(request: ChatRequest, quirks: frozenset[Quirk]) -> dict[str, Any] | None:
    if not request.response_format or Quirk.NO_RESPONSE_FORMAT in quirks:
        return None
    return dict(request.response_format)


#: Members of the body that nobody else writes.
_OURS = frozenset({"model", "messages", "tools", "tool_choice", "stream", "stream_options"})

#: What a picture costs about, in tokens: between OpenAI's low and high detail.
IMAGE_TOKENS = 400


def estimate_usage(request: ChatRequest, output: str) -> Usage:
    """For vendors that report no usage, and for answers that broke off."""
    prompt = sum(estimate_tokens(m.content) + 4 + IMAGE_TOKENS * len(m.images) for m in request.messages)
    return Usage(input_tokens=prompt, output_tokens=estimate_tokens(output), estimated=True)


def _text_of(content: Any) -> tuple[str, str]:
    """(text, reasoning) of a content that is a string or, with some vendors, a list of typed parts."""
    if isinstance(content, str):
        return content, ""
    text: list[str] = []
    reasoning: list[str] = []
    for part in content if isinstance(content, list) else ():
        if not isinstance(part, dict):
            continue
        inner = part.get("text") or part.get("thinking") or ""
        bucket = reasoning if part.get("type") in ("thinking", "reasoning") else text
        bucket.append(_text_of(inner)[0])
    return "".join(text), "".join(reasoning)


def _images_of(parts: Any) -> list[Image]:
    """Pictures that a model made: the shape of the gateways that offer such models, beside the text."""
    found: list[Image] = []
    for part in parts if isinstance(parts, list) else ():
        place = part.get("image_url") if isinstance(part, dict) else None
        url = place.get("url") if isinstance(place, dict) else place
        if isinstance(url, str) and url:
            found.append(Image(url))
    return found


def _arguments_text(arguments: Any) -> str:
    """Arguments as JSON text; a few servers send the object itself."""
    if arguments is None:
        return ""
    return arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode()


class _PartialCall:
    """A tool call while its pieces arrive."""

    __slots__ = ("arguments", "id", "name")

    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.arguments: list[str] = []


class ChatAssembler:
    """Puts the chunks of one streamed answer together and says what each of them adds."""

    def __init__(self, request: ChatRequest, model: str) -> None:
        self._request = request
        self._model = model
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._calls: dict[int, _PartialCall] = {}
        self._images: list[Image] = []
        self._usage: Usage | None = None
        self.finish_reason = ""

    def feed(self, data: bytes) -> list[StreamEvent]:
        """The events of one SSE payload. Raises `WireError` for an error object, or for what is no JSON."""
        chunk = _loads(data)
        if chunk.get("error"):
            raise error_from_event(chunk["error"])
        choices = chunk.get("choices")
        usage = chunk.get("usage")
        if usage:
            self._usage = parse_usage(usage) or self._usage
        if chunk.get("model"):
            self._model = chunk["model"]
        return self._take_choice(choices[0]) if choices else []

    def _take_choice(self, choice: Mapping[str, Any]) -> list[StreamEvent]:
        if choice.get("finish_reason"):
            self.finish_reason = str(choice["finish_reason"])
        if choice.get("usage"):
            self._usage = parse_usage(choice["usage"]) or self._usage
        delta = choice.get("delta") or choice.get("message") or {}
        events: list[StreamEvent] = []
        content = delta.get("content")
        thinking = delta.get("reasoning_content") or delta.get("reasoning")
        if content and not isinstance(content, str):
            content, inner = _text_of(content)
            thinking = thinking or inner
        if thinking and isinstance(thinking, str):
            self._reasoning.append(thinking)
            events.append(ReasoningDelta(thinking))
        self._images += _images_of(delta.get("images"))
        if content:
            self._text.append(content)
            events.append(TextDelta(content))
        events.extend(self._take_call(piece) for piece in delta.get("tool_calls") or ())
        return events

    def _take_call(self, piece: Mapping[str, Any]) -> ToolCallDelta:
        index = self._index_of(piece)
        call = self._calls.setdefault(index, _PartialCall())
        function = piece.get("function") or {}
        arguments = _arguments_text(function.get("arguments"))
        call.id = call.id or str(piece.get("id") or "")
        call.name = call.name or str(function.get("name") or "")
        if arguments:
            call.arguments.append(arguments)
        return ToolCallDelta(index, call.id, call.name, arguments)

    def _index_of(self, piece: Mapping[str, Any]) -> int:
        """Some vendors leave out the index: then a new id, or a new name without id, starts a new call."""
        if isinstance(piece.get("index"), int):
            return int(piece["index"])
        last = max(self._calls, default=-1)
        if last < 0:
            return 0
        known = self._calls[last]
        name = (piece.get("function") or {}).get("name")
        fresh = piece["id"] != known.id if piece.get("id") else bool(name)
        return last + 1 if fresh else last

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._text)

    def finish(self) -> Completed:
        """The whole answer as received so far."""
        calls = tuple(
            ToolCall(call.id or f"call_{index}", call.name, "".join(call.arguments) or "{}")
            for index, call in sorted(self._calls.items())
        )
        text, reasoning = self.text, "".join(self._reasoning)
        return Completed(
            message=ChatMessage("assistant", text, tool_calls=calls, images=tuple(self._images)),
            usage=self._usage or self._estimate(text + reasoning, calls),
            finish_reason=self.finish_reason or ("tool_calls" if calls else "stop"),
            model=self._model,
            reasoning=reasoning,
        )

    def _estimate(self, text: str, calls: Sequence[ToolCall]) -> Usage:
        return estimate_usage(self._request, text + "".join(call.name + call.arguments for call in calls))


def _loads(data: bytes) -> dict[str, Any]:
    try:
        chunk = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise WireError(WireReason.MALFORMED, "The answer contains something that is not JSON.") from None
    if not isinstance(chunk, dict):
        raise WireError(WireReason.MALFORMED, "The answer contains something that is not an object.")
    return chunk


def parse_completion(data: bytes, request: ChatRequest, model: str) -> Completed:
    """A whole, not streamed, answer. Raises `WireError` when it is none."""
    answer = _loads(data)
    if not answer.get("choices") and not answer.get("error"):
        raise WireError(WireReason.MALFORMED, "The answer has no choices.")
    assembler = ChatAssembler(request, model)
    assembler.feed(data)
    return assembler.finish()
