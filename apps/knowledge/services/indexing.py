"""Ingestion: parse, clean, chunk, embed, index; each stage visible, each step safe against a kill.

What a killed run has done is found again: chunks are stored in one transaction, vectors batch by batch, and
the switch
to the new generation is one transaction at the end. Running the job again goes on from there and doubles
nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone
from opentelemetry import trace

from apps.core import hooks, jobs
from apps.core.exceptions import NotFound
from apps.knowledge.analysis import detect_language
from apps.knowledge.chunking import ChunkDraft, chunk, estimate_tokens
from apps.knowledge.indexing import (
    add_terms,
    delete_chunks,
    embed_chunks,
    index_text,
    missing_vectors,
    models_of,
    recount_base,
    remove_terms,
)
from apps.knowledge.locks import lock_document
from apps.knowledge.models import Chunk, Document, DocumentState, KnowledgeBase
from apps.knowledge.notifications import publish_base, publish_document
from apps.knowledge.parsing import EmptyDocument, ParsedDocument, ParseError, clean, parse
from apps.providers.exceptions import ModelError
from apps.tracing import attributes
from apps.tracing.context import trace_context

logger = logging.getLogger(__name__)
tracer = trace.get_tracer(__name__)

_INSERT_BATCH = 500
_LANGUAGE_SAMPLE = 20_000


class Stage:
    """Writes where a document stands to its row, its job and open pages, a few times a second at most."""

    INTERVAL_S = 0.3

    def __init__(self, ctx: jobs.JobContext, document: Document) -> None:
        self.ctx = ctx
        self.document = document
        self._written_at = 0.0

    def enter(self, state: DocumentState) -> None:
        """Begin a stage; raises when the job was cancelled or lost."""
        self.document.state, self.document.done, self.document.total = state, 0, 0
        self.ctx.checkpoint()
        self._write()

    def advance(self, done: int, total: int) -> None:
        """Progress within the stage; cheap enough to call for every page or batch."""
        self.document.done, self.document.total = done, total
        if done < total and time.monotonic() - self._written_at < self.INTERVAL_S:
            return
        self._write()

    def _write(self) -> None:
        self._written_at = time.monotonic()
        document = self.document
        Document.objects.filter(pk=document.pk).update(
            state=document.state, done=document.done, total=document.total, updated_at=timezone.now()
        )
        publish_document(document)
        self.ctx.progress(document.percent, 100, str(DocumentState(document.state).label))


def index_document(ctx: jobs.JobContext, *, document_id: str) -> None:
    """Index the pending generation of a document; returns at once when there is none (the job ran before)."""
    document = Document.objects.select_related("base", "workspace").filter(pk=document_id).first()
    if document is None or not document.pending_generation:
        return
    with _failures_on_the_row(document), _traced(document):
        stage = Stage(ctx, document)
        if not Chunk.objects.of_generation(document, document.pending_generation).exists():
            _parse_and_chunk(document, stage)
        stage.enter(DocumentState.EMBEDDING)
        _embed(document, stage)
        stage.enter(DocumentState.INDEXING)
        while not _switch_generation(document):
            _embed(document, stage)
    publish_document(document)


def _parse_and_chunk(document: Document, stage: Stage) -> None:
    stage.enter(DocumentState.PARSING)
    parsed = parse(_content(document), document.name, stage.advance)
    stage.enter(DocumentState.CLEANING)
    parsed = clean(parsed)
    stage.enter(DocumentState.CHUNKING)
    drafts = chunk(parsed, document.base.chunking_settings)
    if not drafts:
        raise EmptyDocument
    rows = []
    for number, draft in enumerate(drafts, start=1):
        rows.append(_row(document, draft))
        stage.advance(number, len(drafts))
    _store(document, parsed, rows)


def _content(document: Document) -> bytes:
    try:
        with document.file.open("rb") as file:
            return bytes(file.read())
    except (FileNotFoundError, ValueError) as error:
        raise MissingFile from error


class MissingFile(ParseError):  # named like the states they are
    """The storage lost it."""

    code = "missing_file"
    template = "The uploaded file is gone from the storage. Upload it again."


def _row(document: Document, draft: ChunkDraft) -> Chunk:
    indexed = index_text(draft.text)
    return Chunk(
        workspace_id=document.workspace_id,
        base_id=document.base_id,
        document=document,
        generation=document.pending_generation,
        position=draft.position,
        text=draft.text,
        terms=indexed.terms,
        term_count=indexed.count,
        tv=indexed.vector,
        token_count=round(estimate_tokens(draft.text)),
        page=draft.page,
        headings=list(draft.headings),
        metadata=draft.metadata,
    )


@transaction.atomic
def _store(document: Document, parsed: ParsedDocument, rows: list[Chunk]) -> None:
    """All chunks or none: their presence says that the first three stages are done."""
    _base, locked = lock_document(document)
    if locked.pending_generation != document.pending_generation:
        raise jobs.JobLost
    Chunk.objects.bulk_create(rows, batch_size=_INSERT_BATCH)
    locked.title = parsed.title
    locked.language = detect_language(parsed.text[:_LANGUAGE_SAMPLE])
    locked.page_count = parsed.page_count
    locked.warnings = list(parsed.warnings)
    # What a person set wins over what the file says of itself.
    locked.metadata = {**parsed.metadata, **locked.metadata}
    locked.save(update_fields=["title", "language", "page_count", "warnings", "metadata", "updated_at"])


def _embed(document: Document, stage: Stage) -> None:
    # Read again: the embedding model can have been changed since the job began.
    base = KnowledgeBase.objects.with_models().get(pk=document.base_id)
    for model in models_of(base):
        embed_chunks(Chunk.objects.of_generation(document, document.pending_generation), model, stage.advance)


@transaction.atomic
def _switch_generation(document: Document) -> bool:
    """Make the new chunks searchable and drop the old ones; False when vectors are missing still.

    The embedding model can have been changed since the vectors were made; then the document needs the new
    one's too.
    """
    base, locked = lock_document(document)
    fresh = Chunk.objects.of_generation(locked, document.pending_generation)
    if any(missing_vectors(fresh, model).exists() for model in models_of(base)):
        return False
    stale = Chunk.objects.filter(document=locked).exclude(generation=document.pending_generation)
    remove_terms(base.pk, stale.filter(live=True).values_list("pk", flat=True))
    delete_chunks(stale)
    if locked.enabled:
        fresh.update(live=True)
        add_terms(base.pk, fresh.values_list("pk", flat=True))
    counts = list(fresh.values_list("term_count", flat=True))
    locked.chunk_count, locked.term_total = len(counts), sum(counts)
    locked.generation, locked.pending_generation = document.pending_generation, 0
    locked.state, locked.indexed_at, locked.done, locked.total = DocumentState.READY, timezone.now(), 0, 0
    locked.error, locked.error_code, locked.error_params = "", "", {}
    locked.save()
    recount_base(base)
    publish_base(base)
    _tell_indexed(locked, base)
    document.refresh_from_db()
    return True


def _tell_indexed(document: Document, base: KnowledgeBase) -> None:
    """Let workflows be started by it."""
    hooks.tell(
        hooks.Happening(
            name="document_indexed",
            workspace=base.workspace,
            key=f"{document.pk}:{document.generation}",
            data={
                "document_id": str(document.pk),
                "document": document.name,
                "base_id": str(base.pk),
                "base": base.name,
            },
        )
    )


@contextmanager
def _traced(document: Document) -> Iterator[None]:
    with (
        trace_context(
            workspace_id=document.workspace_id, source_type="knowledge.document", source_id=document.pk
        ),
        tracer.start_as_current_span(f"index {document.name}") as span,
    ):
        span.set_attribute(attributes.OBSERVATION_TYPE, "chain")
        span.set_attribute(attributes.INPUT, document.name)
        yield


@contextmanager
def _failures_on_the_row(document: Document) -> Iterator[None]:
    """Every way to end is written on the document; a lost lease or database is left to the next run."""
    try:
        yield
    except jobs.JobCancelled:
        _end(document, DocumentState.CANCELLED)
        raise
    except ParseError as error:
        _end(document, DocumentState.FAILED, str(error), error.code, error.params)
        raise jobs.JobFailed(document.error_sentence) from error
    except ModelError as error:
        reason = str(error.detail)
        _end(document, DocumentState.FAILED, reason, "model_error", {"reason": reason})
        raise jobs.JobFailed(document.error_sentence) from error
    except NotFound:
        # Deleted while it was being indexed: nothing is left to do or to tell.
        return
    except (jobs.JobLost, OperationalError, InterfaceError):
        raise
    except Exception as error:
        if not Document.objects.filter(pk=document.pk).exists():
            return
        logger.exception("Indexing of document %s failed.", document.pk)
        _end(document, DocumentState.FAILED, repr(error)[:500], "unexpected_error")
        raise jobs.JobFailed(document.error_sentence) from error


def _end(
    document: Document,
    state: DocumentState,
    error: str = "",
    code: str = "",
    params: Mapping[str, str] | None = None,
) -> None:
    document.state, document.error, document.error_code = state, error, code
    document.error_params = dict(params or {})
    document.done = document.total = 0
    Document.objects.filter(pk=document.pk).update(
        state=state, error=error, error_code=code, error_params=document.error_params, done=0, total=0
    )
    publish_document(document)
