"""The messages that a node sends to a model."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, cast

import orjson

from apps.agents.runtime.citations import cited
from apps.agents.runtime.ports import Passage
from apps.agents.runtime.prompt import fit_history, numbered, system_prompt
from apps.agents.runtime.spec import Turn
from apps.providers.wire import ChatMessage, ContextPassage, Image, Role, ToolCall
from apps.providers.wire.usage import estimate_tokens
from apps.workflows.engine.errors import NodeError
from apps.workflows.engine.node import NodeContext
from apps.workflows.nodes.support.models import Memory, Vision
from apps.workflows.nodes.support.ports import need

#: Where the passages go in a prompt that says so itself; otherwise they end the instructions.
CONTEXT_MARK: Final = "<<context>>"
#: Where the history goes in a prompt of one text; otherwise it stands before it.
HISTORY_MARK: Final = "<<history>>"
MAX_IMAGE_BYTES: Final = 20 * 1024 * 1024

_DEFAULT_WINDOW: Final = 8_192
#: Share of the context window that prompt and history may fill; the rest is for the answer.
_PROMPT_SHARE: Final = 0.7
_IMAGE_SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp")


def passages_of(value: Any) -> list[Passage]:
    """Passages from what a knowledge node gives (or a list of texts, or one text)."""
    items = value if isinstance(value, list) else [value]
    found: list[Passage] = []
    for number, item in enumerate(items, 1):
        if isinstance(item, Mapping):
            metadata = _object(item.get("metadata"))
            text = str(item.get("content") or item.get("text") or "")
            found.append(
                Passage(
                    id=str(metadata.get("chunk_id") or item.get("id") or number),
                    text=text,
                    title=str(item.get("title") or metadata.get("document_name") or ""),
                    document_id=str(metadata.get("document_id") or ""),
                    score=float(item.get("score") or metadata.get("score") or 0.0),
                    position=int(metadata.get("position") or 0),
                )
            )
        elif item not in (None, ""):
            found.append(Passage(id=str(number), text=str(item), title=""))
    return [passage for passage in found if passage.text.strip()]


def with_context(messages: Sequence[ChatMessage], passages: Sequence[Passage] | None) -> list[ChatMessage]:
    """The messages with the passages where the mark is, else at the end of the instructions. None: no context."""
    if passages is None:
        return list(messages)
    if any(CONTEXT_MARK in message.content for message in messages):
        block = numbered(passages)
        return [replace(m, content=m.content.replace(CONTEXT_MARK, block)) for m in messages]
    if messages and messages[0].role == "system":
        first = replace(messages[0], content=system_prompt(messages[0].content, passages))
        return [first, *messages[1:]]
    return [ChatMessage("system", system_prompt("", passages)), *messages]


def context_of(passages: Sequence[Passage] | None) -> list[ContextPassage]:
    """The passages for models that quote instead of writing."""
    return [ContextPassage(id=p.id, text=p.text, title=p.title) for p in passages or ()]


def citations(text: str, passages: Sequence[Passage] | None) -> list[dict[str, Any]]:
    """The passages that an answer cites by number, as an output; all of them when it cites none."""
    return [
        {
            "n": citation.n,
            "cited": citation.cited,
            "content": citation.passage.text,
            "title": citation.passage.title,
            "chunk_id": citation.passage.id,
            "document_id": citation.passage.document_id,
            "document_name": citation.passage.title,
            "position": citation.passage.position,
            "score": citation.passage.score,
        }
        for citation in (cited(text, passages) if passages and text else [])
    ]


async def history_of(ctx: NodeContext, memory: Memory | None) -> list[Turn]:
    """What was said before; nothing outside a conversation."""
    if memory is None:
        return []
    port = need(ctx.ports.conversation, "The memory of a conversation")
    rows = await port.history(rounds=memory.rounds)
    return [Turn("assistant" if row["role"] == "assistant" else "user", row["content"]) for row in rows]


def with_history(
    messages: Sequence[ChatMessage], turns: Sequence[Turn], *, context_window: int
) -> list[ChatMessage]:
    """History that fits between the instructions and the last user message."""
    place = next((i for i in range(len(messages) - 1, -1, -1) if messages[i].role == "user"), len(messages))
    kept = fit_history(turns, len(turns), room_for_history(messages, context_window))
    said = [ChatMessage(turn.role, turn.content) for turn in kept]
    return [*messages[:place], *said, *messages[place:]]


def room_for_history(messages: Sequence[ChatMessage], context_window: int) -> int:
    """Tokens left for the history."""
    window = context_window or _DEFAULT_WINDOW
    return max(0, int(window * _PROMPT_SHARE) - sum(estimate_tokens(m.content) + 4 for m in messages))


def history_as_text(turns: Sequence[Turn], memory: Memory) -> str:
    """The history for prompts of one text, each turn with the name of who speaks."""
    names = {"user": memory.user_prefix, "assistant": memory.assistant_prefix}
    return "\n".join(f"{names[turn.role]}: {turn.content}" for turn in turns)


def question_for(ctx: NodeContext, memory: Memory, messages: Sequence[ChatMessage]) -> str:
    """What to ask after the history: "" when the prompt's own last message asks."""
    if memory.query:
        return memory.query
    if any(message.role == "user" for message in messages):
        return ""
    return str(ctx.lookup("$.sys.query") or "")


