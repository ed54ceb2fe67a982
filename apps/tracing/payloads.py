"""Inputs and outputs of any length, read a piece at a time."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any, Final

from apps.tracing.chat import Chat, read_chat
from apps.tracing.models import Observation, ObservationPayload
from apps.tracing.models.packed import cut, stream, whole

SIDES: Final = ("input", "output")


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of an input or output: where it begins and how many characters there are in all."""

    text: str
    offset: int
    total: int


def read_piece(observation: Observation, *, side: str, offset: int = 0, limit: int) -> Piece:
    """`limit` characters of an input or output from `offset` (0 is the first)."""
    preview = observation.previews[SIDES.index(side)]
    stored = _stored(read_packed(observation), side, offset, limit)
    return stored or Piece(preview[offset : offset + limit], offset, len(preview))


def read_beginnings(observation: Observation, *, limit: int) -> list[Piece]:
    """Input and output, each cut to `limit` characters where it is longer than its preview; one query."""
    packed = read_packed(observation)
    return [
        _stored(packed, side, 0, limit) or Piece(preview, 0, len(preview))
        for side, preview in zip(SIDES, observation.previews, strict=True)
    ]


def _stored(packed: bytes | None, side: str, offset: int, limit: int) -> Piece | None:
    if packed is None:
        return None
    text, total = cut(packed, SIDES.index(side), offset=offset, limit=limit)
    return Piece(text, offset, total) if total else None


def read_texts(observation: Observation) -> tuple[str, str]:
    """All of input and output."""
    texts = ObservationPayload.objects.of(observation).values_list("texts", flat=True).first()
    return whole(texts, observation.previews)


def read_packed(observation: Observation) -> bytes | None:
    """Input and output as they are stored; None where the previews are all of them."""
    found = ObservationPayload.objects.of(observation).packed().first()
    return None if found is None else bytes(found)


def stream_side(observation: Observation, side: str) -> tuple[str, Generator[bytes]]:
    """The beginning of an input or output, and all of it as UTF-8 in steps of bounded size."""
    packed = read_packed(observation)
    steps = stream(packed, SIDES.index(side)) if packed is not None else iter(())
    # an empty text is stored where there is none
    first = next((step for step in steps if step), b"") or observation.previews[SIDES.index(side)].encode()
    return first[:400].decode(errors="ignore"), _joined(first, steps)


def _joined(first: bytes, others: Iterator[bytes]) -> Generator[bytes]:
    yield first
    yield from others


def read_conversation(observation: Observation, side: str) -> Chat | None:
    """The conversation in an input or output; None where there is none or it is too long to be read."""
    return read_chat(read_texts(observation)[SIDES.index(side)])


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
