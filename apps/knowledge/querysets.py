"""Chainable reads of bases, documents and chunks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import UUID

from django.apps import apps
from django.db.models import Exists, OuterRef, Q

from apps.core.querysets import WorkspaceQuerySet

if TYPE_CHECKING:
    from apps.knowledge.models import Chunk, Document, KnowledgeBase  # noqa: F401  # for the type parameters

_FINAL_STATES = ("ready", "failed", "cancelled")


class KnowledgeBaseQuerySet(WorkspaceQuerySet["KnowledgeBase"]):
    """Knowledge bases."""

    def with_models(self) -> KnowledgeBaseQuerySet:
        """Join the embedding models and their providers."""
        return self.select_related("embedding_model__provider", "next_embedding_model__provider")


class DocumentQuerySet(WorkspaceQuerySet["Document"]):
    """Documents."""

    def of_base(self, base: KnowledgeBase | UUID) -> DocumentQuerySet:
        """Documents of one base."""
        return self.filter(base=base)

    def in_progress(self) -> DocumentQuerySet:
        """Documents that wait or are being indexed."""
        return self.exclude(state__in=_FINAL_STATES)


class ChunkQuerySet(WorkspaceQuerySet["Chunk"]):
    """Chunks."""

    def of_generation(self, document: Document, generation: int) -> ChunkQuerySet:
        """Chunks of one generation of a document, in order."""
        return self.filter(document=document, generation=generation).order_by("position")

    def current(self, document: Document) -> ChunkQuerySet:
        """The chunks people see of a document: those being searched."""
        return self.of_generation(document, document.generation)

    def containing(self, text: str) -> ChunkQuerySet:
        """Chunks whose text holds all of the given words, as a person filters a list."""
        condition = Q()
        for word in text.split()[:8]:
            condition &= Q(text__icontains=word)
        return self.filter(condition)

    def without_vector(self, model_id: UUID) -> ChunkQuerySet:
        """Chunks that the model has not embedded yet."""
        # by name: the models import this module
        embeddings = apps.get_model("knowledge", "ChunkEmbedding")._default_manager
        return self.filter(~Exists(embeddings.filter(chunk=OuterRef("pk"), model_id=model_id)))

    def of_documents(self, ids: Iterable[UUID]) -> ChunkQuerySet:
        """Chunks of several documents."""
        return self.filter(document_id__in=list(ids))
