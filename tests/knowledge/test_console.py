"""The knowledge pages of the console: what each person sees, uploads, query counts."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.knowledge.messages import SENTENCES
from apps.knowledge.models import Chunk, Document
from apps.knowledge.parsing.errors import ERRORS
from apps.knowledge.selectors import may_watch_base, may_watch_document
from apps.knowledge.services.document import OversizedFile
from tests.factories.knowledge import make_base, make_document

pytestmark = pytest.mark.django_db


@pytest.fixture
def base(workspace):
    return make_base(workspace, name="Handbook")


@pytest.fixture
def document(base):
    return make_document(base, "# Tea\n\nGreen tea is good & <b>hot</b>.", "tea.md")


def pages(base, document):
    chunk = Chunk.objects.get(document=document)
    return {
        "bases": reverse("admin:knowledge_bases"),
        "base": reverse("admin:knowledge_base", args=[base.pk]),
        "settings": reverse("admin:knowledge_settings", args=[base.pk]),
        "hits": f"{reverse('admin:knowledge_hit_testing')}?base={base.pk}&q=green+tea",
        "document": reverse("admin:knowledge_document", args=[document.pk]),
        "chunk": reverse("admin:knowledge_chunk", args=[chunk.pk]),
    }


def test_every_page_opens_for_editor_and_viewer(console, editor, viewer, base, document):
    for person in (editor, viewer):
        client = console(person)
        for name, url in pages(base, document).items():
            response = client.get(url)
            assert response.status_code == 200, name
            assert "style=" not in response.content.decode().split('class="fw-page"')[1].split("</main>")[0]


def test_only_editors_see_controls(console, editor, viewer, base, document):
    for url in pages(base, document).values():
        page = console(viewer).get(url).content.decode()
        assert 'data-act="' not in page
        assert "data-dropzone" not in page
    assert "data-dropzone" in console(editor).get(pages(base, document)["base"]).content.decode()


def test_a_stranger_finds_nothing(console, stranger, base, document):
    client = console(stranger)
    for name, url in pages(base, document).items():
        response = client.get(url)
        if name in {"bases", "hits"}:
            assert response.status_code == 200
            assert "Handbook" not in response.content.decode()
        else:
            assert response.status_code == 404, name
    assert (
        client.post(
            reverse("admin:knowledge_upload", args=[base.pk]) + "?name=a.md", b"x", content_type="text/plain"
        ).status_code
        == 404
    )


def test_visitors_are_sent_to_the_login(client, base, document):
    for url in pages(base, document).values():
        assert client.get(url).status_code == 302


def test_text_of_documents_is_escaped(console, viewer, base, document):
    for name in ("document", "chunk", "hits"):
        page = console(viewer).get(pages(base, document)[name]).content.decode()
        assert "&lt;b&gt;hot&lt;/b&gt;" in page
        assert "<b>hot</b>" not in page


def test_the_hit_test_shows_the_modes_side_by_side(console, editor, base, document):
    page = console(editor).get(pages(base, document)["hits"]).content.decode()
    assert page.count("kn-hit__head") == 3
    assert "no embedding model" in page
    assert reverse("admin:knowledge_chunk", args=[Chunk.objects.get().pk]) in page


@pytest.mark.parametrize("query", ["base=nonsense&q=x", "q=x&top_k=abc", "q=x&alpha=7", "q=%00", "page=99"])
def test_odd_parameters_never_fail(console, editor, base, document, query):
    client = console(editor)
    assert client.get(f"{reverse('admin:knowledge_hit_testing')}?{query}").status_code == 200
    assert client.get(f"{reverse('admin:knowledge_base', args=[base.pk])}?{query}&row=x").status_code == 404
    assert client.get(f"{reverse('admin:knowledge_document', args=[document.pk])}?{query}").status_code == 200


class TestUpload:
    def send(self, client, base, name, body, size=None):
        url = f"{reverse('admin:knowledge_upload', args=[base.pk])}?name={name}"
        return client.post(
            f"{url}&size={size}" if size else url, body, content_type="application/octet-stream"
        )

    def test_a_file_gives_its_row(self, console, editor, base):
        response = self.send(console(editor), base, "handbuch.md", b"Some text.")
        assert response.status_code == 201
        document = Document.objects.get()
        assert (document.name, document.size, document.created_by) == ("handbuch.md", 10, editor)
        assert f'data-document="{document.pk}"' in response.content.decode()

    def test_a_file_over_the_limit_is_announced_only(self, console, editor, base):
        response = self.send(console(editor), base, "huge.pdf", b"", size=200 * 1024 * 1024)
        assert response.status_code == 201
        assert "50.0 MB" in response.content.decode().replace("\xa0", " ")
        assert Document.objects.get().error_code == "oversized_file"

    def test_problems_are_said(self, console, editor, viewer, base):
        client = console(editor)
        self.send(client, base, "a.md", b"same")
        response = self.send(client, base, "b.md", b"same")
        assert (response.status_code, response.json()["code"]) == (409, "duplicate_document")
        assert self.send(client, base, "", b"text").status_code == 422
        assert self.send(console(viewer), base, "c.md", b"text").status_code == 403

    def test_get_is_not_allowed(self, console, editor, base):
        assert console(editor).get(reverse("admin:knowledge_upload", args=[base.pk])).status_code == 405


@pytest.mark.parametrize("name", ["bases", "base", "document"])
def test_pages_cost_the_same_for_one_and_for_many(console, viewer, base, document, name):
    client = console(viewer)
    url = pages(base, document)[name]
    client.get(url)
    with CaptureQueriesContext(connection) as one:
        client.get(url)
    for number in range(3):
        make_base(base.workspace)
        make_document(base, f"text {number}")
    with CaptureQueriesContext(connection) as many:
        client.get(url)
    assert len(many) <= len(one)
    assert len(many) <= 20


def test_events_are_for_people_of_the_workspace(viewer, stranger, base, document):
    assert may_watch_base(viewer, str(base.pk))
    assert may_watch_document(viewer, str(document.pk))
    assert not may_watch_base(stranger, str(base.pk))
    assert not may_watch_document(stranger, str(document.pk))
    assert not may_watch_base(viewer, "nonsense")


def test_every_error_sentence_is_translatable():
    for code, error in {**ERRORS, "oversized_file": OversizedFile}.items():
        assert str(SENTENCES[code]) == error.template