async def images_of(ctx: NodeContext, vision: Vision | None) -> tuple[Image, ...]:
    """The pictures to show. Raises NodeError for what is no picture, or too many."""
    if vision is None or vision.files in (None, "", []):
        return ()
    files = vision.files if isinstance(vision.files, list) else [vision.files]
    files = [file for file in files if file not in (None, "")]
    if len(files) > vision.max_images:
        raise NodeError(
            f"There are {len(files)} pictures; {vision.max_images} are allowed.", code="too_many_images"
        )
    return tuple([Image(await _image_url(ctx, file), vision.detail) for file in files])


async def _image_url(ctx: NodeContext, file: Any) -> str:
    if isinstance(file, str):
        if file.startswith(("https://", "http://", "data:image/")):
            return file
        raise NodeError(f"“{file[:60]}” is no picture: give a file or an address.", code="no_image")
    if not isinstance(file, Mapping):
        raise NodeError("A picture is a file or an address.", code="no_image")
    kind = str(file.get("content_type") or "")
    name = str(file.get("name") or "file")
    if not kind.startswith("image/") and not name.lower().endswith(_IMAGE_SUFFIXES):
        raise NodeError(f"“{name}” is no picture but {kind or 'of an unknown type'}.", code="no_image")
    url = str(file.get("url") or "")
    if not file.get("id") and url.startswith(("https://", "http://")):
        return url
    content = await need(ctx.ports.files, "Files").read(file)
    if len(content) > MAX_IMAGE_BYTES:
        raise NodeError(f"“{name}” is larger than 20 MB.", code="file_too_large")
    return f"data:{kind or 'image/png'};base64,{base64.b64encode(content).decode()}"


def with_images(messages: Sequence[ChatMessage], images: tuple[Image, ...]) -> list[ChatMessage]:
    """The pictures with the last user message, or in one of their own."""
    if not images:
        return list(messages)
    shown = list(messages)
    for index in range(len(shown) - 1, -1, -1):
        if shown[index].role == "user":
            shown[index] = replace(shown[index], images=images)
            return shown
    return [*shown, ChatMessage("user", "", images=images)]


def further_messages(raw: Sequence[Any]) -> list[ChatMessage]:
    """Messages given as data, in OpenAI's form: tool calls and what they gave. Raises NodeError."""
    found = []
    for number, item in enumerate(raw, 1):
        role = item.get("role") if isinstance(item, Mapping) else None
        if role not in ("system", "user", "assistant", "tool"):
            raise NodeError(f"Message {number} has no role that a model knows.", code="bad_message")
        found.append(
            ChatMessage(
                cast("Role", role),
                _content(item.get("content")),
                tool_calls=tuple(_call(call) for call in item.get("tool_calls") or ()),
                tool_call_id=str(item["tool_call_id"]) if item.get("tool_call_id") else None,
            )
        )
    return found


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _content(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return orjson.dumps(value, default=str).decode()


def _call(call: Mapping[str, Any]) -> ToolCall:
    function = _object(call.get("function")) or call
    arguments = function.get("arguments", "{}")
    return ToolCall(
        str(call.get("id") or ""),
        str(function.get("name") or ""),
        arguments if isinstance(arguments, str) else _content(arguments),
    )
