"""Chunks changed by hand."""

from __future__ import annotations

import pytest

from apps.core.actors import Actor
from apps.core.exceptions import Invalid, NotAllowed, NotFound
from apps.core.models import AuditEntry
from apps.knowledge.exceptions import DocumentBusy
from apps.knowledge.models import Chunk, Term
from apps.knowledge.services import chunk as service
from apps.knowledge.services import document as document_service
from tests.factories.core import SYSTEM
from tests.factories.knowledge import make_base, make_document
from tests.support.jobs import run_queued

pytestmark = pytest.mark.django_db


@pytest.fixture
def document(workspace):
    return make_document(make_base(workspace), "# Tea\n\nGreen tea is good.")


@pytest.fixture
def chunk(document):
    return Chunk.objects.get()


def test_an_edit_is_in_the_index_counted_and_audited(document, chunk, editor):
    edited = service.edit_chunk(actor=Actor.for_user(editor), chunk=chunk, text="Coffee is\x00 better.")
    assert (edited.text, edited.edited, edited.terms) == ("Coffee is better.", True, "coffe better")
    assert set(Term.objects.values_list("term", flat=True)) == {"coffe", "better"}
    document.refresh_from_db()
    assert document.term_total == 2
    entry = AuditEntry.objects.get(action="knowledge.chunk.update")
    assert entry.changes["text"] == ["# Tea\n\nGreen tea is good.", "Coffee is better."]


def test_an_edit_without_change_writes_nothing(chunk):
    service.edit_chunk(actor=SYSTEM, chunk=chunk, text=chunk.text)
    assert not AuditEntry.objects.filter(action="knowledge.chunk.update").exists()


@pytest.mark.parametrize("text", ["", "  \n ", "\x00", "x" * 20_001])
def test_unfit_texts_are_refused(chunk, text):
    with pytest.raises(Invalid):
        service.edit_chunk(actor=SYSTEM, chunk=chunk, text=text)


def test_chunks_are_added_at_the_end_and_deleted(document, chunk):
    added = service.add_chunk(actor=SYSTEM, document=document, text="White tea is rare.")
    assert (added.position, added.live) == (1, True)
    assert Term.objects.get(term="tea").df == 2
    service.delete_chunk(actor=SYSTEM, chunk=added)
    document.refresh_from_db()
    assert (document.chunk_count, Term.objects.get(term="tea").df) == (1, 1)


def test_a_viewer_may_not_edit(chunk, viewer):
    with pytest.raises(NotAllowed):
        service.edit_chunk(actor=Actor.for_user(viewer), chunk=chunk, text="mine")
    chunk.refresh_from_db()
    assert chunk.text.startswith("# Tea")


def test_editing_waits_for_the_indexing_and_a_replaced_chunk_is_gone(document, chunk):
    document_service.reindex_document(actor=SYSTEM, document=document)
    with pytest.raises(DocumentBusy):
        service.edit_chunk(actor=SYSTEM, chunk=chunk, text="new")
    run_queued()
    with pytest.raises(NotFound):
        service.edit_chunk(actor=SYSTEM, chunk=chunk, text="new")
