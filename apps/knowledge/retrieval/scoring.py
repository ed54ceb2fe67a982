"""From candidates to ranked hits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from apps.knowledge.ranking import (
    CorpusStatistics,
    bm25_score,
    convex_fusion,
    min_max,
    reciprocal_rank_fusion,
)
from apps.knowledge.ranking.bm25 import K1
from apps.knowledge.retrieval.plan import Plan
from apps.knowledge.retrieval.results import Hit
from apps.knowledge.retrieval.search import Candidate, Candidates

Scores = dict[UUID, float]


def score(plan: Plan, candidates: Candidates) -> list[Hit]:
    """All candidates as hits, best first; threshold and top-k come after reranking."""
    text = _text_scores(plan, candidates) if plan.uses_text else {}
    vector = {row.chunk_id: float(row.similarity) for row in candidates.rows if row.similarity is not None}
    final = _final_scores(plan, candidates, vector, text)
    vector_ranks, text_ranks = _ranks(vector), _ranks(text)
    hits = [
        Hit(
            chunk_id=row.chunk_id,
            document_id=row.document_id,
            document_name=row.document_name,
            base_id=row.base_id,
            position=row.position,
            text=row.text,
            score=final[row.chunk_id],
            vector_score=vector.get(row.chunk_id),
            text_score=text.get(row.chunk_id),
            vector_rank=vector_ranks.get(row.chunk_id),
            text_rank=text_ranks.get(row.chunk_id),
            page=row.page,
            headings=tuple(row.headings),
            metadata=row.metadata,
        )
        for row in candidates.rows
        if row.chunk_id in final
    ]
    # Equal scores keep the order of the documents, so that the same query gives the same answer.
    return sorted(hits, key=lambda hit: (-hit.score, str(hit.document_id), hit.position))


def _text_scores(plan: Plan, candidates: Candidates) -> Scores:
    statistics = _statistics(candidates)
    scores = {row.chunk_id: bm25_score(plan.terms, row.terms.split(), statistics) for row in candidates.rows}
    return {key: value for key, value in scores.items() if value > 0}


def _statistics(candidates: Candidates) -> CorpusStatistics:
    return CorpusStatistics(candidates.chunk_count, candidates.average_length, candidates.document_frequency)


def _final_scores(plan: Plan, candidates: Candidates, vector: Scores, text: Scores) -> Scores:
    """0..1. One side alone keeps an absolute scale, which a threshold can use; a fusion is relative to the
    best."""
    if plan.mode == "vector":
        return {key: min(max(value, 0.0), 1.0) for key, value in vector.items()}
    if plan.mode == "full_text":
        ideal = _ideal_text_score(plan, candidates)
        return {key: min(value / ideal, 1.0) for key, value in text.items()} if ideal else {}
    if plan.settings.fusion == "reciprocal_rank":
        return reciprocal_rank_fusion([_order(vector), _order(text)])
    return convex_fusion(_comparable(candidates.rows, vector), text, plan.settings.alpha)


def _ideal_text_score(plan: Plan, candidates: Candidates) -> float:
    """The BM25 score of a passage that is full of every term of the query: what a perfect match tends to."""
    statistics = _statistics(candidates)
    return sum(weight * statistics.idf(term) * (K1 + 1) for term, weight in plan.terms.items())


def _comparable(rows: Sequence[Candidate], vector: Scores) -> Scores:
    """Similarities of different embedding models are on different scales: each model's are stretched by
    themselves."""
    groups = {row.group for row in rows if row.group is not None}
    if len(groups) < 2:
        return vector
    scaled: Scores = {}
    for group in groups:
        scaled |= min_max({row.chunk_id: vector[row.chunk_id] for row in rows if row.group == group})
    return scaled


def _order(scores: Mapping[UUID, float]) -> list[UUID]:
    return sorted(scores, key=lambda key: (-scores[key], str(key)))


def _ranks(scores: Mapping[UUID, float]) -> dict[UUID, int]:
    return {key: rank for rank, key in enumerate(_order(scores), start=1)}
