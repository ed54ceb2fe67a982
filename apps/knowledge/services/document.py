"""Adding, changing, indexing again and deleting documents."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from apps.core import audit, jobs, permissions
from apps.core.actors import Actor
from apps.core.exceptions import Conflict, Invalid
from apps.core.ids import uuid7
from apps.core.models import Job
from apps.knowledge.exceptions import DocumentBusy, DuplicateDocument
from apps.knowledge.indexing import add_terms, delete_chunks, recount_base, remove_terms
from apps.knowledge.locks import lock_document
from apps.knowledge.models import Chunk, Document, DocumentState, KnowledgeBase
from apps.knowledge.notifications import publish_base, publish_document, publish_document_deleted
from apps.knowledge.parsing import EmptyDocument, ParseError, check_name

_READ_BYTES = 1024 * 1024
_AUDITED = ("name", "size", "sha256", "state", "enabled", "metadata")


class OversizedFile(ParseError):  # named like the states they are
    """Larger than an upload may be."""

    code = "oversized_file"
    template = (
        "The file has %(size)s; %(limit)s is the most that can be uploaded. Split it and upload the parts."
    )


def add_document(
    *,
    actor: Actor,
    base: KnowledgeBase,
    name: str,
    content: File[bytes] | bytes,
    content_type: str = "",
    metadata: Mapping[str, str] | None = None,
) -> Document:
    """Keep a file and start indexing it.

    A file that can't be indexed (empty, too large, unknown type) becomes a document in state failed with the
    reason, so
    that of many files dropped at once each has its row. Raises ``DuplicateDocument`` naming the row that is
    there already.
    """
    permissions.require(actor, "change", base)
    file = ContentFile(content) if isinstance(content, bytes) else content
    clean_name = _clean_name(name)
    try:
        check_name(clean_name)
        size, digest = _measure(file)
    except ParseError as error:
        return reject_document(actor=actor, base=base, name=clean_name, size=file.size or 0, error=error)
    _refuse_duplicate(base, digest)
    document = Document(
        id=uuid7(),
        workspace=base.workspace,
        base=base,
        name=clean_name,
        content_type=content_type[:120],
        size=size,
        sha256=digest,
        metadata=dict(metadata or {}),
        pending_generation=1,
        created_by=actor.user,
    )
    document.file.save(clean_name, file, save=False)
    try:
        _insert(actor, document)
    except BaseException as error:
        default_storage.delete(str(document.file.name))
        if isinstance(error, IntegrityError):
            _refuse_duplicate(base, digest)  # somebody else was a moment faster with the same file
        raise
    return document


@transaction.atomic
def reject_document(
    *, actor: Actor, base: KnowledgeBase, name: str, size: int, error: ParseError
) -> Document:
    """Leave a row that says why a file was not taken."""
    permissions.require(actor, "change", base)
    document = Document.objects.create(
        workspace=base.workspace,
        base=base,
        name=_clean_name(name),
        size=size,
        state=DocumentState.FAILED,
        error=str(error),
        error_code=error.code,
        error_params=error.params,
        created_by=actor.user,
    )
    audit.record(actor=actor, action="knowledge.document.reject", obj=document, after={"error": str(error)})
    publish_document(document)
    return document


def reject_oversized(*, actor: Actor, base: KnowledgeBase, name: str, size: int) -> Document:
    """Leave a row for a file whose declared size is too large, without reading it."""
    return reject_document(actor=actor, base=base, name=name, size=size, error=oversized(size))


def oversized(size: int) -> OversizedFile:
    """The refusal of a file of this size."""
    return OversizedFile(size=_in_words(size), limit=_in_words(settings.MAX_UPLOAD_BYTES))


@transaction.atomic
def update_document(
    *,
    actor: Actor,
    document: Document,
    name: str | None = None,
    enabled: bool | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Document:
    """Rename, switch on or off, or set the metadata that retrieval can filter by."""
    permissions.require(actor, "change", document)
    base, locked = lock_document(document)
    before = audit.snapshot(locked, _AUDITED)
    if name is not None:
        locked.name = _clean_name(name)
    if metadata is not None:
        locked.metadata = {str(key)[:64]: str(value)[:500] for key, value in metadata.items()}
    if enabled is not None and enabled != locked.enabled:
        locked.enabled = enabled
        _switch(base, locked)
    locked.save(update_fields=["name", "metadata", "enabled", "updated_at"])
    if enabled is not None:
        recount_base(base)
        publish_base(base)
    after = audit.snapshot(locked, _AUDITED)
    audit.record(actor=actor, action="knowledge.document.update", obj=locked, before=before, after=after)
    publish_document(locked)
    return locked


@transaction.atomic
def reindex_document(*, actor: Actor, document: Document) -> Document:
    """Index again. A failed or cancelled run goes on where it stopped; a finished one starts afresh beside
    the old index."""
    permissions.require(actor, "change", document)
    _base, locked = lock_document(document)
    if not locked.file:
        raise Conflict(_("This file was not kept. Upload it again."))
    if not DocumentState(locked.state).is_final:
        raise DocumentBusy(_("Wait until the indexing has ended, or cancel it."))
    if not locked.pending_generation:
        locked.pending_generation = locked.generation + 1
    locked.state, locked.done, locked.total = DocumentState.QUEUED, 0, 0
    locked.error, locked.error_code, locked.error_params = "", "", {}
    locked.save()
    audit.record(actor=actor, action="knowledge.document.reindex", obj=locked)
    _enqueue(actor, locked)
    publish_document(locked)
    return locked


@transaction.atomic
def cancel_document(*, actor: Actor, document: Document) -> Document:
    """Stop the indexing. What is searchable of an earlier run stays."""
    permissions.require(actor, "change", document)
    _base, locked = lock_document(document)
    if DocumentState(locked.state).is_final:
        return locked
    running = False
    for job in _open_jobs(locked):
        running |= jobs.cancel(actor=Actor.system("knowledge"), job=job).state != "cancelled"
    if not running:
        locked.state = DocumentState.CANCELLED
        locked.save(update_fields=["state", "updated_at"])
        publish_document(locked)
    audit.record(actor=actor, action="knowledge.document.cancel", obj=locked)
    return locked


@transaction.atomic
def delete_document(*, actor: Actor, document: Document) -> None:
    """Delete a document with its chunks, vectors and file."""
    permissions.require(actor, "delete", document)
    base, locked = lock_document(document)
    for job in _open_jobs(locked):
        jobs.cancel(actor=Actor.system("knowledge"), job=job)
    audit.record(
        actor=actor, action="knowledge.document.delete", obj=locked, before=audit.snapshot(locked, _AUDITED)
    )
    remove_terms(base.pk, _live_ids(locked))
    delete_chunks(Chunk.objects.filter(document=locked))
    file = str(locked.file.name or "")
    publish_document_deleted(locked)
    locked.delete()
    recount_base(base)
    publish_base(base)
    if file:
        transaction.on_commit(lambda: default_storage.delete(file), robust=True)


@transaction.atomic
def _insert(actor: Actor, document: Document) -> None:
    document.save(force_insert=True)
    audit.record(
        actor=actor,
        action="knowledge.document.create",
        obj=document,
        after=audit.snapshot(document, _AUDITED),
    )
    _enqueue(actor, document)
    publish_document(document)


def _enqueue(actor: Actor, document: Document) -> None:
    jobs.enqueue(
        "knowledge.index_document",
        actor=actor,
        workspace=document.workspace,
        args={"document_id": str(document.pk)},
        subject=document,
        title=_("Indexing “%(name)s”") % {"name": document.name},
    )


def _measure(file: File[bytes]) -> tuple[int, str]:
    """Size and SHA-256 of a file, read in pieces; stops at the limit."""
    digest = hashlib.sha256()
    size = 0
    if file.size and file.size > settings.MAX_UPLOAD_BYTES:
        raise oversized(file.size)
    for piece in file.chunks(_READ_BYTES):
        size += len(piece)
        if size > settings.MAX_UPLOAD_BYTES:
            raise oversized(size)
        digest.update(piece)
    if size == 0:
        raise EmptyDocument
    file.seek(0)
    return size, digest.hexdigest()


def _refuse_duplicate(base: KnowledgeBase, digest: str) -> None:
    existing = Document.objects.filter(base=base, sha256=digest).first()
    if existing is not None:
        raise DuplicateDocument(
            _("The base has this file already, as “%(name)s” (%(state)s).")
            % {"name": existing.name, "state": existing.get_state_display()},
            document_id=str(existing.pk),
        )


def _clean_name(name: str) -> str:
    """The last part of a path, without control characters, short enough for the column with its extension
    kept."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1].encode("utf-8", "ignore").decode()
    printable = " ".join("".join(character if character.isprintable() else " " for character in last).split())
    if not printable:
        raise Invalid(_("The file has no name."), errors={"name": [_("This field is required.")]})
    stem, dot, extension = printable.rpartition(".")
    if len(printable) > 255 and dot and len(extension) < 20:
        return f"{stem[: 254 - len(extension)]}.{extension}"
    return printable[:255]


def _in_words(size: int) -> str:
    return filesizeformat(size).replace("\xa0", " ")


def _live_ids(document: Document) -> list[Any]:
    return list(Chunk.objects.filter(document=document, live=True).values_list("pk", flat=True))


def _switch(base: KnowledgeBase, document: Document) -> None:
    """Take the searched chunks of a document out of the index, or put them back."""
    current = Chunk.objects.current(document)
    ids = list(current.values_list("pk", flat=True))
    if document.enabled:
        add_terms(base.pk, ids)
    else:
        remove_terms(base.pk, ids)
    current.update(live=document.enabled)


def _open_jobs(document: Document) -> list[Job]:
    return list(Job.objects.open().filter(subject_type="knowledge.document", subject_id=str(document.pk)))
