"""Knowledge bases and documents, made by the real services."""

from __future__ import annotations

from itertools import count
from typing import Any

from apps.core.models import Workspace
from apps.knowledge.models import Document, KnowledgeBase
from apps.knowledge.services.base import create_base
from apps.knowledge.services.document import add_document
from apps.providers.models import Model, ModelSlot, Provider
from tests.factories.core import SYSTEM
from tests.support.jobs import run_queued

_numbers = count(1)


def make_base(workspace: Workspace, **fields: Any) -> KnowledgeBase:
    """An empty base; without `embedding_model` it is searched by full text only."""
    fields = {"name": f"Base {next(_numbers)}", "embedding_model": None, **fields}
    return create_base(actor=SYSTEM, workspace=workspace, **fields)


def make_document(
    base: KnowledgeBase, text: str | bytes = "", name: str = "", *, index: bool = True
) -> Document:
    """A document, by default indexed."""
    number = next(_numbers)
    content = text or f"Document number {number} says nothing in particular."
    data = content.encode() if isinstance(content, str) else content
    document = add_document(actor=SYSTEM, base=base, name=name or f"document {number}.md", content=data)
    if index:
        run_queued()
        document.refresh_from_db()
    return document


def make_embedding_model(workspace: Workspace, base_url: str, name: str = "embed") -> Model:
    """An embedding model of the fake model server (256 dimensions, texts that share words are near)."""
    provider, _created = Provider.objects.get_or_create(
        workspace=workspace,
        name="Fake",
        defaults={"base_url": base_url, "credentials": {"api_key": "sk-test"}},
    )
    return Model.objects.create(workspace=workspace, provider=provider, slot=ModelSlot.EMBEDDING, name=name)


def make_rerank_model(workspace: Workspace, base_url: str, name: str = "rerank") -> Model:
    """A rerank model of the fake model server."""
    model = make_embedding_model(workspace, base_url, name)
    model.slot = ModelSlot.RERANK
    model.save()
    return model
