"""Joining a vector ranking and a text ranking into one."""

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)

#: Cormack, Clarke and Büttcher (2009) found 60 robust; so did our measurements.
RECIPROCAL_RANK_CONSTANT = 60


def min_max(scores: Mapping[Key, float]) -> dict[Key, float]:
    """Scores stretched to 0..1; when all are equal each becomes 1 (they all matched as well as the best)."""
    if not scores:
        return {}
    low, high = min(scores.values()), max(scores.values())
    if high - low <= 1e-12:
        return dict.fromkeys(scores, 1.0)
    return {key: (score - low) / (high - low) for key, score in scores.items()}


def convex_fusion(
    vector: Mapping[Key, float], text: Mapping[Key, float], alpha: float = 0.5
) -> dict[Key, float]:
    """``alpha`` times the vector score plus the rest times the text score, each min-max normalised first.

    A key missing on one side counts 0 there. With only one side given, that side alone decides. Result 0..1.
    """
    if not vector or not text:
        return min_max(vector or text)
    dense, sparse = min_max(vector), min_max(text)
    return {key: alpha * dense.get(key, 0.0) + (1 - alpha) * sparse.get(key, 0.0) for key in dense | sparse}


def reciprocal_rank_fusion(
    rankings: Sequence[Sequence[Key]], constant: int = RECIPROCAL_RANK_CONSTANT
) -> dict[Key, float]:
    """Sum of 1 / (constant + rank) over rankings (best first), scaled so that first place everywhere gives
    1."""
    best = len(rankings) / (constant + 1) if rankings else 1.0
    scores: dict[Key, float] = {}
    for ranking in rankings:
        for rank, key in enumerate(ranking, start=1):
            scores[key] = scores.get(key, 0.0) + 1 / (constant + rank) / best
    return scores
