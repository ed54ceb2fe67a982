"""Vectors of chunks: which are missing, and making them batch by batch."""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction

from apps.knowledge.models import Chunk, ChunkEmbedding, KnowledgeBase
from apps.knowledge.querysets import ChunkQuerySet
from apps.providers import gateway
from apps.providers.models import Model

#: Texts per call to the model: enough to fill it, few enough for a lively progress bar and a small loss at a
#: kill.
BATCH_SIZE = 32

#: Called after each batch with (done, total); may raise to stop.
Progress = Callable[[int, int], None]


def models_of(base: KnowledgeBase) -> list[Model]:
    """The models that embed new chunks: the one in use, and the one that is about to take over."""
    return [model for model in (base.embedding_model, base.next_embedding_model) if model is not None]


def reads(model: Model, language: str) -> bool:
    """Whether a model can embed a language; models that say nothing about languages read all."""
    languages = model.abilities.get("languages") if isinstance(model.abilities, dict) else None
    return not languages or language in languages or language in {"", "und"}


def embed_chunks(chunks: ChunkQuerySet, model: Model, progress: Progress) -> int:
    """Embed those of the chunks that the model has not embedded yet; returns how many there were.

    Each batch is committed on its own, so that a kill loses one batch at most and nothing is embedded twice.
    """
    missing = missing_vectors(chunks, model).order_by("document_id", "position")
    total = missing.count()
    done = 0
    while batch := list(missing[:BATCH_SIZE]):
        result = gateway.embed_sync(
            model=model, texts=[embedding_text(chunk) for chunk in batch], kind="document"
        )
        store_vectors(batch, model, result.vectors)
        done += len(batch)
        progress(done, max(total, done))
    return done


def missing_vectors(chunks: ChunkQuerySet, model: Model) -> ChunkQuerySet:
    """Those of the chunks that the model can read and has not embedded yet."""
    languages = model.abilities.get("languages") if isinstance(model.abilities, dict) else None
    readable = chunks.filter(document__language__in=[*languages, "", "und"]) if languages else chunks
    return readable.without_vector(model.pk)


def embedding_text(chunk: Chunk) -> str:
    """What the model sees: the passage under its headings, which often hold the subject the passage leaves
    out."""
    path = " › ".join(heading for heading in chunk.headings if heading not in chunk.text)
    return f"{path}\n{chunk.text}" if path else chunk.text


@transaction.atomic
def store_vectors(chunks: list[Chunk], model: Model, vectors: list[list[float]]) -> None:
    """Insert the vectors of chunks that still exist with the same text; one that is there already stays."""
    # Locked: an edit or a deletion in the meantime must not leave a vector of the old text behind.
    locked = Chunk.objects.filter(pk__in=[chunk.pk for chunk in chunks]).order_by("pk").select_for_update()
    unchanged = dict(locked.values_list("pk", "updated_at"))
    rows = [
        ChunkEmbedding(chunk=chunk, base_id=chunk.base_id, model=model, dimensions=len(vector), vector=vector)
        for chunk, vector in zip(chunks, vectors, strict=True)
        if unchanged.get(chunk.pk) == chunk.updated_at
    ]
    ChunkEmbedding.objects.bulk_create(rows, ignore_conflicts=True)
