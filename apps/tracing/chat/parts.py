"""Parts of messages: what OpenAI, Anthropic, Google, Bedrock, OpenTelemetry, LangChain and the AI SDK call them."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from apps.tracing.chat.turn import Part, PartKind
from apps.tracing.chat.values import as_text, clean
from apps.tracing.ids import MEDIA_REFERENCE

Json = dict[str, Any]
Reader = Callable[[Json], "Part | None"]


def read_parts(content: object) -> list[Part]:
    """The parts of a message's content: a text, a part, or a list of them."""
    if content is None or content == "":
        return []
    items = content if isinstance(content, list) else [content]
    return [part for item in items for part in _read_item(item)]


def tool_call(call: object) -> Part | None:
    """A tool call as OpenAI writes it (`function` inside or not), LangChain (`args`) or OpenInference."""
    if not isinstance(call, dict):
        return None if call is None else Part(PartKind.DATA, as_text(call))
    inner = _within(call, "tool_call")
    function = _within(inner, "function")
    arguments = _first(function, "arguments", "args", "input", "parameters")
    call_id = _first(inner, "id", "call_id", "toolCallId", "tool_call_id", "toolUseId")
    name = _first(function, "name", "toolName", "tool_name")
    return Part(PartKind.TOOL_CALL, as_text(arguments), id=as_text(call_id), name=as_text(name))


def tool_result(found: Json) -> list[Part]:
    """A tool's answer, whoever calls it what; pictures in it stand beside it."""
    result = _first(found, "result", "response", "output", "content", "json")
    inner = read_parts(result) if isinstance(result, list) else []
    shown = [part for part in inner if part.kind is PartKind.TEXT]
    beside = [part for part in inner if part.kind in (PartKind.IMAGE, PartKind.FILE, PartKind.AUDIO)]
    plain = bool(inner) and len(shown) + len(beside) == len(inner)
    text = "\n".join(part.text for part in shown) if plain else as_text(_unwrapped(result))
    call_id = _first(found, "id", "call_id", "tool_call_id", "tool_use_id", "toolCallId", "toolUseId")
    name = _first(found, "name", "tool_name", "toolName")
    failed = bool(found.get("is_error") or found.get("isError")) or found.get("status") == "error"
    return [
        Part(PartKind.TOOL_RESULT, text, id=as_text(call_id), name=as_text(name), error=failed),
        *(beside if plain else []),
    ]


def _unwrapped(result: object) -> object:
    """The AI SDK wraps results as {"type": "json", "value": …}."""
    if isinstance(result, dict) and set(result) == {"type", "value"}:
        return result["value"]
    return result


def _read_item(item: object) -> Iterable[Part]:
    if isinstance(item, str):
        return [Part(PartKind.TEXT, clean(item))] if item else []
    if not isinstance(item, dict):
        return [] if item is None else [Part(PartKind.DATA, as_text(item))]
    kind = str(item.get("type") or item.get("part_kind") or "").replace("-", "_")
    if kind in _RESULTS:
        return tool_result(item)
    reader = _BY_TYPE.get(kind)
    if reader is None:
        return _by_key(item)
    part = reader(item)
    return [Part(PartKind.DATA, as_text(item)) if part is None else part]


def _by_key(item: Json) -> list[Part]:
    """Google's and Bedrock's parts have no type: the key says what they are."""
    for key, reader in _BY_KEY.items():
        if key in item:
            inner = item[key]
            if key in _RESULT_KEYS and isinstance(inner, dict):
                return tool_result(inner)
            if item.get("thought") is True and isinstance(inner, str):
                return [Part(PartKind.REASONING, clean(inner))]
            part = reader(inner if isinstance(inner, dict) else item)
            return [Part(PartKind.DATA, as_text(item)) if part is None else part]
    text = item.get("content")
    if isinstance(text, str):
        return [Part(PartKind.TEXT, clean(text))]
    return [Part(PartKind.DATA, as_text(item))]


def _first(found: Json, *names: str) -> Any:
    return next((found[name] for name in names if found.get(name) is not None), None)


def _within(found: Json, *names: str) -> Json:
    """The object that a wrapper holds under one of these names, or the wrapper itself."""
    return next((inner for name in names if isinstance(inner := found.get(name), dict)), found)


def _text(item: Json) -> Part | None:
    text = _first(item, "text", "content", "refusal")
    if isinstance(text, dict):  # the Assistants API: {"value": …, "annotations": …}
        text = text.get("value")
    return Part(PartKind.TEXT, clean(text)) if isinstance(text, str) else None


def _reasoning(item: Json) -> Part | None:
    text = _first(item, "thinking", "reasoning", "text", "content", "summary", "reasoningText", "data")
    if isinstance(text, dict):
        text = text.get("text")
    if isinstance(text, list):
        text = "\n\n".join(part.text for part in read_parts(text))
    return Part(PartKind.REASONING, clean(text)) if isinstance(text, str) else None


