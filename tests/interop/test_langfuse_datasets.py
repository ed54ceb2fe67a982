"""Datasets, their items and runs, as Langfuse's SDKs speak of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from apps.annotations.models import Dataset, DatasetItem, DatasetRun, run_code
from apps.annotations.services.dataset_version import freeze
from apps.annotations.services.span_run import keep_runs
from apps.core.models import User, Workspace
from apps.tracing.models import Score
from tests.factories.annotations import make_dataset
from tests.factories.core import SYSTEM, make_api_key, make_workspace
from tests.factories.tracing import make_row, make_span, make_trace, new_trace_id

pytestmark = pytest.mark.django_db
API = "/api/public"


@pytest.fixture
def client(workspace: Workspace, editor: User) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {make_api_key(workspace, editor)}")
    return client


def make(client: APIClient, name: str = "folder/geo 1", **body: Any) -> dict[str, Any]:
    response = client.post(f"{API}/v2/datasets", {"name": name, "metadata": None, **body})
    assert response.status_code == 200, response.json()
    found: dict[str, Any] = response.json()
    return found


def put(client: APIClient, name: str = "folder/geo 1", **body: Any) -> Any:
    return client.post(f"{API}/dataset-items", {"datasetName": name, "status": None, **body})


def test_a_dataset_is_made_changed_and_found_by_a_name_with_slashes(client: APIClient) -> None:
    made = make(client, description="Capitals", metadata={"b": 1, "a": [None]})
    assert make(client, metadata=[1])["id"] == made["id"]
    for path in ("folder%2Fgeo%201", "folder/geo 1", "folder/geo 1/"):
        found = client.get(f"{API}/v2/datasets/{path}").json()
        assert (found["id"], found["description"], found["metadata"]) == (made["id"], "Capitals", [1])
    assert client.get(f"{API}/v2/datasets/none").status_code == 404
    assert client.get(f"{API}/v2/datasets?page=1&limit=1").json()["meta"]["totalItems"] == 1
    assert client.post(f"{API}/v2/datasets", {"name": " "}).status_code == 422
    assert client.post(f"{API}/v2/datasets", {"name": "a", "inputSchema": {"type": 7}}).status_code == 422


@pytest.mark.parametrize(
    "value", [{"b": 1, "a": {"z": [1.5, None, True]}}, "text \0 end", 2**80, [], "", 0, False, [[["深"]]]]
)
def test_any_json_is_given_back_exactly(client: APIClient, value: Any) -> None:
    make(client)
    item_id = put(client, input=value, expectedOutput=value, metadata=[1]).json()["id"]
    found = client.get(f"{API}/dataset-items/{item_id}").json()
    assert (found["input"], found["expectedOutput"], found["metadata"]) == (value, value, [1])
    if isinstance(value, dict):
        assert list(found["input"]) == ["b", "a"]


def test_items_are_put_by_the_client_s_id_listed_archived_and_deleted(client: APIClient) -> None:
    make(client)
    make(client, "other")
    first = put(client, id="a/1", input={"q": 1}, sourceTraceId="0" * 31 + "1").json()
    assert (first["id"], first["status"], first["datasetName"]) == ("a/1", "ACTIVE", "folder/geo 1")
    again = put(client, id="a/1", metadata={"m": 1}).json()
    assert (again["input"], again["metadata"], again["createdAt"]) == ({"q": 1}, {"m": 1}, first["createdAt"])
    assert put(client, "other", id="a/1", input=2).status_code == 404
    second = put(client, input="two").json()
    listed = client.get(f"{API}/dataset-items?datasetName=folder%2Fgeo+1&limit=1").json()
    assert (listed["data"][0]["id"], listed["meta"]["totalPages"]) == (second["id"], 2)
    by_source = client.get(f"{API}/dataset-items?sourceTraceId={'0' * 31}1").json()["data"]
    assert [item["id"] for item in by_source] == ["a/1"]
    assert put(client, id=second["id"], status="ARCHIVED").json()["input"] == "two"
    assert len(client.get(f"{API}/dataset-items?datasetName=folder/geo 1").json()["data"]) == 1
    assert client.delete(f"{API}/dataset-items/a%2F1").status_code == 200
    assert client.get(f"{API}/dataset-items/a%2F1").status_code == 404
    for body in ({"status": "GONE"}, {"id": "x" * 300}, {"metadata": "\0"}):
        assert put(client, **body).status_code == 422
    half = rb'{"datasetName": "folder/geo 1", "input": "\ud800"}'
    for raw in (half, b"[]"):
        assert client.post(f"{API}/dataset-items", raw, content_type="application/json").status_code == 422


def test_conversations_are_read_too_and_schemas_hold(client: APIClient, workspace: Workspace) -> None:
    make_dataset(workspace, ("Where?", "Here."), name="chat")
    (item,) = client.get(f"{API}/dataset-items?datasetName=chat").json()["data"]
    assert (item["input"], item["expectedOutput"]) == ([{"role": "user", "content": "Where?"}], "Here.")
    changed = put(client, "chat", id=item["id"], expectedOutput={"place": "there"}).json()
    assert (changed["input"], changed["expectedOutput"]) == (item["input"], {"place": "there"})
    stored = DatasetItem.objects.current().get()
    assert (stored.shape, stored.question, stored.answer) == ("json", "Where?", '{"place": "there"}')
    make(client, "strict", inputSchema={"type": "object", "required": ["q"]})
    assert put(client, "strict", input={"q": 1}).status_code == 200
    refused = put(client, "strict", input={})
    assert (refused.status_code, "schema" in refused.json()["message"]) == (422, True)


def test_a_version_is_a_time(client: APIClient, workspace: Workspace) -> None:
    dataset = make_dataset(workspace, ("a", "1"), name="d")
    address = f"{API}/dataset-items?datasetName=d&version="
    now = timezone.now().isoformat().replace("+00:00", "Z")
    assert len(client.get(address + now).json()["data"]) == 1
    freeze(actor=SYSTEM, dataset=dataset)
    frozen = timezone.now().isoformat().replace("+00:00", "Z")
    put(client, "d", input="b")
    assert len(client.get(address + frozen).json()["data"]) == 1
    old = (timezone.now() - timedelta(days=1)).isoformat().replace("+00:00", "Z")
    assert client.get(address + old).status_code == 404
    assert client.get(address + "soon").status_code == 422


def test_runs_are_made_by_their_items(client: APIClient, workspace: Workspace) -> None:
    dataset = make(client)
    put(client, id="i-1", input=1)
    body = {"runName": "run/1", "runDescription": "first", "metadata": {"m": 1}, "datasetItemId": "i-1",
            "traceId": "0" * 31 + "1", "observationId": "0" * 15 + "2", "datasetVersion": None}  # fmt: skip
    made = [client.post(f"{API}/dataset-run-items", body).json() for _time in range(2)]
    assert made[0]["id"] == made[1]["id"]
    code = run_code(workspace.pk, Dataset.objects.get().pk, "run/1")
    assert (made[0]["datasetRunId"], made[0]["datasetItemId"]) == (code, "i-1")
    score = {"datasetRunId": code, "name": "mean", "value": 0.5, "metadata": {"n": 2}, "environment": "ci",
             "timestamp": "2026-01-01T00:00:00Z"}  # fmt: skip
    assert client.post(f"{API}/scores", score).status_code == 200
    (kept,) = client.get(f"{API}/v2/scores?datasetRunId={code}").json()["data"]
    assert (kept["metadata"], kept["environment"], kept["timestamp"]) == (
        {"n": 2},
        "ci",
        "2026-01-01T00:00:00Z",
    )
    name = "folder%2Fgeo%201"
    (run,) = client.get(f"{API}/datasets/{name}/runs").json()["data"]
    assert (run["id"], run["name"], run["description"], run["metadata"]) == (code, "run/1", "first", {"m": 1})
    whole = client.get(f"{API}/datasets/{name}/runs/run%2F1").json()
    assert [item["traceId"] for item in whole["datasetRunItems"]] == ["0" * 31 + "1"]
    listed = client.get(f"{API}/dataset-run-items?datasetId={dataset['id']}&runName=run/1").json()
    assert listed["meta"]["totalItems"] == 1
    everything = {"fields": "core,io,metadata,scores", "fromStartTime": "2026-01-01T00:00:00Z"}
    (experiment,) = client.get(f"{API}/experiments", everything).json()["data"]
    assert (experiment["id"], experiment["itemCount"], experiment["metadata"]) == (code, 1, {"m": 1})
    assert [(score["name"], score["subject"]["id"]) for score in experiment["scores"]] == [("mean", code)]
    tried = client.get(f"{API}/experiment-items", {**everything, "experimentId": code, "limit": 1}).json()
    assert tried["meta"] == {"cursor": None}
    assert (tried["data"][0]["experimentItemId"], tried["data"][0]["input"]) == ("i-1", 1)
    assert client.get(f"{API}/experiments?cursor=x").status_code == 422
    assert client.post(f"{API}/dataset-run-items", {**body, "datasetItemId": "none"}).status_code == 404
    assert client.post(f"{API}/dataset-run-items", {**body, "runName": ""}).status_code == 422
    assert client.delete(f"{API}/datasets/{name}/runs/run%2F1").status_code == 200
    assert not Score.objects.filter(dataset_run_id=code).exists()


def test_spans_of_an_experiment_tell_of_runs_once(workspace: Workspace) -> None:
    dataset = make_dataset(workspace, ("a", "1"), name="d")
    item = DatasetItem.objects.get()
    told = {
        "langfuse.experiment.id": "mine-1",
        "langfuse.experiment.name": "run 1",
        "langfuse.experiment.metadata": '{"m": 1}',
        "langfuse.experiment.dataset.id": str(dataset.pk),
        "langfuse.experiment.item.id": str(item.key),
        "langfuse.experiment.item.root_observation_id": "0" * 15 + "7",
    }
    rows = []
    for number, extra in (
        (1, {}),
        (2, {"langfuse.experiment.description": "d"}),
        (3, {"langfuse.experiment.dataset.id": 7}),
    ):
        row = make_row(workspace, make_span("0" * 31 + "1", number=number))
        row.attributes = {**told, **extra}
        rows.append(row)
    for _time in range(2):
        keep_runs(rows)
    (run,) = DatasetRun.objects.all()
    assert (run.code, run.name, run.description, run.metadata) == ("mine-1", "run 1", "d", {"m": 1})
    assert [(tried.key, tried.observation_id) for tried in run.items.all()] == [(item.key, "0" * 15 + "7")]
    elsewhere = make_row(make_workspace(), make_span(new_trace_id()))
    elsewhere.attributes = told
    keep_runs([elsewhere])
    assert DatasetRun.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_runs_in_figures_and_beside_each_other(
    client: APIClient, workspace: Workspace, viewer: User, stranger: User, console: Any,
    django_assert_max_num_queries: Any,
) -> None:  # fmt: skip
    dataset = make_dataset(workspace, ("a", "1"), ("b", "2"), name="d")
    traces = [make_trace(workspace, name=f"t{number}") for number in range(3)]
    keys = list(DatasetItem.objects.order_by("key").values_list("key", flat=True))
    for name, key, trace in (("one", 0, 0), ("one", 1, 1), ("two", 0, 2)):
        body = {"runName": name, "datasetItemId": str(keys[key]), "traceId": traces[trace].trace_id}
        assert client.post(f"{API}/dataset-run-items", body).status_code == 200
    for trace, value in zip(traces, (1, 0, 0.25), strict=True):
        score = {"traceId": trace.trace_id, "name": "exact", "value": value}
        assert client.post(f"{API}/scores", score).status_code == 200
    with django_assert_max_num_queries(12):
        listed = client.get(f"/api/v1/datasets/{dataset.pk}/runs/").json()["results"]
    runs = {run["name"]: run for run in listed}
    assert (runs["one"]["item_count"], runs["one"]["means"], float(runs["one"]["cost"])) == (
        2,
        {"exact": 0.5},
        0.003,
    )
    with django_assert_max_num_queries(16):
        items = client.get(f"/api/v1/datasets/{dataset.pk}/runs/{runs['one']['id']}/items/").json()["results"]
    assert [(item["output"], item["scores"][0]["value"]) for item in items] == [
        ("It is this.", 1),
        ("It is this.", 0),
    ]
    page = f"/admin/annotations/datasets/{dataset.pk}/runs/"
    looking = console(viewer)
    assert b"0.500" in looking.get(page).content
    with django_assert_max_num_queries(40):
        compared = looking.get(f"{page}{runs['one']['id']}/?with={runs['two']['id']}").content.decode()
    assert ("-0.250" in compared, "not tried" in compared, "fw-badge--warn" in compared) == (True, True, True)
    assert looking.post(f"{page}{runs['one']['id']}/").status_code == 302
    assert DatasetRun.objects.count() == 2
    for path in (page, f"{page}{runs['one']['id']}/"):
        assert console(stranger).get(path).status_code == 404
    link = f"/project/{workspace.pk}/experiments/results?baseline={runs['two']['code']}"
    assert runs["two"]["id"] in looking.get(link)["Location"]
    assert console(stranger).get(link).status_code == 404
    assert "/login/" in Client().get(link)["Location"]
