"""What open pages are told: events on `knowledge.document:<id>` and `knowledge.knowledgebase:<id>`."""

from __future__ import annotations

from typing import Any

from apps.core import events
from apps.knowledge.models import Document, KnowledgeBase


def document_event(document: Document) -> dict[str, Any]:
    """The state of a document as pages need it."""
    return {
        "id": str(document.pk),
        "name": document.name,
        "state": document.state,
        "percent": document.percent,
        "done": document.done,
        "total": document.total,
        "error_code": document.error_code,
        "error": document.error,
        "chunk_count": document.chunk_count,
    }


def publish_document(document: Document) -> None:
    """A document changed; its own page and its base's page hear it."""
    data = document_event(document)
    events.publish(f"knowledge.document:{document.pk}", "document", data)
    events.publish(f"knowledge.knowledgebase:{document.base_id}", "document", data)


def publish_document_deleted(document: Document) -> None:
    """A document is gone."""
    data = {"id": str(document.pk)}
    events.publish(f"knowledge.document:{document.pk}", "document_deleted", data)
    events.publish(f"knowledge.knowledgebase:{document.base_id}", "document_deleted", data)


def publish_base(base: KnowledgeBase) -> None:
    """A base changed."""
    data = {"id": str(base.pk), "chunk_count": base.chunk_count, "language": base.language}
    events.publish(f"knowledge.knowledgebase:{base.pk}", "base", data)
