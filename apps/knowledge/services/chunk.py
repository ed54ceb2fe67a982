"""Editing chunks by hand. Each change is in the full-text index at once; vectors follow by a job."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from apps.core import audit, jobs, permissions
from apps.core.actors import Actor
from apps.core.exceptions import Invalid
from apps.knowledge.chunking import estimate_tokens
from apps.knowledge.exceptions import DocumentBusy
from apps.knowledge.indexing import (
    add_terms,
    delete_chunks,
    embed_chunks,
    index_text,
    models_of,
    recount_base,
    recount_document,
    remove_terms,
)
from apps.knowledge.locks import lock_chunk, lock_document
from apps.knowledge.models import Chunk, ChunkEmbedding, Document, DocumentState, KnowledgeBase
from apps.knowledge.notifications import publish_base, publish_document
from apps.knowledge.parsing.cleaning import tidy

MAX_CHARACTERS = 20_000
_AUDITED = ("text", "enabled", "position")


@transaction.atomic
def add_chunk(*, actor: Actor, document: Document, text: str) -> Chunk:
    """Append a chunk written by hand."""
    permissions.require(actor, "change", document)
    base, locked = _lock(document)
    last = Chunk.objects.current(locked).aggregate(last=Max("position"))["last"]
    chunk = Chunk(
        workspace_id=locked.workspace_id,
        base=base,
        document=locked,
        generation=locked.generation,
        position=0 if last is None else last + 1,
        live=locked.enabled,
        edited=True,
    )
    _write_text(chunk, _checked(text))
    chunk.save(force_insert=True)
    if chunk.live:
        add_terms(base.pk, [chunk.pk])
    _after(actor, base, locked, chunk, "add", {}, embed=True)
    return chunk


@transaction.atomic
def edit_chunk(*, actor: Actor, chunk: Chunk, text: str) -> Chunk:
    """Replace a chunk's text."""
    permissions.require(actor, "change", chunk)
    base, document = _lock(chunk.document)
    locked = lock_chunk(chunk)
    before = audit.snapshot(locked, _AUDITED)
    new_text = _checked(text)
    if new_text == locked.text:
        return locked
    if locked.live:
        remove_terms(base.pk, [locked.pk])
    _write_text(locked, new_text)
    locked.edited = True
    locked.save()
    if locked.live:
        add_terms(base.pk, [locked.pk])
    ChunkEmbedding.objects.filter(chunk=locked).delete()
    _after(actor, base, document, locked, "update", before, embed=True)
    return locked


@transaction.atomic
def set_chunk_enabled(*, actor: Actor, chunk: Chunk, enabled: bool) -> Chunk:
    """Let retrieval find a chunk, or not."""
    permissions.require(actor, "change", chunk)
    base, document = _lock(chunk.document)
    locked = lock_chunk(chunk)
    if locked.enabled == enabled:
        return locked
    before = audit.snapshot(locked, _AUDITED)
    locked.enabled = enabled
    locked.save(update_fields=["enabled", "updated_at"])
    _after(actor, base, document, locked, "update", before, embed=False)
    return locked


@transaction.atomic
def delete_chunk(*, actor: Actor, chunk: Chunk) -> None:
    """Delete a chunk; the positions of the others stay."""
    permissions.require(actor, "delete", chunk)
    base, document = _lock(chunk.document)
    locked = lock_chunk(chunk)
    before = audit.snapshot(locked, _AUDITED)
    if locked.live:
        remove_terms(base.pk, [locked.pk])
    audit.record(actor=actor, action="knowledge.chunk.delete", obj=locked, before=before)
    delete_chunks(Chunk.objects.filter(pk=locked.pk))
    recount_document(document)
    recount_base(base)
    publish_document(document)
    publish_base(base)


def embed_document(ctx: jobs.JobContext, *, document_id: str) -> None:
    """Make the vectors that a document's searched chunks lack."""
    document = Document.objects.filter(pk=document_id).first()
    if document is None:
        return
    base = KnowledgeBase.objects.with_models().get(pk=document.base_id)
    for model in models_of(base):
        embed_chunks(
            Chunk.objects.current(document),
            model,
            lambda done, total: ctx.progress(done, total, _("Embedding")),
        )


def _lock(document: Document) -> tuple[KnowledgeBase, Document]:
    """Lock a document whose chunks are to be changed; refuse while it is being indexed."""
    base, locked = lock_document(document)
    if locked.generation == 0 or not DocumentState(locked.state).is_final:
        raise DocumentBusy(_("Its chunks can be changed when the indexing has ended."))
    return base, locked


def _checked(text: str) -> str:
    cleaned = tidy(text).strip()
    if not cleaned:
        raise Invalid(_("A chunk needs text."), errors={"text": [_("This field is required.")]})
    if len(cleaned) > MAX_CHARACTERS:
        raise Invalid(
            _("A chunk has at most %(count)d characters. Make two of it.") % {"count": MAX_CHARACTERS},
            errors={"text": [_("Too long.")]},
        )
    return cleaned


def _write_text(chunk: Chunk, text: str) -> None:
    indexed = index_text(text)
    chunk.text, chunk.terms, chunk.term_count, chunk.tv = text, indexed.terms, indexed.count, indexed.vector
    chunk.token_count = round(estimate_tokens(text))


def _after(
    actor: Actor,
    base: KnowledgeBase,
    document: Document,
    chunk: Chunk,
    verb: str,
    before: dict[str, object],
    *,
    embed: bool,
) -> None:
    recount_document(document)
    recount_base(base)
    after = audit.snapshot(chunk, _AUDITED)
    audit.record(actor=actor, action=f"knowledge.chunk.{verb}", obj=chunk, before=before, after=after)
    if embed and (base.embedding_model_id or base.next_embedding_model_id):
        jobs.enqueue(
            "knowledge.embed_document",
            actor=actor,
            workspace=document.workspace,
            args={"document_id": str(document.pk)},
            title=_("New vectors for “%(name)s”") % {"name": document.name},
        )
    publish_document(document)
    publish_base(base)
