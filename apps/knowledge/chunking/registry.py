"""Chunking settings and the strategies by name."""

from collections.abc import Callable, Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from apps.knowledge.chunking.chunk import ChunkDraft
from apps.knowledge.chunking.general import chunk_general
from apps.knowledge.chunking.rows import chunk_rows
from apps.knowledge.parsing.document import ParsedDocument

#: The default stays under the 256 tokens that small embedding models read; the rest of a longer chunk they
#: ignore.
DEFAULT_SIZE = 240
DEFAULT_OVERLAP = 40


class ChunkingSettings(BaseModel):
    """How documents of a base are cut. Sizes are estimated tokens (about 4 English letters or 1.3 Chinese
    characters)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    strategy: Literal["general", "rows"] = "general"
    size: Annotated[int, Field(ge=50, le=4000)] = DEFAULT_SIZE
    overlap: Annotated[int, Field(ge=0, le=1000)] = DEFAULT_OVERLAP
    rows_per_chunk: Annotated[int, Field(ge=1, le=500)] = 1

    @model_validator(mode="after")
    def _overlap_below_half(self) -> "ChunkingSettings":
        if self.overlap > self.size // 2:
            raise ValueError("The overlap can be at most half of the chunk size.")
        return self


Strategy = Callable[[ParsedDocument, ChunkingSettings], list[ChunkDraft]]


def _general(document: ParsedDocument, settings: ChunkingSettings) -> list[ChunkDraft]:
    return chunk_general(document, settings.size, settings.overlap)


def _rows(document: ParsedDocument, settings: ChunkingSettings) -> list[ChunkDraft]:
    return chunk_rows(document, settings.size, settings.rows_per_chunk)


STRATEGIES: Mapping[str, Strategy] = {"general": _general, "rows": _rows}


def chunk(document: ParsedDocument, settings: ChunkingSettings | None = None) -> list[ChunkDraft]:
    """Cut a cleaned document by its base's settings. The same document and settings always give the same
    chunks."""
    chosen = settings or ChunkingSettings()
    return STRATEGIES[chosen.strategy](document, chosen)
