"""What retrieval returns."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Hit:
    """A found passage.

    ``score`` is final, 0..1. ``vector_score`` is the cosine similarity, ``text_score`` the BM25 score, each
    None when its
    side did not take part; ranks count from 1 within the candidates. ``rerank_score`` is the reranker's own
    number.
    """

    chunk_id: UUID
    document_id: UUID
    document_name: str
    base_id: UUID
    position: int
    text: str
    score: float
    vector_score: float | None = None
    text_score: float | None = None
    vector_rank: int | None = None
    text_rank: int | None = None
    rerank_score: float | None = None
    page: int | None = None
    headings: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**asdict(self), "chunk_id": str(self.chunk_id), "document_id": str(self.document_id)} | {
            "base_id": str(self.base_id),
            "headings": list(self.headings),
        }


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Hits, best first. ``mode`` is what was done, which ``notices`` explain where it is not what was asked.

    ``timings`` are milliseconds per stage: embed, search, rank, rerank, total.
    """

    hits: list[Hit]
    mode: str
    notices: list[str] = field(default_factory=list)
    timings: dict[str, float] = field(default_factory=dict)
