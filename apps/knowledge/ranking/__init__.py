"""Scoring and fusion of retrieved passages, as plain functions over numbers."""

from apps.knowledge.ranking.bm25 import CorpusStatistics, bm25_score
from apps.knowledge.ranking.fusion import convex_fusion, min_max, reciprocal_rank_fusion

__all__ = ["CorpusStatistics", "bm25_score", "convex_fusion", "min_max", "reciprocal_rank_fusion"]
