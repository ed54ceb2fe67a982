"""The API: who gets what, whole rounds, streaming, and how many queries lists cost."""

from __future__ import annotations

import json
from uuid import uuid4

import orjson
import pytest
from django.db import connection, connections
from django.test import AsyncClient
from django.test.utils import CaptureQueriesContext

from apps.annotations.models import Annotation, AnnotationQueue, Dataset, DatasetItem, Export, ItemState
from apps.annotations.services.dataset_version import freeze
from tests.factories.annotations import items_of, make_conversation, make_dataset, make_queue
from tests.factories.core import SYSTEM, make_api_key

pytestmark = pytest.mark.django_db

QUEUES = "/api/v1/annotation-queues/"
DATASETS = "/api/v1/datasets/"
EXPORTS = "/api/v1/exports/"


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def queue(workspace) -> AnnotationQueue:
    citations = [
        {
            "n": 1,
            "chunk_id": str(uuid4()),
            "document_id": "d",
            "document_name": "Guide",
            "text": "…",
            "score": 1,
        }
    ]
    first = make_conversation(workspace, ("a?", "a [1]."), ("b?", "b."), citations=citations)
    return make_queue(workspace, first, make_conversation(workspace, ("c?", "c.")))


def test_an_annotator_walks_the_queue(api, annotator, queue):
    client = api(annotator)
    base = f"{QUEUES}{queue.pk}/"

    item = client.post(f"{base}next/", {}).json()
    assert [message["content"] for message in item["messages"]] == ["a?", "a [1].", "b?", "b."]
    assert item["message"] == item["messages"][1]["id"]
    assert item["messages"][1]["citations"][0]["document_name"] == "Guide"
    assert item["annotation"] is None
    ahead = client.post(f"{base}next/", {"items": [item["id"]]}).json()
    assert ahead["id"] != item["id"]

    body = {
        "verdict": "down",
        "labels": ["Tone"],
        "corrected_answer": "A!",
        "comment": "",
        "duration_ms": 900,
    }
    answer = client.post(f"{base}items/{item['id']}/submit/", body).json()
    assert answer["progress"] == {"total": 3, "done": 1, "skipped": 0, "open": 2}
    assert answer["annotation"]["corrected_answer"] == "A!"
    assert client.post(f"{base}items/{ahead['id']}/skip/", {"reason": "odd"}).json()["state"] == "skipped"

    last = client.post(f"{base}next/", {}).json()
    assert client.post(f"{base}keep/", {"items": [last["id"], item["id"]]}).json() == {"items": [last["id"]]}
    assert client.post(f"{base}release/", {"items": [last["id"]]}).status_code == 204
    assert client.get(f"{base}recent/").json() == {"items": [item["id"]]}
    assert client.get(f"{base}items/{item['id']}/").json()["annotation"]["labels"] == ["Tone"]
    client.post(f"{base}items/{last['id']}/submit/", {"verdict": "up"})
    assert client.post(f"{base}next/", {}).status_code == 204


def test_what_each_role_may_do_with_a_queue(api, workspace, queue, viewer, annotator, editor, stranger):
    base = f"{QUEUES}{queue.pk}/"
    item = items_of(queue)[0]
    calls = {
        "read": lambda c: c.get(base),
        "list items": lambda c: c.get(f"{base}items/"),
        "next": lambda c: c.post(f"{base}next/", {}),
        "submit": lambda c: c.post(f"{base}items/{item.pk}/submit/", {"verdict": "up"}),
        "rename": lambda c: c.patch(base, {"name": "Renamed"}),
        "fill": lambda c: c.post(f"{base}items/", {"filter": {"limit": 1}}),
        "delete": lambda c: c.delete(base),
    }

    def statuses(user) -> list[int]:
        client = api(user)
        return [call(client).status_code for call in calls.values()]

    # an API key of a stranger belongs to another workspace
    from rest_framework.test import APIClient

    outside = APIClient()
    key = make_api_key(stranger.memberships.get().workspace, stranger)
    outside.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    assert {call(outside).status_code for call in calls.values()} == {404}
    assert {call(APIClient()).status_code for call in calls.values()} == {401}
    assert statuses(viewer) == [200, 200, 403, 403, 403, 403, 403]
    assert not Annotation.objects.exists()
    assert statuses(annotator) == [200, 200, 200, 200, 403, 403, 403]
    assert AnnotationQueue.objects.get().name == queue.name
    assert statuses(editor) == [200, 200, 200, 409, 200, 201, 204]
    assert not AnnotationQueue.objects.exists()


