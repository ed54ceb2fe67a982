"""Background jobs of the knowledge app: thin shims over services."""

from __future__ import annotations

from apps.core import jobs
from apps.knowledge.services import base, chunk, indexing


@jobs.task("knowledge.index_document", queue="indexing")
def index_document(ctx: jobs.JobContext, *, document_id: str) -> None:
    """Parse, clean, chunk, embed and index a document."""
    indexing.index_document(ctx, document_id=document_id)


@jobs.task("knowledge.embed_document", queue="indexing")
def embed_document(ctx: jobs.JobContext, *, document_id: str) -> None:
    """Make the vectors that edited chunks lack."""
    chunk.embed_document(ctx, document_id=document_id)


@jobs.task("knowledge.reembed_base", queue="indexing")
def reembed_base(ctx: jobs.JobContext, *, base_id: str) -> None:
    """Make the vectors of a base's next embedding model and switch to it."""
    base.reembed_base(ctx, base_id=base_id)
