"""The built-in models, which run in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

from django.conf import settings

from apps.providers.drivers.base import TextKind
from apps.providers.local import LocalModelMissing, answer, installed, load_embedder, pieces
from apps.providers.local.words import is_chinese
from apps.providers.targets import Target
from apps.providers.wire import (
    ChatMessage,
    ChatRequest,
    Completed,
    RankedDocument,
    StreamEvent,
    TextDelta,
    Usage,
    WireError,
    WireReason,
)
from apps.providers.wire.chat import estimate_usage

# Long enough that the words appear one after the other, short enough that nobody waits for them.
PIECE_PAUSE_S = 0.006


class LocalDriver:
    """MiniLM embeddings and the extractive answerer."""

    def __init__(self, target: Target) -> None:
        self._target = target

    async def stream_chat(self, request: ChatRequest) -> AsyncGenerator[StreamEvent, None]:
        """Quotes from `request.context`, word by word."""
        question = next((m.content for m in reversed(request.messages) if m.role == "user"), "")
        use_meaning = installed() and not is_chinese(question)
        found = await asyncio.to_thread(
            answer, question, request.context, _similarity if use_meaning else None
        )
        for piece in pieces(found.text):
            yield TextDelta(piece)
            await asyncio.sleep(PIECE_PAUSE_S)
        yield Completed(
            ChatMessage("assistant", found.text),
            estimate_usage(request, found.text),
            "stop",
            self._target.name,
        )

    async def embed(self, texts: Sequence[str], kind: TextKind) -> tuple[list[list[float]], Usage]:
        """See `Driver`."""
        try:
            vectors, tokens = await asyncio.to_thread(_embed, texts)
        except LocalModelMissing as error:
            raise WireError(WireReason.REJECTED, str(error)) from None
        return vectors, Usage(input_tokens=tokens)

    async def rerank(
        self, query: str, documents: Sequence[str], top_n: int
    ) -> tuple[list[RankedDocument], Usage]:
        """There is no built-in reranker."""
        raise WireError(WireReason.REJECTED, "The built-in provider has no reranking model.")

    async def list_models(self) -> list[str]:
        """Nothing to discover: both models are created with the workspace."""
        return []


def _embed(texts: Sequence[str]) -> tuple[list[list[float]], int]:
    return load_embedder(Path(settings.VAR_DIR) / "models").embed(texts)


def _similarity(question: str, sentences: Sequence[str]) -> list[float]:
    (asked, *vectors), _ = _embed([question, *sentences])
    return [sum(a * b for a, b in zip(asked, vector, strict=True)) for vector in vectors]
