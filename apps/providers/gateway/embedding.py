"""Embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from asgiref.sync import async_to_sync
from django.utils.translation import gettext as _

from apps.providers.drivers import pool
from apps.providers.drivers.base import TextKind
from apps.providers.exceptions import ModelRejected
from apps.providers.gateway.attempts import call
from apps.providers.gateway.recording import CallRecord, describe_texts
from apps.providers.models import Model, ModelSlot
from apps.providers.targets import Target, targets_of
from apps.providers.wire import Usage


@dataclass(frozen=True, slots=True)
class EmbeddingResult:
    """One vector per text, in order; what it took, and what it cost in US dollars (None: unknown)."""

    vectors: list[list[float]]
    usage: Usage
    cost: Decimal | None


async def embed(*, model: Model, texts: Sequence[str], kind: TextKind = "document") -> EmbeddingResult:
    """Embeds the texts, in as many requests as it takes. Raises a `ModelError`.

    There is no fallback: vectors of another model would not fit the stored ones.
    """
    targets = (await targets_of(model, ModelSlot.EMBEDDING))[:1]
    if not texts:
        return EmbeddingResult([], Usage(), Decimal(0))
    record = CallRecord("embed", "embedding", "embeddings", targets[0], describe_texts(texts))
    try:
        vectors, usage = await call(targets, record, lambda driver: driver.embed(texts, kind))
        _check_dimensions(targets[0], vectors)
    finally:
        record.end()
    return EmbeddingResult(vectors, usage, usage.cost)


def embed_sync(*, model: Model, texts: Sequence[str], kind: TextKind = "document") -> EmbeddingResult:
    """`embed` for workers."""

    async def run() -> EmbeddingResult:
        try:
            return await embed(model=model, texts=texts, kind=kind)
        finally:
            # The loop ends with this call, and its connections with it.
            await pool.close()

    return async_to_sync(run)()


def _check_dimensions(target: Target, vectors: list[list[float]]) -> None:
    if target.dimensions and len(vectors[0]) != target.dimensions:
        raise ModelRejected(
            _(
                "“%(model)s” gave vectors of %(got)d numbers, not %(expected)d. Correct its dimensions under "
                "Settings → Models."
            )
            % {"model": target.label, "got": len(vectors[0]), "expected": target.dimensions},
            reason="dimensions",
        )
