"""The general strategy: as much as fits, cut at headings and block borders, with some overlap in running
text."""

from collections.abc import Iterator, Sequence

from apps.knowledge.chunking.blocks import BlockKind, blocks_of
from apps.knowledge.chunking.chunk import ChunkDraft
from apps.knowledge.chunking.pieces import Piece, pieces_of, sentence_starts
from apps.knowledge.chunking.tokens import estimate_tokens
from apps.knowledge.parsing.document import ParsedDocument

#: A heading starts a new chunk once the current one is this full; smaller sections share a chunk.
_HEADING_BREAK = 0.3


def chunk_general(document: ParsedDocument, size: int, overlap: int) -> list[ChunkDraft]:
    """Chunks of at most ``size`` estimated tokens, sharing up to ``overlap`` tokens with the one before."""
    text = document.text
    pieces = [piece for block in blocks_of(document) for piece in pieces_of(block, text, size)]
    drafts: list[ChunkDraft] = []
    previous: list[Piece] = []
    for group in _groups(pieces, size, overlap):
        start = _overlap_start(previous, group, text, size, overlap)
        body = _render(group, text, start)
        if body:
            drafts.append(_draft(len(drafts), body, start, group))
        previous = group
    return drafts


def _groups(pieces: Sequence[Piece], size: int, overlap: int) -> Iterator[list[Piece]]:
    """Pieces that go into one chunk, leaving room for the overlap."""
    group: list[Piece] = []
    total = 0.0
    for number, piece in enumerate(pieces):
        room = size - (overlap if group and not group[0].solid else 0)
        if group and (_breaks(group, piece, total, size) or total + piece.tokens + 1 > max(room, size / 2)):
            tail = _dangling_headings(group)
            yield group[: len(group) - len(tail)] if len(tail) < len(group) else group
            group = tail if len(tail) < len(group) else []
            total = sum(part.tokens + 1 for part in group)
            if group and total + piece.tokens + 1 > size:
                yield group
                group, total = [], 0.0
        group.append(piece)
        total += piece.tokens + 1
        if number == len(pieces) - 1:
            yield group


def _breaks(group: Sequence[Piece], piece: Piece, total: float, size: int) -> bool:
    """Whether a piece must start a new chunk: a heading when there is enough before it, pieces with a
    repeated header."""
    if piece.before or group[-1].after:
        return True
    if piece.block.kind is not BlockKind.HEADING or all(
        part.block.kind is BlockKind.HEADING for part in group
    ):
        return False
    return total >= _HEADING_BREAK * size or piece.block.level <= 1


def _dangling_headings(group: Sequence[Piece]) -> list[Piece]:
    """Headings at the end of a chunk belong to what follows."""
    count = 0
    while count < len(group) and group[-1 - count].block.kind is BlockKind.HEADING:
        count += 1
    return list(group[len(group) - count :])


def _overlap_start(
    previous: Sequence[Piece], group: Sequence[Piece], text: str, size: int, overlap: int
) -> int:
    """Where the chunk begins: at its first piece, or some sentences earlier when both are running text of one
    section."""
    start = group[0].start
    if not previous or overlap <= 0 or group[0].block.kind is not BlockKind.PARAGRAPH or group[0].before:
        return start
    room = min(overlap, size - sum(part.tokens + 1 for part in group))
    best = start
    for piece in reversed(previous):
        if piece.solid or piece.after or piece.block.headings != group[0].block.headings:
            break
        for candidate in reversed(sentence_starts(text, piece.start, piece.end)):
            if estimate_tokens(text[candidate:start]) > room:
                return best
            best = candidate
    # Never a whole chunk again.
    return best if best > previous[0].start else start


def _render(group: Sequence[Piece], text: str, start: int) -> str:
    body = text[start : group[-1].end].strip()
    return f"{group[0].before}{body}{group[-1].after}".strip() if body else ""


def _draft(position: int, body: str, start: int, group: Sequence[Piece]) -> ChunkDraft:
    first = next((part for part in group if part.block.kind is not BlockKind.HEADING), group[0])
    return ChunkDraft(position, body, start, group[-1].end, group[0].block.page, first.block.headings)
