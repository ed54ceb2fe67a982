"""What processes tell each other about streams through NOTIFY: signals, never data (the rows are the data).

Two kinds of payload on one channel, both far below PostgreSQL's limit of 8,000 bytes:

- ``=<origin> <stream>:<seq> <stream>:<seq> …``: these streams now reach up to these sequence numbers;
- ``!<stream> <name>``: a command for whoever runs this stream (``stop``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple
from uuid import UUID

CHANNEL: Final = "core_streams"

#: PostgreSQL refuses payloads of 8,000 bytes and more.
_PAYLOAD_LIMIT: Final = 7_900


class Progress(NamedTuple):
    """Streams of one writer and the last committed `seq` of each."""

    origin: str
    heads: dict[UUID, int]


class Command(NamedTuple):
    """A word for whoever runs the stream."""

    stream_id: UUID
    name: str


def encode_progress(origin: str, heads: Iterable[tuple[UUID, int]]) -> list[str]:
    """Payloads saying how far each stream has come, as many as the size limit asks for."""
    payloads: list[str] = []
    parts = [f"={origin}"]
    size = len(parts[0])
    for stream_id, seq in heads:
        part = f"{stream_id.hex}:{seq}"
        if size + len(part) + 1 > _PAYLOAD_LIMIT:
            payloads.append(" ".join(parts))
            parts, size = [f"={origin}"], len(origin) + 1
        parts.append(part)
        size += len(part) + 1
    payloads.append(" ".join(parts))
    return payloads


def encode_command(stream_id: UUID, name: str) -> str:
    """Payload of a command, see `Command`."""
    return f"!{stream_id.hex} {name}"


def decode(payload: str) -> Progress | Command | None:
    """The signal in a payload; None for one that isn't ours."""
    try:
        if payload.startswith("!"):
            stream, name = payload[1:].split(" ", 1)
            return Command(UUID(stream), name)
        if payload.startswith("="):
            origin, *parts = payload[1:].split(" ")
            return Progress(origin, dict(_heads(parts)))
    except ValueError:
        return None
    return None


def _heads(parts: Iterable[str]) -> Iterator[tuple[UUID, int]]:
    for part in parts:
        stream, seq = part.split(":")
        yield UUID(stream), int(seq)
