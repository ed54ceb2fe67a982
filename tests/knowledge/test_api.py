"""The knowledge API: what each caller gets, uploads, retrieval, query counts."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.knowledge.models import Chunk, Document, KnowledgeBase
from tests.factories.knowledge import make_base, make_document
from tests.support.jobs import run_queued

pytestmark = pytest.mark.django_db

BASES, DOCUMENTS, CHUNKS = "/api/v1/knowledge-bases/", "/api/v1/documents/", "/api/v1/chunks/"


@pytest.fixture
def base(workspace):
    return make_base(workspace, name="Handbook")


@pytest.fixture
def document(base):
    return make_document(base, "Green tea is good.", "tea.md")


def upload(client, base, content=b"Some text.", name="a.md", **headers):
    data = {"base": str(base.pk), "file": SimpleUploadedFile(name, content, "text/plain")}
    return client.post(DOCUMENTS, data, format="multipart", **headers)


def test_a_base_is_created_changed_and_deleted(api, editor):
    client = api(editor)
    created = client.post(BASES, {"name": " My  base ", "chunking": {"size": 300}, "embedding_model": None})
    assert created.status_code == 201
    assert (created.json()["name"], created.json()["chunking"]["size"]) == ("My base", 300)
    url = f"{BASES}{created.json()['id']}/"
    changed = client.patch(url, {"retrieval": {"top_k": 9}, "chunking": {"overlap": 10}})
    assert changed.json()["retrieval"]["top_k"] == 9
    assert changed.json()["chunking"] == {
        "strategy": "general",
        "size": 300,
        "overlap": 10,
        "rows_per_chunk": 1,
    }
    assert client.delete(url).status_code == 204
    assert KnowledgeBase.objects.count() == 0


def test_settings_that_make_no_sense_are_a_422_with_the_place(api, editor):
    response = api(editor).post(BASES, {"name": "x", "chunking": {"size": 100, "overlap": 90}})
    assert response.status_code == 422
    assert "half of the chunk size" in response.json()["detail"]


def test_a_new_base_takes_the_built_in_model(api, editor):
    response = api(editor).post(BASES, {"name": "x"})
    assert response.json()["embedding_model"] is not None


def test_an_upload_is_indexed(api, editor, base):
    response = upload(api(editor), base, b"Twenty days of leave.", "leave.md")
    assert response.status_code == 201
    assert (response.json()["state"], response.json()["name"]) == ("queued", "leave.md")
    run_queued()
    found = api(editor).get(f"{DOCUMENTS}{response.json()['id']}/").json()
    assert (found["state"], found["percent"], found["chunk_count"]) == ("ready", 100, 1)


def test_a_refused_upload_is_a_document_that_says_why(api, editor, base):
    response = upload(api(editor), base, b"", "empty.pdf")
    assert response.status_code == 201
    assert (response.json()["state"], response.json()["error_code"]) == ("failed", "empty_document")


def test_a_duplicate_is_a_409_naming_the_first(api, editor, base, document):
    response = upload(api(editor), base, b"Green tea is good.", "again.md")
    assert response.status_code == 409
    assert response.json()["code"] == "duplicate_document"
    assert response.json()["document_id"] == str(document.pk)


def test_a_body_of_200_mb_is_refused_before_it_is_read(api, editor, base):
    response = upload(api(editor), base, CONTENT_LENGTH=str(200 * 1024 * 1024))
    assert response.status_code == 413
    assert "50.0 MB" in response.json()["detail"]
    assert Document.objects.count() == 0


def test_a_document_is_downloaded_as_it_came(api, editor, document):
    response = api(editor).get(f"{DOCUMENTS}{document.pk}/download/")
    assert b"".join(response.streaming_content) == b"Green tea is good."
    assert response["Content-Disposition"] == 'attachment; filename="tea.md"'


def test_retrieval_overrides_the_settings_of_the_base(api, viewer, base, document):
    client = api(viewer, scopes=("read",))
    url = f"{BASES}{base.pk}/retrieve/"
    response = client.post(url, {"query": "green tea", "settings": {"top_k": 1}})
    assert response.status_code == 200
    (hit,) = response.json()["hits"]
    assert (hit["document_name"], hit["vector_score"]) == ("tea.md", None)
    assert response.json()["mode"] == "full_text"
    assert client.post(url, {"query": ""}).status_code in {400, 422}
    assert client.post(url, {"query": "x", "settings": {"top_k": 999}}).status_code in {400, 422}


def test_retrieval_is_filtered_by_conditions(api, viewer, base, document):
    client = api(viewer, scopes=("read",))
    url = f"{BASES}{base.pk}/retrieve/"
    for name, found in (("tea", 1), ("coffee", 0)):
        conditions = [{"name": "document_name", "op": "starts with", "value": name}]
        body = {"query": "green tea", "settings": {"filter": {"conditions": conditions}}}
        response = client.post(url, body, format="json")
        assert len(response.json()["hits"]) == found, response.content
    bad = {"query": "x", "settings": {"filter": {"conditions": [{"name": "a", "op": "resembles"}]}}}
    assert client.post(url, bad, format="json").status_code == 400


def test_chunks_are_listed_searched_and_changed(api, editor, document):
    client = api(editor)
    make_document(document.base, "Other text.")
    listed = client.get(CHUNKS, {"document": str(document.pk)}).json()["results"]
    assert [chunk["text"] for chunk in listed] == ["Green tea is good."]
    assert len(client.get(CHUNKS, {"text": "tea good"}).json()["results"]) == 1
    url = f"{CHUNKS}{listed[0]['id']}/"
    assert client.patch(url, {"text": "Black tea."}).json()["edited"] is True
    assert client.patch(url, {"enabled": False}).json()["enabled"] is False
    assert client.post(CHUNKS, {"document": str(document.pk), "text": "New."}).json()["position"] == 1
    assert client.delete(url).status_code == 204


def test_actions_on_documents(api, editor, base):
    client = api(editor)
    waiting = make_document(base, "text", index=False)
    url = f"{DOCUMENTS}{waiting.pk}/"
    assert client.post(f"{url}reindex/").status_code == 409
    assert client.post(f"{url}cancel/").json()["state"] == "cancelled"
    assert client.post(f"{url}reindex/").json()["state"] == "queued"
    assert client.patch(url, {"enabled": False, "metadata": {"year": "2024"}}).json()["metadata"] == {
        "year": "2024"
    }
    assert client.delete(url).status_code == 204


def urls_of(base, document):
    chunk = Chunk.objects.get(document=document)
    return [
        ("get", f"{BASES}{base.pk}/", {}),
        ("patch", f"{BASES}{base.pk}/", {"name": "x"}),
        ("delete", f"{BASES}{base.pk}/", {}),
        ("post", f"{BASES}{base.pk}/retrieve/", {"query": "tea"}),
        ("get", f"{DOCUMENTS}{document.pk}/", {}),
        ("patch", f"{DOCUMENTS}{document.pk}/", {"name": "x"}),
        ("delete", f"{DOCUMENTS}{document.pk}/", {}),
        ("post", f"{DOCUMENTS}{document.pk}/cancel/", {}),
        ("post", f"{DOCUMENTS}{document.pk}/reindex/", {}),
        ("get", f"{DOCUMENTS}{document.pk}/download/", {}),
        ("get", f"{CHUNKS}{chunk.pk}/", {}),
        ("patch", f"{CHUNKS}{chunk.pk}/", {"text": "x"}),
        ("delete", f"{CHUNKS}{chunk.pk}/", {}),
    ]


def test_a_stranger_gets_404_everywhere_and_empty_lists(api, stranger, base, document):
    client = _key_of_own_workspace(stranger)
    for method, url, body in urls_of(base, document):
        assert getattr(client, method)(url, body).status_code == 404, (method, url)
    for url in (BASES, DOCUMENTS, CHUNKS):
        assert client.get(url).json()["results"] == []
    assert upload(client, base).status_code in {400, 422}
    assert client.post(CHUNKS, {"document": str(document.pk), "text": "x"}).status_code in {400, 422}
    assert Document.objects.count() == 1


def _key_of_own_workspace(user):
    from rest_framework.test import APIClient

    from apps.core.models import Membership
    from tests.factories.core import make_api_key

    client = APIClient()
    workspace = Membership.objects.get(user=user).workspace
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {make_api_key(workspace, user)}")
    return client


@pytest.mark.parametrize("role", ["viewer", "annotator"])
def test_readers_read_and_change_nothing(api, role, request, base, document):
    client = api(request.getfixturevalue(role))
    for method, url, body in urls_of(base, document):
        reading = method == "get" or url.endswith("/retrieve/")
        assert getattr(client, method)(url, body).status_code == (200 if reading else 403), (method, url)
    assert upload(client, base).status_code == 403
    assert client.post(BASES, {"name": "x"}).status_code == 403
    document.refresh_from_db()
    assert (document.name, document.state) == ("tea.md", "ready")


@pytest.mark.parametrize("url", [BASES, DOCUMENTS, CHUNKS])
def test_lists_cost_the_same_for_one_and_for_many(api, viewer, base, document, url):
    client = api(viewer)
    client.get(url)
    with CaptureQueriesContext(connection) as one:
        client.get(url)
    for number in range(4):
        make_document(make_base(base.workspace), f"text {number}")
    with CaptureQueriesContext(connection) as many:
        assert len(client.get(url).json()["results"]) == 5
    assert len(many) == len(one)


@pytest.mark.parametrize(
    "body", ["", "{", "[]", '{"name": null}', '{"name": "\\u0000"}', '{"name": "x", "chunking": 5}']
)
def test_bad_bodies_never_give_a_500(api, editor, body):
    response = api(editor).generic("POST", BASES, body, content_type="application/json")
    assert 400 <= response.status_code < 500
