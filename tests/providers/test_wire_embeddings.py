"""Batching and parsing of embeddings and rankings."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.providers.wire import Usage, WireError, embeddings, rerank


@given(st.lists(st.text(max_size=30)), st.integers(1, 5), st.integers(1, 60))
def test_batches_keep_order_and_limits(texts: list[str], max_texts: int, max_chars: int) -> None:
    batches = list(embeddings.batches(texts, max_texts=max_texts, max_chars=max_chars))
    assert [text for batch in batches for text in batch] == texts
    for batch in batches:
        assert 1 <= len(batch) <= max_texts
        assert len(batch) == 1 or sum(map(len, batch)) <= max_chars


def answer(*rows: Any, **more: Any) -> bytes:
    return json.dumps({"data": rows, **more}).encode()


def test_vectors_come_back_in_the_order_of_the_texts() -> None:
    data = answer(
        {"index": 1, "embedding": [2.0]}, {"index": 0, "embedding": [1.0]}, usage={"prompt_tokens": 3}
    )
    assert embeddings.parse(data, ["a", "b"]) == ([[1.0], [2.0]], Usage(3, 0))


def test_base64_vectors() -> None:
    packed = base64.b64encode(struct.pack("<2f", 0.5, -1.0)).decode()
    vectors, usage = embeddings.parse(answer({"embedding": packed}), ["some text"])
    assert vectors == [[0.5, -1.0]]
    assert usage.estimated


@pytest.mark.parametrize(
    "data",
    [
        b"nope",
        b"[]",
        b"{}",
        answer(),
        answer({"embedding": [1.0]}),
        answer({"embedding": [1.0]}, {"embedding": [1.0, 2.0]}),
        answer({"embedding": []}, {"embedding": []}),
        answer({"embedding": None}, {"embedding": None}),
        answer({"embedding": "!!"}, {"embedding": "!!"}),
        answer(1, 2),
    ],
)
def test_answers_that_do_not_fit_the_request(data: bytes) -> None:
    with pytest.raises(WireError) as caught:
        embeddings.parse(data, ["a", "b"])
    assert caught.value.reason == "malformed"


@pytest.mark.parametrize(
    "data",
    [
        {"results": [{"index": 0, "relevance_score": 0.1}, {"index": 1, "relevance_score": 0.9}]},
        {
            "results": [{"index": 1, "score": 0.9}, {"index": 0, "score": 0.1}],
            "meta": {"tokens": {"input_tokens": 4}},
        },
        [{"index": 1, "score": 0.9}, {"index": 0, "score": 0.1}],
    ],
    ids=["jina", "cohere", "tei"],
)
def test_rankings_in_each_shape(data: Any) -> None:
    ranked, usage = rerank.parse(json.dumps(data).encode(), "q", ["a", "b"], 5)
    assert ranked == [rerank.RankedDocument(1, 0.9), rerank.RankedDocument(0, 0.1)]
    assert usage.input_tokens > 0


@pytest.mark.parametrize(
    "data", [b"", b"{}", b'{"results": [{"index": 9, "score": 1}]}', b'{"results": [{"index": "x"}]}']
)
def test_rankings_that_are_none(data: bytes) -> None:
    with pytest.raises(WireError):
        rerank.parse(data, "q", ["a"], 1)
