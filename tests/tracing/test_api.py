"""The REST API of tracing."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.tracing.models import Score
from apps.tracing.services.score import record_score
from tests.factories.tracing import make_row, make_trace, store

pytestmark = pytest.mark.django_db


def ids(response):
    assert response.status_code == 200, response.content
    return [trace["trace_id"] for trace in response.json()["results"]]


def test_a_list_is_paged_both_ways(api, viewer, workspace):
    made = [make_trace(workspace, ago_s=100 - n).trace_id for n in range(5)][::-1]
    client = api(viewer)
    first = client.get("/api/v1/traces/?page_size=2")
    assert ids(first) == made[:2]
    assert first.json()["newer"] == ""
    second = client.get(f"/api/v1/traces/?page_size=2&cursor={first.json()['older']}")
    assert ids(second) == made[2:4]
    third = client.get(f"/api/v1/traces/?page_size=2&cursor={second.json()['older']}")
    assert ids(third) == made[4:]
    assert third.json()["older"] == ""
    back = client.get(f"/api/v1/traces/?page_size=2&cursor={third.json()['newer']}")
    assert ids(back) == made[2:4]
    start = client.get(f"/api/v1/traces/?page_size=2&cursor={back.json()['newer']}")
    assert ids(start) == made[:2]
    assert start.json()["newer"] == ""


def test_traces_that_start_at_the_same_moment_are_all_listed(api, viewer, workspace):
    import time

    from tests.factories.tracing import make_span

    base = time.time_ns() - 10**10
    rows = [make_row(workspace, make_span(base_ns=base)) for _ in range(7)]
    store(*rows)
    client, cursor, seen = api(viewer), "", []
    while True:
        page = client.get(
            f"/api/v1/traces/?page_size=3&cursor={cursor}" if cursor else "/api/v1/traces/?page_size=3"
        )
        seen += ids(page)
        cursor = page.json()["older"]
        if not cursor:
            break
    assert sorted(seen) == sorted(row.trace_id for row in rows)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("name=special", True),
        ("name=nothing", False),
        ("status=ok", True),
        ("status=error", False),
        ("model=small-1", True),
        ("model=small", False),
        ("session_id=s-1", True),
        ("user_id=u-1", True),
        ("user_id=u-2", False),
        ("tag=red", True),
        ("environment=staging", True),
        ("source_type=agents.message", True),
        ("min_latency_ms=1500", True),
        ("min_latency_ms=2500", False),
        ("text=what%20is", True),
        ("text=100%25", False),
        ("start=2020-01-01T00:00:00Z&end=2020-02-01T00:00:00Z", False),
    ],
)
def test_filters_narrow_the_list(api, viewer, workspace, query, found):
    make_trace(
        workspace,
        name="A special answer",
        SESSION_ID="s-1",
        USER_ID="u-1",
        TAGS='["red"]',
        ENVIRONMENT="staging",
        SOURCE_TYPE="agents.message",
    )
    assert bool(ids(api(viewer).get(f"/api/v1/traces/?{query}"))) is found


@pytest.mark.parametrize(
    "query",
    [
        "status=odd",
        "page_size=0",
        "page_size=1000",
        "min_latency_ms=-1",
        "start=yesterday",
        "cursor=nonsense",
        "text=%00",
    ],
)
def test_bad_parameters_are_problems(api, viewer, query):
    response = api(viewer).get(f"/api/v1/traces/?{query}")
    assert response.status_code in (400, 422)
    assert response["Content-Type"].startswith("application/problem+json")


def test_a_list_costs_the_same_number_of_queries_at_any_length(api, viewer, workspace):
    client = api(viewer)
    client.get("/api/v1/traces/")
    counts = []
    for _ in range(2):
        make_trace(workspace)
        with CaptureQueriesContext(
            connection,
        ) as captured:
            client.get("/api/v1/traces/")
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_a_trace_comes_with_its_observations_and_scores(api, viewer, workspace, system):
    trace = make_trace(workspace)
    common = {
        "actor": system,
        "workspace": workspace,
        "trace_id": trace.trace_id,
        "name": "q",
        "source": "api",
    }
    record_score(**common, data_type="numeric", value=1)
    record_score(**common, data_type="numeric", value=0, observation_id=f"{3:016x}")
    body = api(viewer).get(f"/api/v1/traces/{trace.trace_id}/").json()
    assert [row["name"] for row in body["observations"]] == ["answer", "retrieve", "chat"]
    assert body["observations"][2]["parent_id"] == body["observations"][0]["span_id"]
    assert len(body["scores"]) == 2
    assert (body["input_tokens"], body["cost"]) == (120, "0.0015000000")


def test_a_payload_is_cut_to_the_limit_that_is_asked_for(api, viewer, workspace):
    trace = make_trace(workspace, INPUT="漢" * 1000)
    url = f"/api/v1/observations/{trace.trace_id}/{1:016x}/"
    client = api(viewer)
    assert client.get(url).json()["payload"]["input"] == "漢" * 1000
    payload = client.get(f"{url}?limit=10").json()["payload"]
    assert payload == {"input": "漢" * 10, "output": "It is this.", "input_length": 1000, "output_length": 11}


def test_scores_are_created_listed_and_deleted(api, annotator, viewer, workspace):
    client = api(annotator)
    body = {"trace_id": "b" * 32, "name": "tone", "data_type": "categorical", "string_value": "warm"}
    created = client.post("/api/v1/scores/", body)
    assert created.status_code == 201, created.content
    assert created.json()["author"] == annotator.pk
    listed = client.get(f"/api/v1/scores/?trace_id={'b' * 32}&name=tone").json()["results"]
    assert [score["string_value"] for score in listed] == ["warm"]
    url = f"/api/v1/scores/{created.json()['id']}/"
    assert api(viewer).delete(url).status_code == 403
    assert client.delete(url).status_code == 204
    assert not Score.objects.filter(workspace=workspace).exists()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"trace_id": "B" * 32, "name": "x", "value": 1},
        {"trace_id": "b" * 32, "name": "x", "value": "many"},
        {"trace_id": "b" * 32, "name": "x"},
        {"name": "x", "value": 1},
        {"trace_id": "b" * 32, "name": "nul\0", "value": 1},
    ],
)
def test_bad_scores_are_problems(api, annotator, body):
    assert api(annotator).post("/api/v1/scores/", body).status_code in (400, 422)


def test_strangers_and_keys_without_scope_get_nothing(api, viewer, editor, stranger, workspace):
    from rest_framework.test import APIClient

    from apps.core.models import Workspace
    from tests.factories.core import make_api_key

    trace = make_trace(workspace)
    elsewhere = Workspace.objects.get(memberships__user=stranger)
    outsider = APIClient()
    outsider.credentials(HTTP_AUTHORIZATION=f"Bearer {make_api_key(elsewhere, stranger)}")
    url = f"/api/v1/traces/{trace.trace_id}/"
    assert outsider.get(url).status_code == 404
    assert outsider.delete(url).status_code == 404
    assert outsider.get(f"/api/v1/observations/{trace.trace_id}/{1:016x}/").status_code == 404
    assert ids(outsider.get("/api/v1/traces/")) == []
    assert APIClient().get(url).status_code == 401
    assert api(viewer).delete(url).status_code == 403
    assert api(editor, scopes=("read",)).delete(url).status_code == 403
    score = {"trace_id": trace.trace_id, "name": "x", "value": 1}
    assert api(editor, scopes=("read",)).post("/api/v1/scores/", score).status_code == 403
    sending = api(editor, scopes=("ingest",))
    assert sending.post("/api/v1/scores/", score).status_code == 201
    assert sending.get("/api/v1/scores/").status_code == 403
    assert api(viewer).post("/api/v1/scores/", score).status_code == 403
    assert api(editor).delete(url).status_code == 204
    assert api(editor).get(url).status_code == 404


@pytest.mark.parametrize("path", ["traces/xyz/", f"traces/{'0' * 32}/", f"observations/{'1' * 32}/zz/"])
def test_odd_ids_are_not_found(api, viewer, path):
    assert api(viewer).get(f"/api/v1/{path}").status_code == 404
