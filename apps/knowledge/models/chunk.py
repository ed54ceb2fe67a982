"""A passage of a document: what is searched, cited and edited."""

from __future__ import annotations

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.access import Access
from apps.core.json import JSONField
from apps.core.models import WorkspaceModel
from apps.knowledge.models.document import Document
from apps.knowledge.models.knowledge_base import KnowledgeBase
from apps.knowledge.querysets import ChunkQuerySet


class Chunk(WorkspaceModel):
    """``live``: belongs to the searched generation of a document that is switched on. ``enabled``: not
    switched off by hand."""

    access = Access()

    base = models.ForeignKey(KnowledgeBase, models.CASCADE, related_name="chunks", verbose_name=_("base"))
    document = models.ForeignKey(Document, models.CASCADE, related_name="chunks", verbose_name=_("document"))
    generation = models.PositiveIntegerField()
    position = models.PositiveIntegerField(_("position"))
    text = models.TextField(_("text"))
    #: Index terms in reading order, separated by spaces; BM25 reads them.
    terms = models.TextField()
    term_count = models.PositiveIntegerField(default=0)
    tv = SearchVectorField()
    token_count = models.PositiveIntegerField(_("tokens"), default=0)
    page = models.PositiveIntegerField(_("page"), null=True)
    headings = JSONField(_("headings"), default=list)
    metadata = JSONField(_("metadata"), default=dict)
    enabled = models.BooleanField(_("enabled"), default=True)
    live = models.BooleanField(default=False)
    edited = models.BooleanField(_("edited by hand"), default=False)

    objects = ChunkQuerySet.as_manager()

    class Meta:
        ordering = ["document", "position"]
        verbose_name = _("chunk")
        verbose_name_plural = _("chunks")
        constraints = [
            models.UniqueConstraint(
                fields=["document", "generation", "position"], name="knowledge_chunk_once"
            )
        ]
        indexes = [
            GinIndex(
                fields=["tv"],
                name="knowledge_chunk_tv",
                condition=models.Q(live=True, enabled=True),
                fastupdate=False,
            ),
            models.Index(fields=["base", "live"], name="knowledge_chunk_base"),
            models.Index(fields=["workspace", "-created_at"], name="knowledge_chunk_all"),
        ]

    def __str__(self) -> str:
        return f"#{self.position + 1}"
