"""Documents: uploads and their refusals, indexing that survives a kill, cancelling, deleting."""

from __future__ import annotations

import hashlib

import pytest
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage

from apps.core import jobs
from apps.core.actors import Actor
from apps.core.exceptions import Conflict, NotAllowed
from apps.core.models import AuditEntry, Job
from apps.knowledge.exceptions import DocumentBusy, DuplicateDocument
from apps.knowledge.models import Chunk, ChunkEmbedding, Document, DocumentState, Term
from apps.knowledge.services import document as service
from apps.knowledge.services import indexing
from tests.factories.core import SYSTEM
from tests.factories.knowledge import make_base, make_document, make_embedding_model
from tests.knowledge import files
from tests.support.jobs import run_queued

pytestmark = pytest.mark.django_db

LONG_TEXT = "\n\n".join(
    f"Paragraph {number} tells a story about subject{number}. " * 12 for number in range(80)
)


@pytest.fixture
def base(workspace):
    return make_base(workspace, name="Handbook")


class HugeFile(File):
    """Claims 200 MB and fails the test when anybody reads it."""

    size = 200 * 1024 * 1024

    def __init__(self) -> None:
        super().__init__(None, name="huge.pdf")

    def chunks(self, chunk_size=None):
        raise AssertionError("A file over the limit must not be read.")


class TestUpload:
    def test_a_file_becomes_searchable_chunks(self, base, editor):
        text = "# Leave\n\nTwenty days of leave a year.\n\n# Travel\n\nBook trains early."
        document = service.add_document(
            actor=Actor.for_user(editor), base=base, name="hand book.md", content=text.encode()
        )
        assert document.state == DocumentState.QUEUED
        (job,) = run_queued()
        assert job.state == "succeeded"
        document.refresh_from_db()
        assert (document.state, document.title, document.language) == ("ready", "Leave", "en")
        assert document.sha256 == hashlib.sha256(text.encode()).hexdigest()
        assert document.created_by == editor
        chunks = list(Chunk.objects.current(document))
        assert [chunk.headings for chunk in chunks] == [["Leave"], ["Travel"]]
        assert all(chunk.live for chunk in chunks)
        base.refresh_from_db()
        assert (base.chunk_count, base.language) == (2, "en")
        assert base.term_total == sum(chunk.term_count for chunk in chunks)
        assert Term.objects.get(base=base, term="leav").df == 1
        assert AuditEntry.objects.filter(
            action="knowledge.document.create", object_id=str(document.pk)
        ).exists()

    @pytest.mark.parametrize(
        ("name", "content", "code", "words"),
        [
            ("empty.pdf", b"", "empty_document", "no text"),
            ("setup.exe", b"MZ....", "unsupported_format", ".pdf"),
            ("noextension", b"text", "unsupported_format", "noextension"),
        ],
    )
    def test_a_refused_file_leaves_a_row_that_says_why(self, base, name, content, code, words):
        document = (
            make_document(base, content or b"x", name)
            if content
            else service.add_document(actor=SYSTEM, base=base, name=name, content=b"")
        )
        assert (document.state, document.error_code) == (DocumentState.FAILED, code)
        assert words in document.error_sentence
        assert not document.file
        assert Job.objects.count() == 0

    @pytest.mark.parametrize(
        ("name", "content", "code"),
        [
            ("scan.pdf", files.pdf("", ""), "no_text_layer"),
            ("secret.pdf", files.pdf("x", password="p"), "encrypted_document"),
            ("broken.pdf", b"%PDF-1.4 nothing of a PDF", "broken_document"),
            ("really a pdf.txt", files.pdf("some text"), "wrong_extension"),
            ("blank.txt", b" \n \n", "empty_document"),
        ],
    )
    def test_an_unreadable_file_fails_with_its_reason_and_others_go_on(self, base, name, content, code):
        bad = make_document(base, content, name, index=False)
        good = make_document(base, "Good text.", "good.md", index=False)
        run_queued()
        bad.refresh_from_db()
        good.refresh_from_db()
        assert (bad.state, bad.error_code) == (DocumentState.FAILED, code)
        assert bad.error_sentence.endswith(".")
        assert good.state == DocumentState.READY
        assert Job.objects.get(subject_id=str(bad.pk)).error == bad.error_sentence

    def test_a_file_over_the_limit_is_refused_without_being_read(self, base):
        document = service.add_document(actor=SYSTEM, base=base, name="huge.pdf", content=HugeFile())
        assert (document.state, document.error_code) == (DocumentState.FAILED, "oversized_file")
        assert "200.0 MB" in document.error_sentence
        assert "50.0 MB" in document.error_sentence

    def test_a_file_that_hides_its_size_is_stopped_at_the_limit(self, base, settings):
        settings.MAX_UPLOAD_BYTES = 1000
        content = ContentFile(b"x" * 5000)
        content.size = 10
        assert (
            service.add_document(actor=SYSTEM, base=base, name="a.txt", content=content).error_code
            == "oversized_file"
        )

    def test_the_same_file_twice_names_the_first(self, base):
        first = make_document(base, "same", "first.md")
        with pytest.raises(DuplicateDocument, match=r"“first\.md” \(Ready\)") as caught:
            make_document(base, "same", "second.md")
        assert caught.value.extra["document_id"] == str(first.pk)
        assert Document.objects.count() == 1

    def test_the_same_file_in_another_base_is_fine(self, base, workspace):
        make_document(base, "same")
        assert make_document(make_base(workspace), "same").state == DocumentState.READY

    def test_names_lose_their_path_and_control_characters(self, base):
        document = make_document(base, "text", "../../etc/pass\x00wd\n.md")
        assert document.name == "pass wd .md"
        assert document.file.name == f"knowledge/{base.pk}/{document.pk}.md"
        assert make_document(base, "text2", "x" * 400 + ".md").name.endswith("x.md")

    def test_a_viewer_may_not_upload(self, base, viewer):
        with pytest.raises(NotAllowed):
            service.add_document(actor=Actor.for_user(viewer), base=base, name="a.md", content=b"text")
        assert Document.objects.count() == 0


