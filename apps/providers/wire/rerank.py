"""Reranking, which has no OpenAI format: the shapes of Cohere v2, Jina v1 (vLLM too) and Hugging Face TEI."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from apps.providers.wire.errors import WireError, WireReason
from apps.providers.wire.usage import Usage, estimate_tokens, parse_usage

Style = Literal["jina", "cohere", "tei"]
PATHS: dict[Style, str] = {"jina": "rerank", "cohere": "rerank", "tei": "rerank"}


@dataclass(frozen=True, slots=True)
class RankedDocument:
    """A document by its place in the request, with the model's relevance score."""

    index: int
    score: float


def build_body(style: Style, model: str, query: str, documents: Sequence[str], top_n: int) -> dict[str, Any]:
    """The JSON body. Jina and Cohere share it; TEI serves one model, calls them `texts` and returns all."""
    if style == "tei":
        return {"query": query, "texts": list(documents), "truncate": True}
    return {"model": model, "query": query, "documents": list(documents), "top_n": top_n}


def parse(
    data: bytes, query: str, documents: Sequence[str], top_n: int
) -> tuple[list[RankedDocument], Usage]:
    """(best first, usage), from any of the shapes. Raises `WireError` when there is no ranking in it."""
    try:
        answer = orjson.loads(data)
        rows = answer if isinstance(answer, list) else answer["results"]
        ranked = [
            RankedDocument(
                int(row["index"]), float(row["relevance_score"] if "relevance_score" in row else row["score"])
            )
            for row in rows
        ]
    except (KeyError, TypeError, ValueError):
        raise WireError(WireReason.MALFORMED, "The answer holds no ranking.") from None
    if any(not 0 <= document.index < len(documents) for document in ranked):
        raise WireError(WireReason.MALFORMED, "The ranking names a document that was not sent.")
    ranked.sort(key=lambda document: (-document.score, document.index))
    return ranked[:top_n], _usage(answer, query, documents)


def _usage(answer: Any, query: str, documents: Sequence[str]) -> Usage:
    if isinstance(answer, dict):
        meta = answer.get("meta") or {}
        reported = parse_usage(answer.get("usage")) or parse_usage(meta.get("tokens"))
        if reported:
            return reported
    tokens = sum(estimate_tokens(query) + estimate_tokens(document) for document in documents)
    return Usage(input_tokens=tokens, estimated=True)
