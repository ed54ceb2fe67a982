"""The Langfuse surface without its SDKs: who may call, what is stored, how errors look."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import resolve
from rest_framework.test import APIClient

from apps.core.models import User, Workspace
from apps.interop.asgi import http_doors
from apps.interop.langfuse import ids
from apps.tracing.models import Score, TraceRetention
from tests.factories.core import make_api_key
from tests.factories.tracing import make_trace

pytestmark = pytest.mark.django_db
TRACE = "0123456789abcdef0123456789abcdef"


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


@pytest.fixture
def sdk(workspace: Workspace) -> Callable[..., APIClient]:
    """Return `connect(user, scopes)`: a client that signs in as the SDKs do."""

    def connect(user: User, scopes: tuple[str, ...] = ("read", "write")) -> APIClient:
        client = APIClient()
        client.credentials(
            HTTP_AUTHORIZATION=basic("pk-lf-x", make_api_key(workspace, user, scopes)),
            HTTP_X_LANGFUSE_SDK_VERSION="5.0.4",
        )
        return client

    return connect


@pytest.fixture
def client(sdk: Any, editor: User) -> APIClient:
    """An editor's SDK."""
    connected: APIClient = sdk(editor)
    return connected


def send(client: APIClient, *events: Any) -> Any:
    response = client.post("/api/public/ingestion", {"batch": list(events), "metadata": {"batch_size": 1}})
    assert response.status_code == 207
    return response.json()


def score(number: int = 1, **body: Any) -> dict[str, Any]:
    given = {"id": f"score-{number}", "traceId": TRACE, "name": "quality", "value": 0.5, "comment": None}
    return {
        "id": f"event-{number}",
        "type": "score-create",
        "timestamp": "2026-01-01T00:00:00Z",
        "body": {**given, **body},
    }


def test_the_project_is_the_workspace(client: APIClient, workspace: Workspace) -> None:
    for end in ("", "/"):
        (project,) = client.get(f"/api/public/projects{end}").json()["data"]
        assert project["id"] == str(workspace.pk)
        assert project["metadata"] == {}
        assert set(project["organization"]) == {"id", "name"}
        assert project["retentionDays"] is None
    TraceRetention.objects.create(workspace=workspace, days=30)
    assert client.get("/api/public/projects").json()["data"][0]["retentionDays"] == 30


def test_health_needs_no_key() -> None:
    assert Client().get("/api/public/health").json()["status"] == "OK"


def test_wrong_keys_and_unknown_paths_are_told_in_json(workspace: Workspace) -> None:
    for authorization in ("", basic("pk", "sk"), basic("pk", "fw_x_y"), "Basic ???", "Bearer fw_x_y"):
        response = Client().get("/api/public/projects", headers={"Authorization": authorization})
        assert response.status_code == 401, authorization
        assert response.json()["message"]
    response = Client().post("/api/public/nothing/of/the/kind", b"{}", content_type="application/json")
    assert response.status_code == 404
    assert "not served" in response.json()["message"]


def test_nothing_is_redirected() -> None:
    for path in ("otel/v1/traces", "ingestion", "scores", "projects", "health", "v2/unknown"):
        for end in ("", "/"):
            assert Client().post(f"/api/public/{path}{end}").status_code in {200, 401, 404, 405}


def test_spans_go_past_django() -> None:
    for method, path in http_doors:
        assert (method, resolve(path).url_name) == ("POST", "langfuse_traces")


def test_one_score_and_a_list(client: APIClient, workspace: Workspace) -> None:
    one = client.post(
        "/api/public/scores", {"traceId": TRACE, "name": "a", "value": "good", "dataType": None}
    )
    assert (one.status_code, set(one.json())) == (200, {"id"})
    many = client.post(
        "/api/public/scores",
        [{"id": "1", "traceId": TRACE, "name": "b", "value": 1.0, "dataType": "BOOLEAN"},
         {"id": "2", "sessionId": "s", "name": "c", "value": 3}],
    )  # fmt: skip
    assert (many.status_code, many.json()) == (202, {"message": "Accepted"})
    bad = client.post(
        "/api/public/scores",
        [{"traceId": TRACE, "name": "d", "value": 1}, {"name": "no subject", "value": 1}, 7],
    )
    assert bad.status_code == 207
    assert (bad.json()["accepted"], bad.json()["rejected"]) == (1, 2)
    found = {entry.name: entry for entry in Score.objects.in_workspace(workspace)}
    assert set(found) == {"a", "b", "c", "d"}
    assert (found["a"].data_type, found["b"].data_type, found["c"].data_type) == (
        "categorical",
        "boolean",
        "numeric",
    )


def test_a_batch_of_scores_sent_again_changes_nothing(client: APIClient, workspace: Workspace) -> None:
    for _time in range(2):
        answer = send(client, score(1), score(2, value="warm"), {"id": "log", "type": "sdk-log", "body": {}})
        assert [entry["id"] for entry in answer["successes"]] == ["event-1", "event-2", "log"]
        assert answer["errors"] == []
    assert Score.objects.in_workspace(workspace).count() == 2
    send(client, score(1, value=0.75))
    assert Score.objects.get(workspace=workspace, author_ref="langfuse:score-1").value == 0.75