class TestIndexing:
    def test_every_stage_is_passed_and_shown(self, base, monkeypatch):
        seen = []
        monkeypatch.setattr(indexing, "publish_document", lambda document: seen.append(document.state))
        make_document(base, LONG_TEXT)
        order = list(dict.fromkeys(seen))
        assert order == ["parsing", "cleaning", "chunking", "embedding", "indexing", "ready"]

    def test_a_kill_while_embedding_goes_on_where_it_was(self, workspace, model_server, monkeypatch):
        model = make_embedding_model(workspace, model_server.base_url)
        base = make_base(workspace, embedding_model=model)
        document = make_document(base, LONG_TEXT, index=False)
        calls = []
        real = indexing.Stage.advance

        def kill_after_two_batches(stage, done, total):
            real(stage, done, total)
            if stage.document.state == DocumentState.EMBEDDING:
                calls.append(done)
                if len(calls) == 2:
                    raise jobs.JobLost  # what is left when the process is gone

        monkeypatch.setattr(indexing.Stage, "advance", kill_after_two_batches)
        job = Job.objects.get()
        jobs.run_job(job.pk)
        before = set(Chunk.objects.values_list("pk", flat=True))
        embedded = set(ChunkEmbedding.objects.values_list("chunk_id", flat=True))
        assert len(embedded) == 64 < len(before)
        assert not Chunk.objects.filter(live=True).exists()

        monkeypatch.setattr(indexing.Stage, "advance", real)
        Job.objects.update(lease_until="2020-01-01T00:00:00Z")
        requests_before = len(model_server.requests)
        jobs.run_job(job.pk)
        document.refresh_from_db()
        assert document.state == DocumentState.READY
        assert set(Chunk.objects.values_list("pk", flat=True)) == before
        assert ChunkEmbedding.objects.count() == len(before) == document.chunk_count
        sent = [text for request in model_server.requests[requests_before:] for text in request.body["input"]]
        assert len(sent) == len(before) - 64

    def test_a_job_that_comes_twice_changes_nothing(self, base):
        document = make_document(base, LONG_TEXT)
        before = list(Chunk.objects.values_list("pk", "updated_at"))
        Job.objects.update(state="queued")
        run_queued()
        assert list(Chunk.objects.values_list("pk", "updated_at")) == before
        document.refresh_from_db()
        assert document.state == DocumentState.READY

    def test_a_kill_before_the_chunks_are_stored_leaves_none(self, base, monkeypatch):
        document = make_document(base, LONG_TEXT, index=False)

        def die(*args, **kwargs):
            raise jobs.JobLost

        with monkeypatch.context() as patch:
            patch.setattr(Chunk.objects, "bulk_create", die)
            jobs.run_job(Job.objects.get().pk)
        assert Chunk.objects.count() == 0
        Job.objects.update(lease_until="2020-01-01T00:00:00Z")
        jobs.run_job(Job.objects.get().pk)
        document.refresh_from_db()
        assert document.state == DocumentState.READY
        assert document.chunk_count == Chunk.objects.count() > 50

    def test_a_failing_model_is_named_and_a_retry_goes_on(self, workspace, model_server):
        model = make_embedding_model(workspace, model_server.base_url, "down")
        base = make_base(workspace, embedding_model=model)
        document = make_document(base, "Some text about tea.")
        assert (document.state, document.error_code) == (DocumentState.FAILED, "model_error")
        chunk_ids = list(Chunk.objects.values_list("pk", flat=True))
        model.name = "embed"
        model.save()
        service.reindex_document(actor=SYSTEM, document=document)
        run_queued()
        document.refresh_from_db()
        assert (document.state, document.error) == (DocumentState.READY, "")
        assert list(Chunk.objects.values_list("pk", flat=True)) == chunk_ids

    def test_an_unexpected_error_is_on_the_row(self, base, monkeypatch, caplog):
        def explode(parsed):
            raise ZeroDivisionError("by nought")

        monkeypatch.setattr(indexing, "clean", explode)
        document = make_document(base, "text")
        assert (document.state, document.error_code) == (DocumentState.FAILED, "unexpected_error")
        assert "by nought" in document.error
        assert "nought" not in document.error_sentence

    def test_indexing_again_replaces_the_chunks_at_the_end(self, base):
        document = make_document(base, LONG_TEXT)
        old = set(Chunk.objects.values_list("pk", flat=True))
        terms = dict(Term.objects.values_list("term", "df"))
        service.reindex_document(actor=SYSTEM, document=document)
        assert set(Chunk.objects.filter(live=True).values_list("pk", flat=True)) == old
        run_queued()
        new = set(Chunk.objects.values_list("pk", flat=True))
        assert len(new) == len(old)
        assert not new & old
        assert dict(Term.objects.values_list("term", "df")) == terms

    def test_a_document_under_way_is_busy(self, base):
        document = make_document(base, index=False)
        with pytest.raises(DocumentBusy):
            service.reindex_document(actor=SYSTEM, document=document)

    def test_a_refused_file_cannot_be_indexed_again(self, base):
        document = make_document(base, b"MZ", "a.exe")
        with pytest.raises(Conflict, match="Upload it again"):
            service.reindex_document(actor=SYSTEM, document=document)


