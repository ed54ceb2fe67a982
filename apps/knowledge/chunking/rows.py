"""The table strategy: a fixed number of records per chunk, for CSV files where each row is an answer of its
own."""

from apps.knowledge.chunking.blocks import BlockKind, blocks_of
from apps.knowledge.chunking.chunk import ChunkDraft
from apps.knowledge.chunking.general import chunk_general
from apps.knowledge.chunking.pieces import pieces_of
from apps.knowledge.chunking.tokens import estimate_tokens
from apps.knowledge.parsing.document import ParsedDocument


def chunk_rows(document: ParsedDocument, size: int, rows_per_chunk: int) -> list[ChunkDraft]:
    """``rows_per_chunk`` records in each chunk; a record over ``size`` tokens is cut. Other text is cut
    generally."""
    text = document.text
    blocks = list(blocks_of(document))
    if any(block.kind is not BlockKind.RECORD for block in blocks):
        return chunk_general(document, size, 0)
    drafts: list[ChunkDraft] = []
    for number in range(0, len(blocks), rows_per_chunk):
        group = blocks[number : number + rows_per_chunk]
        spans = [(group[0].start, group[-1].end)]
        if estimate_tokens(text[group[0].start : group[-1].end]) > size:
            spans = [(piece.start, piece.end) for block in group for piece in pieces_of(block, text, size)]
        for start, end in spans:
            metadata = {"row": number + 1}
            drafts.append(ChunkDraft(len(drafts), text[start:end].strip(), start, end, metadata=metadata))
    return drafts