def test_bad_events_spare_the_good_ones(client: APIClient, workspace: Workspace) -> None:
    wrong = [
        score(2, value=None),
        score(3, value="\0"),
        score(4, traceId=None),
        score(5, name=""),
        score(6, dataType="NUMERIC", value="many"),
        score(7, dataType="COLOUR"),
        score(8, value=[1]),
        {"id": "event-9", "type": "no-such-type", "body": {}},
        {"id": "event-10", "type": "score-create", "body": None},
        "text",
        None,
    ]
    answer = send(client, score(1), *wrong)
    assert [entry["id"] for entry in answer["successes"]] == ["event-1"]
    assert len(answer["errors"]) == len(wrong)
    assert all(entry["status"] == 400 and entry["error"] for entry in answer["errors"])
    assert Score.objects.in_workspace(workspace).count() == 1
    for body in ({}, [], {"batch": 3}, "x"):
        assert client.post("/api/public/ingestion", body).status_code == 422


def test_keys_need_the_scope_and_the_role(sdk: Any, editor: User, viewer: User) -> None:
    body = {"traceId": TRACE, "name": "a", "value": 1}
    assert sdk(editor, ("ingest",)).post("/api/public/scores", body).status_code == 200
    assert sdk(editor, ("read",)).post("/api/public/scores", body).status_code == 403
    assert sdk(viewer).post("/api/public/scores", body).status_code == 403


def test_ids_of_any_form_become_ours() -> None:
    assert ids.trace_id("01234567-89AB-cdef-0123-456789abcdef") == TRACE
    assert ids.trace_id(TRACE) == TRACE
    assert len(ids.trace_id("order 7")) == 32
    assert ids.trace_id("order 7") == ids.trace_id("order 7") != ids.trace_id("order 8")
    assert ids.span_id("0123456789abcdef") == "0123456789abcdef"
    assert len(ids.span_id(TRACE)) == 16
    assert ids.trace_id("") == ids.span_id("") == ""


@pytest.mark.django_db(transaction=True)
def test_printed_links_lead_to_the_trace(
    workspace: Workspace, viewer: User, stranger: User, console: Any
) -> None:
    trace = make_trace(workspace)
    path = f"/project/{workspace.pk}/traces/{trace.trace_id}"
    response = console(viewer).get(path)
    assert response.status_code == 302
    assert trace.trace_id in response["Location"]
    assert console(stranger).get(path).status_code == 404
    assert "/login/" in Client().get(path)["Location"]


def test_prompts_are_written_and_read(client: APIClient, workspace: Workspace) -> None:
    address = "/api/public/v2/prompts"
    text = {"name": "support/greeting", "prompt": "Hi {{name}}", "labels": ["production"], "tags": None,
            "config": None, "commitMessage": None, "type": None}  # fmt: skip
    made = client.post(address, text)
    assert made.status_code == 201
    assert made.json()["version"] == 1
    chat = [{"role": "system", "content": "Be."}, {"type": "placeholder", "name": "history"}]
    client.post(
        address, {"name": "chat", "type": "chat", "prompt": [{**chat[0], "type": "chatmessage"}, chat[1]]}
    )
    for path in ("support%2Fgreeting", "support/greeting", "support%2Fgreeting/"):
        found = client.get(f"{address}/{path}").json()
        assert (found["type"], found["prompt"], found["version"]) == ("text", "Hi {{name}}", 1)
        assert (found["config"], sorted(found["labels"]), found["commitMessage"]) == (
            {},
            ["latest", "production"],
            None,
        )
    assert client.get(f"{address}/chat").status_code == 404  # none is in production
    assert client.get(f"{address}/chat?label=latest").json()["prompt"] == chat
    for end in ("", "/"):
        moved = client.patch(f"{address}/chat/versions/1{end}", {"newLabels": ["production"]})
        assert sorted(moved.json()["labels"]) == ["latest", "production"]
    rows = client.get(f"{address}?page=1&limit=1").json()
    assert rows["meta"] == {"page": 1, "limit": 1, "totalItems": 2, "totalPages": 2}
    assert set(rows["data"][0]) == {
        "name",
        "type",
        "versions",
        "labels",
        "tags",
        "lastUpdatedAt",
        "lastConfig",
    }
    assert client.get(f"{address}/chat?version=x").status_code == 422
    assert client.get(f"{address}?page=0").status_code == 422
    missing = client.get(f"{address}/nothing")
    assert (missing.status_code, "message" in missing.json()) == (404, True)
    assert client.delete(f"{address}/chat?version=1").status_code == 422
    assert client.delete(f"{address}/chat").status_code == 204
    assert client.post(address, {"name": "chat", "prompt": 7}).status_code == 422
