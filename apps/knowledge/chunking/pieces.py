"""Cutting a block that is larger than a chunk, at the least harmful places."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from apps.knowledge.chunking.blocks import Block, BlockKind
from apps.knowledge.chunking.tokens import estimate_tokens

_SENTENCE_END = re.compile(r"[。！？；…]+[\"”’」』）)]*|[.!?;]+[\"”’)]*(?=\s)|\n")
_WORD_END = re.compile(r"\s+|[，、,：:]+")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a block that is not cut further. ``before`` and ``after`` are repeated in the chunk around
    its text
    (a table's header, a code fence); ``solid`` pieces are never used as overlap."""

    block: Block
    start: int
    end: int
    tokens: float
    before: str = ""
    after: str = ""
    solid: bool = False


def pieces_of(block: Block, text: str, limit: float) -> Iterator[Piece]:
    """The block as one piece when it fits the limit (tokens), else in parts that do."""
    tokens = estimate_tokens(text[block.start : block.end])
    if tokens <= limit:
        yield Piece(block, block.start, block.end, tokens, solid=block.kind is not BlockKind.PARAGRAPH)
    elif block.kind is BlockKind.TABLE:
        yield from _table_pieces(block, text, limit)
    elif block.kind is BlockKind.CODE:
        yield from _code_pieces(block, text, limit)
    else:
        yield from _prose_pieces(block, text, block.start, block.end, limit)


def sentence_starts(text: str, start: int, end: int) -> list[int]:
    """Offsets at which sentences of a stretch begin, the first being ``start``."""
    starts = [start]
    for match in _SENTENCE_END.finditer(text, start, end):
        position = _skip_space(text, match.end(), end)
        if position < end:
            starts.append(position)
    return starts


def _table_pieces(block: Block, text: str, limit: float) -> Iterator[Piece]:
    lines = text[block.start : block.end].split("\n")
    header = "\n".join(lines[:2])
    room = limit - estimate_tokens(header) - 1
    offset = block.start + len(header) + 1
    # A header as large as a chunk can't be repeated: the table is then cut like prose.
    if room < limit / 2 or len(lines) < 3:
        yield from _prose_pieces(block, text, block.start, block.end, limit)
        return
    first = True
    for start, end, tokens in _line_groups(text, offset, block.end, room):
        # A row larger than a chunk has to be cut inside.
        if tokens > room:
            yield from _prose_pieces(block, text, block.start if first else start, end, limit)
        elif first:
            yield Piece(block, block.start, end, tokens + estimate_tokens(header), solid=True)
        else:
            yield Piece(
                block, start, end, tokens + estimate_tokens(header) + 1, before=header + "\n", solid=True
            )
        first = False


def _code_pieces(block: Block, text: str, limit: float) -> Iterator[Piece]:
    opening = text[block.start : block.end].split("\n", 1)[0]
    fence = opening.strip()[:3]
    overhead = estimate_tokens(f"{opening}\n\n{fence}")
    room = limit - overhead
    if room < limit / 2:
        yield from _prose_pieces(block, text, block.start, block.end, limit)
        return
    for start, end, tokens in _line_groups(text, block.start, block.end, room):
        if tokens > room:
            yield from _prose_pieces(block, text, start, end, limit)
            continue
        before = "" if start == block.start else f"{opening}\n"
        after = "" if end == block.end else f"\n{fence}"
        yield Piece(block, start, end, tokens + overhead, before, after, solid=True)


def _line_groups(text: str, start: int, end: int, limit: float) -> Iterator[tuple[int, int, float]]:
    """Runs of whole lines up to the limit: (start, end, tokens); a single longer line comes alone."""
    group_start, group_end, total = start, start, 0.0
    position = start
    while position < end:
        line_end = text.find("\n", position, end)
        line_end = end if line_end < 0 else line_end
        tokens = estimate_tokens(text[position : line_end + 1])
        if total and total + tokens > limit:
            yield group_start, group_end, total
            group_start, total = position, 0.0
        group_end, total = line_end, total + tokens
        position = line_end + 1
    if total:
        yield group_start, group_end, total


def _prose_pieces(block: Block, text: str, start: int, end: int, limit: float) -> Iterator[Piece]:
    starts = sentence_starts(text, start, end)
    for first, after in zip(starts, [*starts[1:], end], strict=True):
        for cut_start, cut_end in _cut_long(text, first, after, limit):
            tokens = estimate_tokens(text[cut_start:cut_end])
            yield Piece(block, cut_start, cut_end, tokens)


def _cut_long(text: str, start: int, end: int, limit: float) -> Iterator[tuple[int, int]]:
    """A sentence longer than the limit, cut at commas and spaces, or anywhere when it has none."""
    while estimate_tokens(text[start:end]) > limit:
        longest = _longest_prefix(text, start, end, limit)
        breaks = [match.end() for match in _WORD_END.finditer(text, start, longest)]
        # A break in the first half would leave a crumb; then cut where the limit is.
        cut = breaks[-1] if breaks and breaks[-1] > start + (longest - start) // 2 else longest
        yield start, cut
        start = cut
    if start < end:
        yield start, end


def _longest_prefix(text: str, start: int, end: int, limit: float) -> int:
    """Largest offset up to which the text stays within the limit, at least one character on."""
    low, high = start + 1, min(end, start + int(limit * 6) + 1)
    while low < high:
        middle = (low + high + 1) // 2
        if estimate_tokens(text[start:middle]) <= limit:
            low = middle
        else:
            high = middle - 1
    return low


def _skip_space(text: str, position: int, end: int) -> int:
    while position < end and text[position].isspace():
        position += 1
    return position