def test_what_each_role_may_do_with_a_dataset(api, workspace, viewer, annotator, editor):
    dataset = make_dataset(workspace, ("a?", "1"))
    base = f"{DATASETS}{dataset.pk}/"
    key = DatasetItem.objects.get().key
    item = {"messages": [{"role": "user", "content": "q"}], "expected_output": "a"}
    calls = {
        "read": lambda c: c.get(base),
        "list items": lambda c: c.get(f"{base}items/"),
        "versions": lambda c: c.get(f"{base}versions/"),
        "add": lambda c: c.post(f"{base}items/", item),
        "change": lambda c: c.patch(f"{base}items/{key}/", {"expected_output": "2"}),
        "freeze": lambda c: c.post(f"{base}versions/", {}),
        "check": lambda c: c.get(f"{base}check/?format=openai_chat"),
        "stream": lambda c: c.get(f"{base}export/?format=openai_chat"),
        "export": lambda c: c.post(EXPORTS, {"dataset": str(dataset.pk), "format": "openai_chat"}),
        "remove": lambda c: c.delete(f"{base}items/{key}/"),
        "delete": lambda c: c.delete(base),
    }
    looking = [200] * 3 + [403] * 8

    assert [call(api(viewer)).status_code for call in calls.values()] == looking
    assert [call(api(annotator)).status_code for call in calls.values()] == looking
    assert DatasetItem.objects.get().expected_output == "1"
    expected = [200, 200, 200, 201, 200, 201, 200, 200, 201, 204, 204]
    assert [call(api(editor)).status_code for call in calls.values()] == expected
    assert not Dataset.objects.exists()


def test_a_queue_is_created_and_changed(api, editor, workspace):
    dataset = make_dataset(workspace)
    client = api(editor)
    body = {
        "name": "Refunds",
        "labels": [{"name": "Wrong", "color": "red"}, {"name": "Rude", "color": "blue", "key": "1"}],
        "dataset": str(dataset.pk),
    }

    made = client.post(QUEUES, body).json()

    assert made["labels"] == [
        {"name": "Wrong", "color": "red", "key": "2"},
        {"name": "Rude", "color": "blue", "key": "1"},
    ]
    assert made["progress"] == {"total": 0, "done": 0, "skipped": 0, "open": 0}
    again = client.post(QUEUES, body)
    assert (again.status_code, again.json()["code"]) == (409, "name_taken")
    changed = client.patch(f"{QUEUES}{made['id']}/", {"labels": [], "dataset": None}).json()
    assert (changed["labels"], changed["dataset"], changed["name"]) == ([], None, "Refunds")
    bad = client.post(QUEUES, {"name": "X", "labels": [{"name": "verdict"}]})
    assert (bad.status_code, bad.json()["code"]) == (422, "invalid")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"messages": [], "filter": {}},
        {"filter": {"agent": "nobody"}},
        {"messages": ["x"]},
        {"filter": {"limit": 0}},
    ],
)
def test_bad_fillings_are_refused(api, editor, queue, body):
    response = api(editor).post(f"{QUEUES}{queue.pk}/items/", body)
    assert response.status_code == 400
    assert response.json()["code"] == "invalid"


@pytest.mark.parametrize(
    "item",
    [
        {"messages": []},
        {"messages": [{"role": "user", "content": "\x00"}]},
        {"messages": [{"role": "user", "content": "\ud800"}]},
        {"messages": [{"role": "user", "content": "q", "extra": 2**80}]},
        {"messages": "hello"},
        {"messages": [{"role": "user", "content": "q"}], "metadata": {"a": "\x00"}},
        {"messages": [{"role": "assistant", "content": "q"}]},
    ],
)
def test_bad_examples_are_refused(api, editor, workspace, item):
    dataset = make_dataset(workspace)

    # the standard library writes what orjson refuses
    response = api(editor).post(
        f"{DATASETS}{dataset.pk}/items/", json.dumps(item), content_type="application/json"
    )

    assert response.status_code in {400, 422}
    assert not DatasetItem.objects.exists()


def test_a_training_file_streams_and_is_exact(api, editor, workspace):
    dataset = make_dataset(workspace, ("a?", "1"), ("b?", ""), name="Gold set")
    freeze(actor=SYSTEM, dataset=dataset)
    DatasetItem.objects.current().filter(expected_output="1").update(expected_output="one")
    client = api(editor)

    response = client.get(f"{DATASETS}{dataset.pk}/export/?format=openai_chat&version=1")

    assert response.streaming
    assert response["Content-Type"] == "application/jsonl"
    assert response["Content-Disposition"] == 'attachment; filename="gold-set-v1.openai_chat.jsonl"'
    assert response["X-Dataset-Version"] == "v1"
    assert b"".join(response.streaming_content) == (
        b'{"messages":[{"role":"user","content":"a?"},{"role":"assistant","content":"one"}]}\n'
    )
    assert client.get(f"{DATASETS}{dataset.pk}/export/?format=openai_chat")["X-Dataset-Version"] == "draft"
    missing = client.get(f"{DATASETS}{dataset.pk}/export/?format=parchment")
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_format")
    assert client.get(f"{DATASETS}{dataset.pk}/export/?format=openai_chat&version=9").status_code == 404
    assert client.get(f"{DATASETS}{dataset.pk}/export/?format=openai_chat&version=-1").status_code == 422


