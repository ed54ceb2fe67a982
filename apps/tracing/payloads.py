"""Inputs and outputs of any length, read a piece at a time."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.db.models.functions import Length, Substr

from apps.tracing.chat import Chat, read_chat
from apps.tracing.models import Observation, ObservationPayload

SIDES: Final = ("input", "output")
#: Characters that a download reads at once: its memory, and how often the database unpacks the value.
STREAM_CHARS: Final = 4_000_000
#: A longer value is not read as a conversation.
MAX_CHAT_CHARS: Final = 32_000_000


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of an input or output: where it begins and how many characters there are in all."""

    text: str
    offset: int
    total: int


def read_piece(observation: Observation, *, side: str, offset: int = 0, limit: int) -> Piece:
    """`limit` characters of an input or output from `offset` (0 is the first), cut by the database."""
    row = (
        ObservationPayload.objects.of(observation)
        .annotate(text=Substr(side, offset + 1, limit), total=Length(side))
        .values("text", "total")
        .first()
    )
    if row is None or row["total"] is None:
        preview = str(getattr(observation, f"{side}_preview"))
        return Piece(preview[offset : offset + limit], offset, len(preview))
    return Piece(row["text"], offset, row["total"])


async def stream(observation: Observation, side: str) -> AsyncIterator[bytes]:
    """All of an input or output as UTF-8, in steps of bounded size."""
    offset = 0
    while True:
        piece = await sync_to_async(read_piece)(observation, side=side, offset=offset, limit=STREAM_CHARS)
        yield piece.text.encode()
        offset += len(piece.text)
        if offset >= piece.total or not piece.text:
            return


def read_conversation(observation: Observation, side: str) -> Chat | None:
    """The conversation in an input or output; None where there is none or it is too long to be read."""
    piece = read_piece(observation, side=side, limit=MAX_CHAT_CHARS)
    return read_chat(piece.text) if len(piece.text) == piece.total else None


def looks_like_json(observation: Observation, side: str) -> bool:
    """Whether an input or output begins as a JSON object or list does."""
    return read_piece(observation, side=side, limit=100).text.lstrip()[:1] in ("{", "[")


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