class TestCancel:
    def test_a_waiting_document_stops_at_once(self, base):
        document = make_document(base, index=False)
        assert service.cancel_document(actor=SYSTEM, document=document).state == DocumentState.CANCELLED
        assert run_queued() == []
        service.reindex_document(actor=SYSTEM, document=document)
        run_queued()
        document.refresh_from_db()
        assert document.state == DocumentState.READY

    def test_a_running_one_stops_at_its_next_step(self, base, monkeypatch):
        document = make_document(base, LONG_TEXT, index=False)
        real = indexing.clean

        def cancel_meanwhile(parsed):
            service.cancel_document(actor=SYSTEM, document=document)
            return real(parsed)

        monkeypatch.setattr(indexing, "clean", cancel_meanwhile)
        (job,) = run_queued()
        document.refresh_from_db()
        assert (job.state, document.state) == ("cancelled", DocumentState.CANCELLED)
        assert Chunk.objects.count() == 0


class TestDelete:
    def test_everything_of_a_document_goes(self, base, django_capture_on_commit_callbacks):
        kept = make_document(base, "Kept text about coffee.")
        document = make_document(base, "Deleted text about tea.")
        path = document.file.name
        assert default_storage.exists(path)
        with django_capture_on_commit_callbacks(execute=True):
            service.delete_document(actor=SYSTEM, document=document)
        assert not default_storage.exists(path)
        assert set(Chunk.objects.values_list("document_id", flat=True)) == {kept.pk}
        assert not Term.objects.filter(term="tea").exists()
        assert Term.objects.get(term="text").df == 1
        base.refresh_from_db()
        assert base.chunk_count == 1

    def test_deleting_while_indexing_ends_the_job_quietly(self, base, monkeypatch):
        document = make_document(base, LONG_TEXT, index=False)
        real = indexing.clean

        def delete_meanwhile(parsed):
            service.delete_document(actor=SYSTEM, document=document)
            return real(parsed)

        monkeypatch.setattr(indexing, "clean", delete_meanwhile)
        (job,) = run_queued()
        assert job.state in {"succeeded", "cancelled"}
        assert (Document.objects.count(), Chunk.objects.count()) == (0, 0)


class TestSwitch:
    def test_a_switched_off_document_is_out_of_the_index_and_comes_back(self, base):
        document = make_document(base, "Text about tea.")
        terms = dict(Term.objects.values_list("term", "df"))
        service.update_document(actor=SYSTEM, document=document, enabled=False)
        base.refresh_from_db()
        assert (base.chunk_count, Term.objects.count(), Chunk.objects.filter(live=True).count()) == (0, 0, 0)
        service.update_document(actor=SYSTEM, document=document, enabled=True)
        base.refresh_from_db()
        assert base.chunk_count == 1
        assert dict(Term.objects.values_list("term", "df")) == terms
