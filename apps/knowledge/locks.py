"""The lock order of this app: base, then document, then chunk. Every write takes its locks here."""

from __future__ import annotations

from uuid import UUID

from django.utils.translation import gettext as _

from apps.core.exceptions import NotFound
from apps.knowledge.models import Chunk, Document, KnowledgeBase


def lock_base(base_id: UUID) -> KnowledgeBase:
    """Lock a base. ``no_key``: rows that refer to it can still be inserted meanwhile."""
    base = KnowledgeBase.objects.select_for_update(no_key=True).filter(pk=base_id).first()
    if base is None:
        raise NotFound(_("The knowledge base has been deleted."))
    return base


def lock_document(document: Document) -> tuple[KnowledgeBase, Document]:
    """Lock a document after its base."""
    base = lock_base(document.base_id)
    rows = Document.objects.select_related("workspace").select_for_update(of=("self",), no_key=True)
    locked = rows.filter(pk=document.pk).first()
    if locked is None:
        raise NotFound(_("The document has been deleted."))
    return base, locked


def lock_chunk(chunk: Chunk) -> Chunk:
    """Lock a chunk after its document."""
    locked = Chunk.objects.select_for_update(no_key=True).filter(pk=chunk.pk).first()
    if locked is None:
        raise NotFound(_("This chunk is gone: the document was indexed again."))
    return locked
