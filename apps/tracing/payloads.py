"""Inputs and outputs of any length, read a piece at a time."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

from apps.tracing.chat import Chat, read_chat
from apps.tracing.models import Observation, ObservationPayload

SIDES: Final = ("input", "output")
#: Characters of one step of a download.
STREAM_CHARS: Final = 4_000_000


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of an input or output: where it begins and how many characters there are in all."""

    text: str
    offset: int
    total: int


def read_piece(observation: Observation, *, side: str, offset: int = 0, limit: int) -> Piece:
    """`limit` characters of an input or output from `offset` (0 is the first)."""
    text = read_whole(observation, side)
    return Piece(text[offset : offset + limit], offset, len(text))


def read_whole(observation: Observation, side: str) -> str:
    """All of an input or output."""
    payload = ObservationPayload.objects.of(observation).first()
    stored = getattr(payload, side, None)
    return str(getattr(observation, f"{side}_preview") if stored is None else stored)


async def encoded(text: str) -> AsyncIterator[bytes]:
    """A text as UTF-8, in steps of bounded size."""
    for offset in range(0, max(len(text), 1), STREAM_CHARS):
        yield text[offset : offset + STREAM_CHARS].encode()


def read_conversation(observation: Observation, side: str) -> Chat | None:
    """The conversation in an input or output; None where there is none or it is too long to be read."""
    return read_chat(read_whole(observation, side))


def looks_like_json(text: str) -> bool:
    """Whether a text begins as a JSON object or list does."""
    return text[:100].lstrip()[:1] in ("{", "[")


def cut_turns(
    chat: Chat, *, offset: int, limit: int, text_chars: int, url_chars: int
) -> list[dict[str, Any]]:
    """Some turns for a page: longer texts are cut, with their `length`; longer `data:` addresses left out."""
    turns = [turn.as_dict() for turn in chat.turns[offset : offset + limit]]
    for turn in turns:
        for part in turn["parts"]:
            text, url = part.get("text", ""), part.get("url", "")
            if len(text) > text_chars:
                part |= {"text": text[:text_chars], "length": len(text)}
            if len(url) > url_chars:
                part["url"] = ""
                part["length"] = len(url)
    return turns
