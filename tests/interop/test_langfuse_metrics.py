"""Metrics as Langfuse's SDKs ask for them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apps.core.models import User, Workspace
from apps.interop.langfuse import metric_tables, metrics
from apps.tracing.models import Observation
from tests.factories.core import make_api_key, make_workspace
from tests.factories.tracing import make_trace

API = "/api/public"
COUNT = {"measure": "count", "aggregation": "count"}


@pytest.fixture
def client(workspace: Workspace, editor: User) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {make_api_key(workspace, editor)}")
    return client


def ask(client: APIClient, view: str, *, status: int = 200, path: str = "v2/metrics", **query: Any) -> Any:
    now = timezone.now()
    asked = {
        "view": view,
        "metrics": [COUNT],
        "fromTimestamp": (now - timedelta(hours=1)).isoformat(),
        "toTimestamp": (now + timedelta(minutes=1)).isoformat(),
        **query,
    }
    response = client.get(f"{API}/{path}", {"query": json.dumps(asked)})
    body = response.json()
    assert response.status_code == status, body
    return body["data"] if status == 200 else body["message"]


def metric(measure: str, aggregation: str) -> dict[str, str]:
    return {"measure": measure, "aggregation": aggregation}


@pytest.fixture
def traces(workspace: Workspace) -> None:
    for name, user in (("first", "ada"), ("first", "bob"), ("second", "ada")):
        make_trace(workspace, name=name, ago_s=600, USER_ID=user)
    make_trace(make_workspace(), name="strange", ago_s=600)


@pytest.mark.django_db(transaction=True)
def test_traces_and_steps_are_counted(client: APIClient, traces: None, workspace: Workspace) -> None:
    rows = ask(client, "traces", dimensions=[{"field": "name"}])
    assert rows == [{"name": "first", "count_count": 2}, {"name": "second", "count_count": 1}]
    assert ask(client, "traces", path="metrics") == [{"count_count": 3}]
    asked = [metric("latency", "p95"), metric("totalTokens", "sum"), metric("totalCost", "avg"), COUNT]
    steps = Observation.objects.in_workspace(workspace).filter(type="generation")
    (row,) = ask(
        client,
        "observations",
        metrics=asked,
        dimensions=[{"field": "type"}, {"field": "providedModelName"}],
        filters=[{"column": "type", "operator": "=", "value": "GENERATION", "type": "string"}],
    )
    one = steps[0]
    assert row == {
        "type": "GENERATION",
        "providedModelName": one.model,
        "p95_latency": one.latency_ms,
        "sum_totalTokens": 450,
        "avg_totalCost": 0.0015,
        "count_count": 3,
    }
    everybody = ask(client, "traces", dimensions=[{"field": "userId"}], config={"row_limit": 1})
    assert everybody == [{"userId": "ada", "count_count": 2}]
    rows = ask(
        client,
        "traces",
        dimensions=[{"field": "userId"}, {"field": "environment"}],
        orderBy=[{"field": "count_count", "direction": "asc"}],
    )
    assert [(row["userId"], row["environment"]) for row in rows] == [("bob", "default"), ("ada", "default")]


@pytest.mark.django_db(transaction=True)
def test_they_are_told_apart_by_time(client: APIClient, workspace: Workspace) -> None:
    for ago in (300, 300, 4000):
        make_trace(workspace, ago_s=ago)
    now = timezone.now()
    since = (now - timedelta(hours=2)).isoformat()
    rows = ask(client, "traces", fromTimestamp=since, timeDimension={"granularity": "minute"})
    assert [row["count_count"] for row in rows] == [1, 2]
    first = datetime.fromisoformat(rows[0]["time_dimension"])
    assert (first.second, first.tzinfo) == (0, UTC)
    (row,) = ask(client, "traces", fromTimestamp=since, timeDimension={"granularity": "month"})[-1:]
    assert datetime.fromisoformat(row["time_dimension"]).day == 1


@pytest.mark.django_db(transaction=True)
def test_scores_are_counted_by_their_kind(client: APIClient, workspace: Workspace) -> None:
    trace = make_trace(workspace)
    for body in (
        {"name": "quality", "value": 0.5},
        {"name": "quality", "value": 1.0, "traceId": "a" * 32},
        {"name": "ok", "value": 1, "dataType": "BOOLEAN"},
        {"name": "tone", "value": "kind"},
    ):
        client.post(f"{API}/scores", {"traceId": trace.trace_id, **body}, format="json")
    name = [{"field": "name"}]
    average = [metric("value", "avg"), COUNT]
    rows = ask(client, "scores-numeric", metrics=average, dimensions=name)
    assert rows == [
        {"name": "ok", "avg_value": 1.0, "count_count": 1},
        {"name": "quality", "avg_value": 0.75, "count_count": 2},
    ]
    quality = {"column": "name", "operator": "any of", "value": ["quality"]}
    high = {"column": "value", "operator": ">", "value": 0.6}
    assert ask(client, "scores-numeric", filters=[quality, high]) == [{"count_count": 1}]
    assert ask(client, "scores-boolean", dimensions=[{"field": "booleanValue"}]) == [
        {"booleanValue": True, "count_count": 1}
    ]
    rows = ask(client, "scores-categorical", dimensions=[{"field": "stringValue"}, {"field": "source"}])
    assert rows == [{"stringValue": "kind", "source": "API", "count_count": 1}]
    foreign = {"column": "source", "operator": "none of", "value": ["API"]}
    assert ask(client, "scores-categorical", filters=[foreign]) == [{"count_count": 0}]


@pytest.mark.django_db(transaction=True)
def test_nothing_is_answered_by_nothing(client: APIClient) -> None:
    empty = ask(client, "observations", metrics=[metric("latency", "avg"), COUNT])
    assert empty == [{"avg_latency": None, "count_count": 0}]
    assert ask(client, "traces", dimensions=[{"field": "name"}]) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"view": "people"}, "view"),
        ({"metrics": []}, "metrics"),
        ({"metrics": "count"}, "metrics"),
        ({"metrics": [metric("count", "avg")]}, "count"),
        ({"metrics": [metric("latency", "histogram")]}, "histogram"),
        ({"metrics": [metric("countScores", "sum")]}, "countScores"),
        ({"dimensions": [{"field": "traceName"}]}, "traceName"),
        ({"dimensions": ["name"]}, "object"),
        ({"filters": [{"column": "traceName", "operator": "=", "value": "x"}]}, "traceName"),
        ({"fromTimestamp": "soon"}, "fromTimestamp"),
        ({"fromTimestamp": None}, "fromTimestamp"),
        ({"timeDimension": {"granularity": "second"}}, "granularity"),
        ({"orderBy": [{"field": "name", "direction": "asc"}]}, "orderBy"),
        ({"config": {"row_limit": 5000}}, "row_limit"),
        ({"view": "scores-numeric", "filters": [{"column": "value", "operator": "=", "value": "1"}]}, "number"),
        ({"view": "scores-numeric", "filters": [{"column": "comment", "operator": "=", "value": "1"}]}, "comment"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_named(client: APIClient, query: dict[str, Any], said: str) -> None:
    view = query.get("view", "observations")
    assert said in ask(client, status=422, **{**query, "view": view})


@pytest.mark.django_db(transaction=True)
def test_a_query_that_is_no_object_or_takes_too_long(
    client: APIClient, traces: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for raw in ("", "[", "[]", "[" * 9000, '{"view": ["traces"]}'):
        assert client.get(f"{API}/v2/metrics", {"query": raw}).status_code == 422, raw

    def slow(*_arguments: Any) -> Any:
        return Observation.objects.extra(where=["pg_sleep(1)::text IS NOT NULL"])

    monkeypatch.setattr(metric_tables.MetricTable, "rows", slow)
    monkeypatch.setattr(metrics, "TIMEOUT_S", 0.05)
    assert "shorter time" in ask(client, "observations", status=422)