def _image(item: Json) -> Part | None:
    return _medium(PartKind.IMAGE, item, "image/png")


def _audio(item: Json) -> Part | None:
    inner = _within(item, "input_audio", "audio")
    kind = as_text(_first(inner, "format"))
    url = _data_url(f"audio/{kind}" if kind else "audio/wav", inner.get("data"))
    media_type = f"audio/{kind}" if kind else as_text(_mime(inner))
    return Part(PartKind.AUDIO, as_text(inner.get("transcript")), url=url, media_type=media_type)


def _file(item: Json) -> Part | None:
    inner = _within(item, "file")
    media_type = as_text(_mime(inner))
    if media_type.startswith("image/"):
        return _medium(PartKind.IMAGE, inner, media_type)
    name = _first(inner, "filename", "name", "title", "file_id", "fileUri", "file_uri", "uri")
    return Part(PartKind.FILE, name=as_text(name), media_type=media_type, url=_address(inner, media_type))


def _medium(kind: PartKind, item: Json, default: str) -> Part:
    """A picture by address or as base64, in any of the spellings; one without either is only named."""
    inner = _first(item, "image_url", "source", "image", "inline_data", "inlineData")
    media_type = as_text(_mime(inner) or _mime(item)) or default
    url = _address(inner, media_type) or _address(item, media_type)
    name = as_text(_first(item, "file_id", "name"))
    return Part(kind, url=url, media_type=media_type, name=name)


def _mime(item: object) -> Any:
    if not isinstance(item, dict):
        return None
    found = _first(item, "media_type", "mime_type", "mimeType", "mediaType", "content_type")
    return found or (f"image/{item['format']}" if isinstance(item.get("format"), str) else None)


def _address(item: object, media_type: str) -> str:
    """An http(s) or data: address, or a reference to a kept file; base64 becomes a data: address.

    Others (file:, javascript:) are dropped.
    """
    if isinstance(item, str):
        text = clean(item)
        return text if _allowed(text) else _data_url(media_type, item)
    if not isinstance(item, dict):
        return ""
    for name in ("url", "uri", "fileUri", "file_uri", "image_url", "image"):
        value = item.get(name)
        if isinstance(value, str) and _allowed(value):
            return clean(value)
        if isinstance(value, dict) and name in ("image_url", "image"):
            return _address(value, media_type)
    source = item.get("source")
    if isinstance(source, dict):
        return _address(source, media_type)
    return _data_url(media_type, _first(item, "data", "bytes", "file_data", "base64", "content"))


def _allowed(text: str) -> bool:
    return (
        text.lower().startswith(("https://", "http://", "data:"))
        or MEDIA_REFERENCE.fullmatch(text) is not None
    )


def _data_url(media_type: str, data: object) -> str:
    if not isinstance(data, str) or len(data) < 16:
        return ""
    return data if data.startswith("data:") else f"data:{media_type};base64,{data}"


_RESULTS: Final = frozenset(
    {"tool_result", "tool_call_response", "function_call_output", "function_response", "tool_return"}
    | {"web_search_tool_result", "mcp_tool_result", "code_execution_tool_result", "custom_tool_call_output"}
)
_RESULT_KEYS: Final = frozenset({"functionResponse", "function_response", "toolResult"})
_BY_TYPE: Final[dict[str, Reader]] = {
    **dict.fromkeys(("text", "input_text", "output_text", "refusal", "user_prompt", "system_prompt"), _text),
    **dict.fromkeys(
        ("reasoning", "thinking", "redacted_thinking", "reasoning_text", "summary_text"), _reasoning
    ),
    **dict.fromkeys(
        (
            "tool_call",
            "tool_use",
            "function_call",
            "function",
            "server_tool_use",
            "mcp_tool_use",
            "custom_tool_call",
        ),
        tool_call,
    ),
    **dict.fromkeys(("image", "image_url", "input_image", "media"), _image),
    **dict.fromkeys(("audio", "input_audio", "output_audio"), _audio),
    **dict.fromkeys(("file", "document", "input_file", "blob", "uri"), _file),
}
_BY_KEY: Final[dict[str, Reader]] = {
    "text": _text,
    "functionCall": tool_call,
    "function_call": tool_call,
    "toolUse": tool_call,
    "functionResponse": lambda _item: None,
    "function_response": lambda _item: None,
    "toolResult": lambda _item: None,
    "inlineData": _file,
    "inline_data": _file,
    "fileData": _file,
    "file_data": _file,
    "image": _image,
    "image_url": _image,
    "reasoningContent": _reasoning,
}
