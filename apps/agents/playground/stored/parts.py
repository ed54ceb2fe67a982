"""Content that is a list of typed parts: OpenAI's, Anthropic's blocks, gen_ai's parts, Gemini's, the AI SDK's.

What a part says goes into a `Gathered`: text, calls, results of calls, pictures.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Part = Mapping[str, Any]


@dataclass(slots=True)
class Gathered:
    """What the parts of one message say. results: (id of the call, text)."""

    texts: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    calls: list[dict[str, str]] = field(default_factory=list)
    results: list[tuple[str, str]] = field(default_factory=list)
    images: list[dict[str, str]] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text."""
        return "\n".join(text for text in self.texts if text)


def as_text(value: Any) -> str:
    """A value as a person reads it: text as it is, parts of text joined, anything else as JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if (
        isinstance(value, list)
        and value
        and all(isinstance(part, Mapping) and "type" in part for part in value)
    ):
        gathered = gather(value)
        if gathered.texts:
            return gathered.text
    return json.dumps(value, ensure_ascii=False, default=str)


def gather(content: Any) -> Gathered:
    """The parts of a content that is a text, one part, or a list of them."""
    gathered = Gathered()
    for part in content if isinstance(content, list) else [content]:
        if isinstance(part, str):
            gathered.texts.append(part)
        elif isinstance(part, Mapping):
            _take(part, gathered)
        elif part is not None:
            gathered.texts.append(as_text(part))
    return gathered


def call_of(call_id: Any, name: Any, arguments: Any) -> dict[str, str]:
    """A tool call; arguments that are no text become JSON."""
    text = (
        arguments
        if isinstance(arguments, str)
        else json.dumps(arguments or {}, ensure_ascii=False, default=str)
    )
    return {"id": str(call_id or ""), "name": str(name or ""), "arguments": text or "{}"}


def _take(part: Part, gathered: Gathered) -> None:
    kind = str(part.get("type") or _kind_of(part))
    reader = _READERS.get(kind)
    if reader is not None:
        reader(part, gathered)
    else:
        gathered.texts.append(as_text(dict(part)))


def _kind_of(part: Part) -> str:
    """Gemini's parts have no type; what they hold says it."""
    return next(
        (name for name in ("text", "functionCall", "functionResponse", "inlineData") if name in part), ""
    )


def _text(part: Part, gathered: Gathered) -> None:
    gathered.texts.append(as_text(part.get("text", part.get("content", ""))))


def _thought(part: Part, gathered: Gathered) -> None:
    gathered.reasoning.append(
        as_text(part.get("thinking") or part.get("text") or part.get("content") or part.get("summary"))
    )


def _call(part: Part, gathered: Gathered) -> None:
    inner = part.get("functionCall")
    source = inner if isinstance(inner, Mapping) else part
    given: Any = next((source[name] for name in ("arguments", "input", "args") if name in source), {})
    call_id = (
        source.get("id") or source.get("call_id") or source.get("toolCallId") or source.get("tool_call_id")
    )
    gathered.calls.append(call_of(call_id, source.get("name") or source.get("toolName"), given))


def _result(part: Part, gathered: Gathered) -> None:
    inner = part.get("functionResponse")
    source = inner if isinstance(inner, Mapping) else part
    names = ("response", "result", "output", "content")
    said = next((source[name] for name in names if source.get(name) is not None), "")
    call_id = next(
        (
            source[name]
            for name in ("tool_use_id", "tool_call_id", "toolCallId", "call_id", "id", "name")
            if source.get(name)
        ),
        "",
    )
    gathered.results.append((str(call_id), as_text(said)))


def _image(part: Part, gathered: Gathered) -> None:
    url = _address(part)
    if url:
        gathered.images.append({"url": url})


def _address(part: Part) -> str:
    """Where a picture is, or the picture itself as a ``data:`` address."""
    found = part.get("image_url") or part.get("url") or part.get("uri") or part.get("image")
    if isinstance(found, Mapping):
        found = found.get("url")
    if isinstance(found, str) and found.startswith(("http://", "https://", "data:")):
        return found
    source = part.get("source") or part.get("inlineData") or part
    if not isinstance(source, Mapping):
        return ""
    if isinstance(source.get("url"), str):
        return str(source["url"])
    data = source.get("data") or source.get("content") or (found if isinstance(found, str) else "")
    kind = source.get("media_type") or source.get("mime_type") or source.get("mimeType") or "image/png"
    return (
        f"data:{kind};base64,{data}"
        if isinstance(data, str) and data and str(kind).startswith("image/")
        else ""
    )


_READERS: dict[str, Callable[[Part, Gathered], None]] = {
    **dict.fromkeys(("text", "input_text", "output_text", "refusal"), _text),
    **dict.fromkeys(("thinking", "reasoning", "redacted_thinking"), _thought),
    **dict.fromkeys(
        ("tool_use", "tool_call", "tool-call", "function_call", "functionCall", "server_tool_use"), _call
    ),
    **dict.fromkeys(
        ("tool_result", "tool_call_response", "tool-result", "function_call_output", "functionResponse"),
        _result,
    ),
    **dict.fromkeys(("image", "image_url", "input_image", "inlineData", "blob", "uri"), _image),
}
