"""Reranking."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from apps.providers.gateway.attempts import call
from apps.providers.gateway.recording import CallRecord, describe_texts
from apps.providers.models import Model, ModelSlot
from apps.providers.targets import targets_of
from apps.providers.wire import RankedDocument
from apps.tracing import attributes


async def rerank(*, model: Model, query: str, documents: Sequence[str], top_n: int) -> list[RankedDocument]:
    """The best `top_n` documents for the query, best first. Raises a `ModelError`."""
    targets = await targets_of(model, ModelSlot.RERANK)
    if not documents:
        return []
    record = CallRecord("rerank", "reranker", "rerank", targets[0], describe_texts([query, *documents]))
    try:
        ranked, _usage = await call(targets, record, lambda driver: driver.rerank(query, documents, top_n))
        shown = [{"index": document.index, "score": document.score} for document in ranked]
        record.set({attributes.OUTPUT: orjson.dumps(shown).decode()})
        return ranked
    finally:
        record.end()
