"""A knowledge base: documents that are cut, embedded and searched by one set of rules."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.access import Access, Role
from apps.core.json import JSONField
from apps.core.models import WorkspaceModel
from apps.knowledge.chunking import ChunkingSettings
from apps.knowledge.querysets import KnowledgeBaseQuerySet
from apps.knowledge.settings import RetrievalSettings


class KnowledgeBase(WorkspaceModel):
    """The counts are kept by the services, so that no list and no query has to count chunks."""

    access = Access(extra={"retrieve": Role.VIEWER})

    name = models.CharField(_("name"), max_length=120)
    description = models.TextField(_("description"), blank=True)
    embedding_model = models.ForeignKey(
        "providers.Model",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("embedding model"),
    )
    #: The model whose vectors are being made beside the old ones; takes over when all are there.
    next_embedding_model = models.ForeignKey(
        "providers.Model", models.SET_NULL, null=True, related_name="+", editable=False
    )
    chunking = JSONField(_("chunking"), default=dict, blank=True)
    retrieval = JSONField(_("retrieval"), default=dict, blank=True)
    #: Searchable chunks and the sum of their terms: what BM25 must know of the collection.
    chunk_count = models.PositiveIntegerField(default=0, editable=False)
    term_total = models.PositiveBigIntegerField(default=0, editable=False)
    #: The language of most of its text (ISO 639-1), "" while empty.
    language = models.CharField(max_length=8, blank=True, editable=False)

    objects = KnowledgeBaseQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        verbose_name = _("knowledge base")
        verbose_name_plural = _("knowledge bases")
        indexes = [models.Index(fields=["workspace", "-created_at"], name="knowledge_base_list")]

    def __str__(self) -> str:
        return self.name

    @property
    def chunking_settings(self) -> ChunkingSettings:
        """How documents are cut."""
        return ChunkingSettings.model_validate(self.chunking)

    @property
    def retrieval_settings(self) -> RetrievalSettings:
        """How passages are found when the caller says nothing else."""
        return RetrievalSettings.model_validate(self.retrieval)
