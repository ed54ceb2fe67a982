"""From a trace to what was indexed."""

from __future__ import annotations

from uuid import UUID

from django.urls import reverse

from apps.knowledge.models import Document
from apps.tracing.links import Link


def document_link(document_id: UUID) -> Link | None:
    """A document's page, or None when the document is gone."""
    name = Document.objects.filter(pk=document_id).values_list("name", flat=True).first()
    return None if name is None else Link(name, reverse("admin:knowledge_document", args=[document_id]))
