"""Small formatting helpers of the knowledge pages."""

from __future__ import annotations

from pathlib import PurePath

from django import template

from apps.knowledge.models import Document, DocumentState
from apps.knowledge.models.document import STAGES

register = template.Library()


@register.filter
def is_working(document: Document) -> bool:
    """Whether the document waits or is being indexed."""
    return not DocumentState(document.state).is_final


@register.filter
def is_past(document: Document, stage: DocumentState) -> bool:
    """Whether the document has left a stage behind."""
    state = DocumentState(document.state)
    return state in STAGES and STAGES.index(state) > STAGES.index(stage)


@register.filter
def has_own_title(document: Document) -> bool:
    """Whether the title says more than the file's name."""
    return bool(document.title) and document.title not in {document.name, PurePath(document.name).stem}


@register.filter
def plain(value: object) -> str:
    """A number as HTML attributes need it: with a point, whatever the reader's language."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
