"""BM25 and fusion by hand-computed values and by their properties."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.knowledge.ranking import (
    CorpusStatistics,
    bm25_score,
    convex_fusion,
    min_max,
    reciprocal_rank_fusion,
)

STATISTICS = CorpusStatistics(count=10, average_length=4.0, document_frequency={"tea": 2, "the": 10})
scores = st.dictionaries(st.integers(0, 20), st.floats(-100, 100), max_size=12)


def test_bm25_matches_the_formula():
    idf = math.log(1 + (10 - 2 + 0.5) / (2 + 0.5))
    expected = idf * 2 * 2.2 / (2 + 1.2 * (0.25 + 0.75 * 4 / 4))
    assert bm25_score({"tea": 1}, ["tea", "tea", "cup", "pot"], STATISTICS) == pytest.approx(expected)


def test_bm25_counts_a_repeated_query_term_again():
    single = bm25_score({"tea": 1}, ["tea"], STATISTICS)
    assert bm25_score({"tea": 2}, ["tea"], STATISTICS) == pytest.approx(2 * single)


def test_bm25_prefers_rare_terms_and_short_passages():
    assert bm25_score({"tea": 1}, ["tea"], STATISTICS) > bm25_score({"the": 1}, ["the"], STATISTICS)
    assert bm25_score({"tea": 1}, ["tea"], STATISTICS) > bm25_score(
        {"tea": 1}, ["tea"] + ["x"] * 9, STATISTICS
    )


def test_bm25_of_an_empty_collection_is_zero():
    assert bm25_score({"tea": 1}, [], CorpusStatistics(0, 0.0)) == 0


def test_fusion_weighs_both_sides():
    fused = convex_fusion({"a": 0.9, "b": 0.1}, {"b": 7.0, "c": 0.0}, alpha=0.25)
    assert fused == {"a": 0.25, "b": 0.75, "c": 0.0}


def test_fusion_with_one_side_only_keeps_its_order():
    assert convex_fusion({}, {"a": 5.0, "b": 1.0}, alpha=0.9) == {"a": 1.0, "b": 0.0}


def test_reciprocal_rank_gives_one_to_the_winner_of_every_ranking():
    fused = reciprocal_rank_fusion([["a", "b"], ["a", "c"]])
    assert fused["a"] == pytest.approx(1.0)
    assert fused["b"] == pytest.approx(0.5 * 61 / 62)


@given(scores)
def test_min_max_keeps_the_order_within_zero_and_one(values):
    scaled = min_max(values)
    assert all(0 <= score <= 1 for score in scaled.values())
    for left in values:
        for right in values:
            if values[left] < values[right]:
                assert scaled[left] <= scaled[right]


@given(scores, scores, st.floats(0, 1))
def test_fusion_covers_every_key_within_zero_and_one(vector, text, alpha):
    fused = convex_fusion(vector, text, alpha)
    assert set(fused) == set(vector) | set(text)
    assert all(-1e-9 <= score <= 1 + 1e-9 for score in fused.values())