@pytest.mark.django_db(transaction=True)
async def test_a_training_file_streams_under_asgi(workspace, editor):
    from asgiref.sync import sync_to_async

    dataset = await sync_to_async(make_dataset)(workspace, ("a?", "1"), ("b?", "2"))
    key = await sync_to_async(make_api_key)(workspace, editor)

    response = await AsyncClient().get(
        f"{DATASETS}{dataset.pk}/export/?format=openai_dpo", headers={"Authorization": f"Bearer {key}"}
    )

    assert response.is_async
    lines = [orjson.loads(line) async for line in response.streaming_content]
    assert [line["preferred_output"][0]["content"] for line in lines] == ["1", "2"]
    await sync_to_async(connections.close_all)()


def test_a_check_tells_what_is_left_out(api, editor, workspace):
    dataset = make_dataset(workspace, ("a?", "1"), ("b?", ""))

    report = api(editor).get(f"{DATASETS}{dataset.pk}/check/?format=openai_chat").json()

    assert (report["row_count"], report["rejected_count"]) == (1, 1)
    assert report["rejections"][0]["sentence"] == "There is no expected output."


def test_an_export_is_made_listed_and_downloaded(api, editor, workspace):
    dataset = make_dataset(workspace, ("a?", "1"))
    client = api(editor)

    made = client.post(EXPORTS, {"dataset": str(dataset.pk), "format": "openai_chat"}).json()

    assert (made["state"], made["version"], made["row_count"]) == ("completed", 1, 1)
    assert client.get(EXPORTS).json()["results"][0]["id"] == made["id"]
    file = client.get(made["download_url"])
    assert b"".join(file.streaming_content).count(b"\n") == made["row_count"]
    assert client.delete(f"{EXPORTS}{made['id']}/").status_code == 204
    assert not Export.objects.exists()
    assert client.post(EXPORTS, {"dataset": str(uuid4()), "format": "openai_chat"}).status_code == 404


def test_viewers_and_strangers_get_no_file(api, editor, viewer, stranger, workspace, console):
    dataset = make_dataset(workspace, ("a?", "1"))
    made = api(editor).post(EXPORTS, {"dataset": str(dataset.pk), "format": "openai_chat"}).json()

    assert api(viewer).get(made["download_url"]).status_code == 404
    assert console(stranger).get(made["download_url"]).status_code == 404


def test_lists_cost_the_same_however_long_they_are(api, editor, workspace):
    client = api(editor)

    def queries(path: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(path).status_code == 200
        return len(captured)

    first = make_queue(workspace, make_conversation(workspace))
    dataset = make_dataset(workspace, ("a?", "1"))
    paths = [QUEUES, DATASETS, f"{QUEUES}{first.pk}/items/", f"{DATASETS}{dataset.pk}/items/", EXPORTS]
    client.get(QUEUES)
    before = [queries(path) for path in paths]
    for number in range(5):
        make_queue(workspace, make_conversation(workspace))
        other = make_dataset(workspace, ("a?", str(number)))
        client.post(EXPORTS, {"dataset": str(other.pk), "format": "openai_chat"})

    assert [queries(path) for path in paths] == before
    assert max(before) <= 10


def test_an_item_costs_a_fixed_number_of_queries(api, annotator, workspace):
    client = api(annotator)
    costs = []
    for turns in (1, 12):
        queue = make_queue(
            workspace, make_conversation(workspace, *[(f"q{n}", f"a{n}") for n in range(turns)])
        )
        client.get(f"{QUEUES}{queue.pk}/")
        with CaptureQueriesContext(connection) as captured:
            assert client.post(f"{QUEUES}{queue.pk}/next/", {}).status_code == 200
        costs.append(len(captured))

    assert costs[0] == costs[1]
    assert costs[0] <= 16


def test_items_are_listed_by_state(api, viewer, queue):
    items_of(queue)[0]
    done = items_of(queue)[2]
    type(done).objects.filter(pk=done.pk).update(state=ItemState.DONE)

    listed = api(viewer).get(f"{QUEUES}{queue.pk}/items/?state=done").json()["results"]

    assert [item["id"] for item in listed] == [str(done.pk)]
