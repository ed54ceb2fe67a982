"""A document of a knowledge base."""

from __future__ import annotations

from pathlib import PurePath

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.access import Access
from apps.core.json import JSONField
from apps.core.models import WorkspaceModel
from apps.knowledge.messages import sentence
from apps.knowledge.models.knowledge_base import KnowledgeBase
from apps.knowledge.querysets import DocumentQuerySet


class DocumentState(models.TextChoices):
    """Where a document stands; the middle ones are the stages of ingestion."""

    QUEUED = "queued", _("Queued")  # waits for a worker
    PARSING = "parsing", _("Parsing")  # the file is read
    CLEANING = "cleaning", _("Cleaning")  # running headers and stray characters go
    CHUNKING = "chunking", _("Chunking")  # the text is cut and stored
    EMBEDDING = "embedding", _("Embedding")  # vectors are made, batch by batch
    INDEXING = "indexing", _("Indexing")  # the new chunks replace the old ones
    READY = "ready", _("Ready")  # can be found
    FAILED = "failed", _("Failed")  # `error` says why
    CANCELLED = "cancelled", _("Cancelled")  # somebody stopped it

    @property
    def is_final(self) -> bool:
        """Nothing is being done with a document in this state."""
        return self in {DocumentState.READY, DocumentState.FAILED, DocumentState.CANCELLED}


#: The stages a document passes, in order, as the progress bar shows them.
STAGES = (
    DocumentState.PARSING,
    DocumentState.CLEANING,
    DocumentState.CHUNKING,
    DocumentState.EMBEDDING,
    DocumentState.INDEXING,
)


def storage_path(document: Document, filename: str) -> str:
    """Where a file is kept: names people give stay in the database, never on the disk."""
    return f"knowledge/{document.base_id}/{document.pk}{PurePath(filename).suffix.lower()[:12]}"


class Document(WorkspaceModel):
    """A file and what was made of it.

    Chunks belong to a generation of the document. ``generation`` is the one being searched; while
    ``pending_generation`` is set, new chunks are made beside it, and a kill at any moment loses neither.
    """

    access = Access()

    base = models.ForeignKey(KnowledgeBase, models.CASCADE, related_name="documents", verbose_name=_("base"))
    name = models.CharField(_("name"), max_length=255)
    file = models.FileField(_("file"), upload_to=storage_path, max_length=255, blank=True)
    content_type = models.CharField(_("type"), max_length=120, blank=True)
    size = models.PositiveBigIntegerField(_("size"), default=0)
    #: Of the content, hexadecimal; "" when the upload was refused before it was kept.
    sha256 = models.CharField(max_length=64, blank=True, editable=False)
    title = models.CharField(_("title"), max_length=300, blank=True)
    language = models.CharField(_("language"), max_length=8, blank=True)
    page_count = models.PositiveIntegerField(_("pages"), null=True)
    metadata = JSONField(_("metadata"), default=dict, blank=True)
    warnings = JSONField(default=list, blank=True)
    enabled = models.BooleanField(_("searchable"), default=True)
    state = models.CharField(
        _("state"), max_length=10, choices=DocumentState.choices, default=DocumentState.QUEUED
    )
    error = models.TextField(_("error"), blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    error_params = JSONField(default=dict, blank=True)
    #: Progress within the current stage.
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    chunk_count = models.PositiveIntegerField(_("chunks"), default=0)
    term_total = models.PositiveBigIntegerField(default=0)
    generation = models.PositiveIntegerField(default=0)
    pending_generation = models.PositiveIntegerField(default=0)
    indexed_at = models.DateTimeField(_("indexed"), null=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("uploaded by")
    )

    objects = DocumentQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        verbose_name = _("document")
        verbose_name_plural = _("documents")
        constraints = [
            models.UniqueConstraint(
                fields=["base", "sha256"], condition=~models.Q(sha256=""), name="knowledge_document_once"
            )
        ]
        indexes = [
            models.Index(fields=["base", "-created_at"], name="knowledge_document_list"),
            models.Index(fields=["base", "state"], name="knowledge_document_state"),
            models.Index(fields=["workspace", "-created_at"], name="knowledge_document_all"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def error_sentence(self) -> str:
        """The error in the reader's language."""
        return sentence(self.error_code, self.error_params) or self.error

    @property
    def percent(self) -> int:
        """Progress over all stages, 0..100; embedding is nearly all of the work."""
        if self.state == DocumentState.READY:
            return 100
        base, span = _STAGE_SHARES.get(DocumentState(self.state), (0, 0))
        return base + (span * min(self.done, self.total) // self.total if self.total else 0)


_STAGE_SHARES = {
    DocumentState.PARSING: (0, 20),
    DocumentState.CLEANING: (20, 2),
    DocumentState.CHUNKING: (22, 8),
    DocumentState.EMBEDDING: (30, 65),
    DocumentState.INDEXING: (95, 5),
}
