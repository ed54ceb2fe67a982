"""Lists and single objects as Langfuse's SDKs read them, media, definitions of scores, comments."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from apps.core.models import User, Workspace
from apps.interop.langfuse import stream
from apps.tracing.downloads import payloads
from apps.tracing.models import Media, MediaUse, Observation, Score, Trace
from apps.tracing.services.media import drop_unused_media
from tests.factories.core import make_api_key
from tests.factories.tracing import make_row, make_span, make_trace, store

API = "/api/public"
TRACE = "0" * 31 + "1"
#: Lists with inputs and outputs, and the name of the list in the answer.
LONG = {
    "observations": "data",
    "v2/observations?fields=basic,io": "data",
    "traces": "data",
    "sessions/s": "traces",
}


@pytest.fixture
def client(workspace: Workspace, editor: User) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {make_api_key(workspace, editor)}")
    return client


def listed(client: APIClient, path: str, **query: Any) -> list[dict[str, Any]]:
    response = client.get(f"{API}/{path}", query)
    assert response.status_code == 200, response.json()
    data: list[dict[str, Any]] = response.json()["data"]
    return data


def condition(**entry: Any) -> str:
    return json.dumps([{"type": "string", **entry}])


@pytest.mark.django_db(transaction=True)
def test_traces_observations_and_sessions(
    client: APIClient, workspace: Workspace, django_assert_max_num_queries: Any
) -> None:
    first = make_trace(workspace, name="first", ago_s=600, SESSION_ID="a/b", USER_ID="ada")
    second = make_trace(workspace, name="second", ago_s=60)
    client.post(f"{API}/scores", {"id": "mine", "traceId": first.trace_id, "name": "q", "value": 1})
    _traces(client, first, second, django_assert_max_num_queries)
    _observations(client, first, django_assert_max_num_queries)
    assert [session["id"] for session in listed(client, "sessions")] == ["a/b"]
    session = client.get(f"{API}/sessions/a%2Fb").json()
    assert [trace["name"] for trace in session["traces"]] == ["first"]
    assert client.get(f"{API}/sessions/none").status_code == 404
    unknown = quote(condition(column="x", operator="="))
    for path in ("traces?page=300&limit=100", "traces?orderBy=cost.up", "traces?fromTimestamp=soon",
                 "traces?filter=[", "traces?fields=all", "v2/observations?cursor=x", "v3/scores?cursor=x",
                 "v2/observations?fields=all", f"traces?filter={unknown}"):  # fmt: skip
        assert client.get(f"{API}/{path}").status_code == 422, path
    assert client.delete(f"{API}/traces/{second.trace_id}").status_code == 200
    assert client.delete(f"{API}/traces", {"traceIds": [first.trace_id, "none"]}).status_code == 200
    assert not Trace.objects.in_workspace(workspace).exists()


def _traces(client: APIClient, first: Trace, second: Trace, max_queries: Any) -> None:
    with max_queries(16):
        newest, oldest = listed(client, "traces")
    assert (newest["id"], oldest["id"]) == (second.trace_id, first.trace_id)
    assert (oldest["userId"], oldest["sessionId"], oldest["input"]) == ("ada", "a/b", "What is it?")
    assert (len(oldest["observations"]), oldest["scores"], oldest["latency"]) == (3, ["mine"], 2.0)
    assert oldest["htmlPath"].endswith(first.trace_id)
    since = (timezone.now() - timedelta(minutes=5)).isoformat()
    for query in ({"fromTimestamp": since}, {"name": "second"}, {"orderBy": "timestamp.desc", "limit": 1},
                  {"filter": condition(column="name", operator="starts with", value="sec")},
                  {"filter": condition(column="userId", operator="none of", value=["ada"])},
                  {"filter": condition(column="timestamp", operator=">", value=since, type="datetime")}):  # fmt: skip
        assert [trace["name"] for trace in listed(client, "traces", **query)] == ["second"], query
    one = client.get(f"{API}/traces/{first.trace_id}").json()
    assert {step["type"] for step in one["observations"]} == {"AGENT", "RETRIEVER", "GENERATION"}
    assert [score["id"] for score in one["scores"]] == ["mine"]
    assert client.get(f"{API}/traces/{TRACE}").status_code == 404


def _observations(client: APIClient, trace: Trace, max_queries: Any) -> None:
    with max_queries(14):
        steps = listed(client, "observations", traceId=trace.trace_id, type="GENERATION")
    (answer,) = steps
    assert answer["input"] == [{"role": "user", "content": "What is it?"}]
    assert (answer["usage"]["total"], answer["costDetails"], answer["timeToFirstToken"]) == (
        150,
        {"total": 0.0015},
        0.2,
    )
    assert client.get(f"{API}/observations/{answer['id']}?traceId={trace.trace_id}").json()["name"] == "chat"
    assert client.get(f"{API}/observations/{answer['id']}").status_code == 200
    assert client.get(f"{API}/observations/unknown").status_code == 404
    seen, cursor = [], ""
    while True:
        page = client.get(f"{API}/v2/observations", {"limit": 4, "cursor": cursor}).json()
        seen += [row["id"] + row["traceId"] for row in page["data"]]
        cursor = page["meta"]["cursor"]
        if not cursor:
            break
    assert len(seen) == len(set(seen)) == Observation.objects.filter(workspace_id=trace.workspace_id).count()
    query = {
        "fields": "core,io,metrics,trace_context",
        "filter": condition(column="latency", operator=">", value=1.2),
    }
    rows = listed(client, "v2/observations", userId="ada", **query)
    assert {row["latency"] for row in rows} == {2.0, 1.5}
    assert ("name" in rows[0], rows[0]["traceName"]) == (False, "first")


@pytest.mark.django_db(transaction=True)
def test_long_texts_are_sent_while_they_are_read(
    client: APIClient, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = {f"long {number}": f"{number}" * 30_000 for number in range(4)}
    for name, text in texts.items():
        span = replace(make_span(name=name), attributes={"flywheel.input": text, "session.id": "s"})
        store(make_row(workspace, span))
    short = {path: client.get(f"{API}/{path}").json() for path in LONG}
    monkeypatch.setattr(stream, "INLINE_BYTES", 10_000)
    monkeypatch.setattr(payloads, "GROUP_BYTES", 50_000)
    for path, name in LONG.items():
        response = client.get(f"{API}/{path}")
        assert response.streaming, path
        document = json.loads(b"".join(response))
        assert document == short[path]
        assert {row["name"]: row["input"] for row in document[name]} == texts, path
    trace = Trace.objects.get(workspace=workspace, name="long 0")
    response = client.get(f"{API}/traces/{trace.trace_id}")
    assert response.streaming
    (step,) = json.loads(b"".join(response))["observations"]
    assert step["input"] == texts["long 0"]


@pytest.mark.django_db
def test_scores_are_listed_by_page_and_cursor_found_and_deleted(
    client: APIClient, workspace: Workspace
) -> None:
    for number in range(5):
        body = {
            "id": f"s{number}",
            "traceId": TRACE,
            "name": "n",
            "value": number,
            "queueId": "q",
            "source": "EVAL",
        }
        client.post(f"{API}/scores", body)
    client.post(
        f"{API}/scores", {"id": "b", "sessionId": "s", "name": "b", "value": 1, "dataType": "BOOLEAN"}
    )
    assert len(listed(client, "v2/scores", limit=3)) == 3
    assert [row["id"] for row in listed(client, "v2/scores", name="n", operator=">", value=3)] == ["s4"]
    assert [row["id"] for row in listed(client, "v2/scores", scoreIds="s1,b", dataType="BOOLEAN")] == ["b"]
    assert {row["queueId"] for row in listed(client, "scores", source="EVAL", traceId=TRACE)} == {"q"}
    first = client.get(f"{API}/v3/scores", {"limit": 4, "fields": "subject"}).json()
    rest = client.get(f"{API}/v3/scores", {"limit": 4, "cursor": first["meta"]["cursor"]}).json()
    assert (len(first["data"]), len(rest["data"]), rest["meta"]["cursor"]) == (4, 2, None)
    boolean = first["data"][0]
    assert (boolean["value"], boolean["subject"]) == (True, {"kind": "session", "id": "s"})
    assert client.get(f"{API}/v2/scores/s1").json()["value"] == 1
    assert client.delete(f"{API}/scores/s1").status_code == 200
    assert client.delete(f"{API}/scores/s1").status_code == 404
    assert Score.objects.in_workspace(workspace).count() == 5


@pytest.mark.django_db
def test_definitions_of_scores_and_comments(client: APIClient) -> None:
    body = {
        "name": "tone",
        "dataType": "CATEGORICAL",
        "categories": [{"label": "warm", "value": 1}],
        "minValue": None,
    }
    config = client.post(f"{API}/score-configs", body).json()
    assert (config["dataType"], config["categories"]) == ("CATEGORICAL", [{"value": 0, "label": "warm"}])
    scored = {"traceId": TRACE, "name": "tone", "configId": config["id"], "value": "warm"}
    assert client.post(f"{API}/scores", scored).status_code == 200
    assert client.post(f"{API}/scores", {**scored, "value": "icy"}).status_code == 422
    assert client.post(f"{API}/scores", {**scored, "configId": "none"}).status_code == 422
    changed = client.patch(
        f"{API}/score-configs/{config['id']}", {"isArchived": True, "description": "d"}
    ).json()
    assert (changed["isArchived"], changed["categories"]) == (True, config["categories"])
    assert [row["id"] for row in listed(client, "score-configs")] == [config["id"]]
    said = {"objectType": "TRACE", "objectId": TRACE, "content": "Look at this."}
    comment = client.post(f"{API}/comments", said).json()["id"]
    assert listed(client, "comments", objectType="TRACE", objectId=TRACE)[0]["content"] == "Look at this."
    assert client.get(f"{API}/comments/{comment}").json()["objectId"] == TRACE
    assert client.post(f"{API}/comments", {**said, "objectType": "PROMPT"}).status_code == 422


@pytest.mark.django_db
def test_media_is_announced_uploaded_once_and_read(
    client: APIClient,
    workspace: Workspace,
    viewer: User,
    stranger: User,
    console: Any,
    settings: Any,
    tmp_path: Any,
) -> None:
    settings.MEDIA_ROOT = tmp_path
    content = b"\x89PNG picture"
    said = {"traceId": TRACE, "contentType": "image/png", "contentLength": len(content), "field": "input",
            "sha256Hash": base64.b64encode(hashlib.sha256(content).digest()).decode()}  # fmt: skip
    announced = client.post(f"{API}/media", said).json()
    address = urlsplit(announced["uploadUrl"])
    where = f"{address.path}?{address.query}"
    assert client.get(f"{API}/media/{announced['mediaId']}").status_code == 404
    anybody = Client()
    for wrong, status in ((b"x" * len(content), 422), (content + b"!", 413), (b"", 422)):
        assert anybody.put(where, wrong, content_type="image/png").status_code == status
    assert anybody.put(address.path, content, content_type="image/png").status_code == 403
    assert anybody.get(where).status_code == 403
    assert anybody.put(where, content, content_type="image/png").status_code == 200
    assert client.patch(f"{API}/media/{announced['mediaId']}", {"uploadHttpStatus": 200}).status_code == 204
    assert client.post(f"{API}/media", said).json() == {"uploadUrl": None, "mediaId": announced["mediaId"]}
    url = urlsplit(client.get(f"{API}/media/{announced['mediaId']}").json()["url"])
    got = anybody.get(f"{url.path}?{url.query}")
    assert (b"".join(got.streaming_content), got["Content-Type"]) == (content, "image/png")
    assert (got["X-Content-Type-Options"], "sandbox" in got["Content-Security-Policy"]) == ("nosniff", True)
    ours = f"/api/v1/media/{announced['mediaId']}/content/"
    assert b"".join(console(viewer).get(ours).streaming_content) == content
    assert console(stranger).get(ours).status_code in {403, 404}
    bad = ({"contentType": "evil/html"}, {"sha256Hash": "x"}, {"contentLength": True}, {"traceId": None})
    for change in bad:
        assert client.post(f"{API}/media", {**said, **change}).status_code == 422
    assert client.post(f"{API}/media", {**said, "contentLength": 2**40}).status_code == 413
    Media.objects.update(updated_at=timezone.now() - timedelta(days=2))
    assert drop_unused_media() == 1
    assert not MediaUse.objects.exists()
