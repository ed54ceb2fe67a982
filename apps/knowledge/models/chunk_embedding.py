"""Vectors of chunks."""

from __future__ import annotations

from django.db import models
from pgvector.django import HalfVectorField

from apps.knowledge.models.chunk import Chunk
from apps.knowledge.models.knowledge_base import KnowledgeBase

#: Sizes that have an approximate (HNSW) index, see migration 0002; vectors of other sizes are scanned
#: exactly.
INDEXED_DIMENSIONS = (256, 384, 512, 768, 1024, 1536, 2048, 3072)


class ChunkEmbedding(models.Model):
    """The vector of one chunk by one model, as half-precision floats (half the index, same recall).

    One column holds all sizes; an expression index per size casts it. ``base`` is repeated here to filter in
    the scan.
    """

    chunk = models.ForeignKey(Chunk, models.CASCADE, related_name="embeddings")
    base = models.ForeignKey(KnowledgeBase, models.CASCADE, related_name="+")
    model = models.ForeignKey("providers.Model", models.CASCADE, related_name="+")
    dimensions = models.PositiveSmallIntegerField()
    vector = HalfVectorField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["chunk", "model"], name="knowledge_embedding_once")]
        indexes = [models.Index(fields=["base", "model"], name="knowledge_embedding_base")]

    def __str__(self) -> str:
        return f"{self.chunk_id} · {self.dimensions}"
