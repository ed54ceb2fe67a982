"""Knowledge bases of the workspace."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from django.db import connection
from pydantic import ValidationError

from apps.core.actors import Actor
from apps.core.exceptions import FlywheelError
from apps.core.ids import is_uuid
from apps.core.models import Workspace
from apps.knowledge.exceptions import DuplicateDocument
from apps.knowledge.models import Document, DocumentState, KnowledgeBase
from apps.knowledge.retrieval import Hit, RetrievalSettings, retrieve
from apps.knowledge.retrieval.filters import BUILT_IN
from apps.knowledge.services import document as documents
from apps.providers.models import ModelSlot
from apps.workflows.adapters.database import in_thread, node_error
from apps.workflows.adapters.models import find_model
from apps.workflows.engine.errors import NodeError

_FIRST_LOOK_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 2.0
_MAX_FIELDS: Final = 50


class WorkspaceKnowledge:
    """Acts for the workflow: whoever may change it has chosen its bases, whoever may run it uses them."""

    def __init__(self, workspace: Workspace, actor: Actor) -> None:
        self._workspace = workspace
        self._actor = actor

    async def retrieve(
        self, bases: Sequence[str], query: str, settings: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """See `KnowledgePort`."""
        found = await in_thread(self._bases, bases)
        chosen = await in_thread(self._settings, found[0], settings)
        try:
            retrieval = await retrieve(bases=found, query=query, settings=chosen)
        except FlywheelError as error:
            raise node_error(error) from error
        names = {base.pk: base.name for base in found}
        return [_passage(hit, names[hit.base_id]) for hit in retrieval.hits]

    async def write(
        self,
        base: str,
        name: str,
        content: bytes,
        *,
        metadata: Mapping[str, Any],
        key: str,
        replace: bool = False,
        wait_s: float | None = None,
    ) -> dict[str, Any]:
        """See `KnowledgePort`. What makes it idempotent is the content: a base holds each file once."""
        document_id, existed = await in_thread(self._add, base, name, content, metadata)
        state = await self._wait(document_id, wait_s) if wait_s is not None else None
        if replace:
            await in_thread(self._replace, document_id)
        return await in_thread(_described, document_id, state, existed=existed)

    async def delete(self, base: str, document_id: str) -> bool:
        """See `KnowledgePort`."""
        return await in_thread(self._delete, base, document_id)

    async def fields(self, bases: Sequence[str]) -> dict[str, list[str]]:
        """See `KnowledgePort`."""
        return await in_thread(self._fields, bases)

    def _bases(self, names: Sequence[str]) -> list[KnowledgeBase]:
        return [self._base(name) for name in names]

    def _base(self, name: str) -> KnowledgeBase:
        bases = KnowledgeBase.objects.in_workspace(self._workspace).with_models().select_related("workspace")
        found = bases.filter(pk=UUID(name)).first() if is_uuid(name) else bases.filter(name=name).first()
        if found is None:
            raise NodeError(
                f"There is no knowledge base “{name[:80]}” in this workspace.",
                code="no_base",
                details={"base": name},
            )
        return found

    def _settings(self, base: KnowledgeBase, given: Mapping[str, Any]) -> RetrievalSettings:
        """The first base's settings, overruled by what the node says."""
        values = {**base.retrieval, **{name: value for name, value in given.items() if value is not None}}
        if given.get("rerank_model"):
            name = str(given["rerank_model"])
            values["rerank_model"] = find_model(self._workspace, name, ModelSlot.RERANK).pk
        try:
            return RetrievalSettings.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise NodeError(
                f"The search settings do not fit: {place}: {first['msg']}", code="bad_settings"
            ) from error

    def _add(self, base: str, name: str, content: bytes, metadata: Mapping[str, Any]) -> tuple[UUID, bool]:
        values = {str(key)[:64]: str(value)[:500] for key, value in metadata.items()}
        try:
            document = documents.add_document(
                actor=self._actor, base=self._base(base), name=name, content=content, metadata=values
            )
        except DuplicateDocument as error:
            return self._again(UUID(str(error.extra["document_id"])), values), True
        if document.state == DocumentState.FAILED:
            raise NodeError(document.error, code=document.error_code or "document_failed")
        return document.pk, False

    def _again(self, document_id: UUID, metadata: dict[str, str]) -> UUID:
        """The content is there: its metadata becomes what was asked for, and a failed indexing is begun again."""
        document = Document.objects.select_related("base__workspace", "workspace").get(pk=document_id)
        if metadata and document.metadata != metadata:
            documents.update_document(actor=self._actor, document=document, metadata=metadata)
        if document.state in (DocumentState.FAILED, DocumentState.CANCELLED):
            documents.reindex_document(actor=self._actor, document=document)
        return document_id

    async def _wait(self, document_id: UUID, seconds: float) -> str:
        """The state in which the indexing ended. Raises NodeError."""
        deadline = time.monotonic() + seconds
        pause = _FIRST_LOOK_S
        while True:
            state, error, code = await in_thread(_state, document_id)
            if state == DocumentState.READY:
                return state
            if DocumentState(state).is_final:
                raise NodeError(
                    error or "The indexing of the document was stopped.",
                    code=code or "document_failed",
                    details={"document_id": str(document_id)},
                )
            if time.monotonic() > deadline:
                raise NodeError(
                    f"The document was not indexed within {seconds:g} seconds.",
                    code="indexing_timeout",
                    retryable=True,
                    details={"document_id": str(document_id)},
                )
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE_S)

    def _replace(self, document_id: UUID) -> None:
        new = Document.objects.get(pk=document_id)
        same = Document.objects.filter(base_id=new.base_id, name=new.name).exclude(pk=new.pk)
        for old in same.filter(created_at__lte=new.created_at).select_related("base__workspace", "workspace"):
            documents.delete_document(actor=self._actor, document=old)

    def _delete(self, base: str, document_id: str) -> bool:
        found = self._base(base)
        if not is_uuid(document_id):
            return False
        document = (
            Document.objects.filter(base=found, pk=UUID(document_id))
            .select_related("base__workspace", "workspace")
            .first()
        )
        if document is None:
            return False
        documents.delete_document(actor=self._actor, document=document)
        return True

    def _fields(self, bases: Sequence[str]) -> dict[str, list[str]]:
        ids = [base.pk for base in self._bases(bases)]
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT field.name, (array_agg(DISTINCT field.value))[1:10] FROM knowledge_document d, "
                "jsonb_each_text(d.metadata) AS field(name, value) WHERE d.base_id = ANY(%s) "
                "GROUP BY field.name ORDER BY field.name LIMIT %s",
                [ids, _MAX_FIELDS],
            )
            found = {name: [str(value)[:80] for value in values] for name, values in cursor.fetchall()}
        return {**found, **{name: [] for name in BUILT_IN if name != "document_id"}}


def _state(document_id: UUID) -> tuple[str, str, str]:
    row = Document.objects.filter(pk=document_id).values_list("state", "error", "error_code").first()
    if row is None:
        raise NodeError("The document was deleted while it was indexed.", code="no_document")
    return row


def _described(document_id: UUID, state: str | None, *, existed: bool) -> dict[str, Any]:
    document = Document.objects.get(pk=document_id)
    return {
        "document_id": str(document.pk),
        "name": document.name,
        "state": state or document.state,
        "chunks": document.chunk_count,
        "existed": existed,
    }


def _passage(hit: Hit, base: str) -> dict[str, Any]:
    return {
        "content": hit.text,
        "title": hit.document_name,
        "score": round(hit.score, 4),
        "metadata": {
            **{str(name): value for name, value in hit.metadata.items()},
            "base_id": str(hit.base_id),
            "base_name": base,
            "document_id": str(hit.document_id),
            "document_name": hit.document_name,
            "chunk_id": str(hit.chunk_id),
            "position": hit.position,
            "page": hit.page,
            "headings": list(hit.headings),
            "vector_score": hit.vector_score,
            "text_score": hit.text_score,
            "rerank_score": hit.rerank_score,
        },
    }
