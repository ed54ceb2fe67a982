"""What a strategy returns, and the settings it gets."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class ChunkDraft:
    """A passage before it is stored.

    ``start`` and ``end`` are character offsets in ``ParsedDocument.text``; ``text`` is that slice, trimmed,
    with repeated
    table headers or code fences where a block had to be cut. ``headings`` is the path of titles above it,
    outermost first.
    """

    position: int
    text: str
    start: int
    end: int
    page: int | None = None
    headings: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
