"""The three lines of the Langfuse SDK, as published."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from tests.support.api import Api

pytestmark = pytest.mark.clients

LINES = {"3": "langfuse==3.15.0", "4": "langfuse==4.18.0", "5": "langfuse==5.0.4"}


@pytest.fixture(scope="module", params=LINES)
def line(request) -> tuple[str, str]:
    """Name of the environment and its package."""
    return f"langfuse-{request.param}", LINES[request.param]


def test_traces_and_scores_arrive_complete(line, run, api: Api):
    sent = run("langfuse_traces.py", *line)
    trace = api.call("GET", f"/api/v1/traces/{sent['trace_id']}/")
    assert (trace["user_id"], trace["session_id"], trace["tags"]) == ("user-7", "session-7", ["clients"])
    assert trace["observation_count"] == 3
    steps = {step["name"]: step for step in trace["observations"]}
    assert {name: step["type"] for name, step in steps.items()} == {
        "question": "agent",
        "search": "retriever",
        "answer": "generation",
    }
    answer = _observation(api, steps["answer"], trace)
    assert (answer["model"], answer["input_tokens"], answer["output_tokens"]) == ("small-1", 11, 7)
    assert float(answer["cost"]) == pytest.approx(0.003)
    assert ("Where?" in answer["input"], "Here." in answer["output"]) == (True, True)
    search = _observation(api, steps["search"], trace)
    assert search["metadata"]["top_k"] in (3, "3")
    assert search["metadata"]["source"] == "atlas"
    root = _observation(api, steps["question"], trace)
    assert root["span_id"] == sent["root_id"]
    assert root["status_message"] == "slow"
    scores = {score["name"]: score for score in trace["scores"]}
    assert len(trace["scores"]) == 22
    assert scores["tone"]["string_value"] == "cold"
    assert (scores["exact"]["data_type"], scores["exact"]["value"]) == ("boolean", 1.0)
    assert scores["exact"]["observation_id"] == steps["answer"]["span_id"]
    assert scores["score 19"]["value"] == 9.5
    assert sent["url"].endswith(f"/traces/{sent['trace_id']}")


def test_prompts_are_written_and_read(line, run, api: Api):
    folder = uuid4().hex
    got = run("langfuse_prompts.py", *line, arguments=[folder])
    assert got == {
        "production": [1, "Hello Ada", ["sdk"]],
        "newest": [2, {"temperature": 0.5}, ["latest"]],
        "second": [2, "Good day {{name}}", "politer"],
        "chat": [{"role": "system", "content": "Be kind to Ada."}, {"role": "user", "content": "Hi"}],
        "moved": 2,
        "missing": "instead",
        "listed": [f"{folder}/chat", f"{folder}/greeting"],
    }
    (ours,) = api.call("GET", f"/api/v1/prompts/?folder={folder}&type=text")["results"]
    assert ours["labels"] == {"production": 2, "latest": 2}


def _observation(api: Api, step: dict[str, Any], trace: dict[str, Any]) -> dict[str, Any]:
    page = api.call("GET", f"/api/v1/observations/{trace['trace_id']}/{step['span_id']}/")
    return {**page["observation"], **page["payload"]}


def test_experiments_media_and_readers(line, run, api: Api):
    environment, package = line
    number = environment.rpartition("-")[2]
    name = f"geo {uuid4().hex}/capitals"
    got = run("langfuse_datasets.py", environment, package, arguments=[number, name])
    assert got["dataset"] == [name, "Capitals", {"topic": "geography"}]
    assert got["items"] == [
        [f"{name}-fr", {"country": "France"}, {"capital": "Paris"}, {"changed": True}],
        [f"{name}-it", {"country": "Italy"}, {"capital": "Rome"}, None],
    ]
    assert got["results"] == [["Rome", 0.0], ["Rome", 1.0]]
    (ours,) = [entry for entry in api.call("GET", "/api/v1/datasets/")["results"] if entry["name"] == name]
    runs = {
        entry["name"]: entry for entry in api.call("GET", f"/api/v1/datasets/{ours['id']}/runs/")["results"]
    }
    assert set(runs) == ({"run/one", "by hand"} if number == "3" else {"run/one"})
    tried = runs["run/one"]
    assert (tried["code"], tried["description"], tried["metadata"]) == (
        got["run_id"],
        "First try",
        {"model": "small-1"},
    )
    (score,) = api.call("GET", f"/api/v1/scores/?dataset_run_id={tried['code']}")["results"]
    assert (score["name"], score["value"], score["comment"]) == ("mean", 0.5, "of all")
    page = api.call("GET", f"/api/v1/datasets/{ours['id']}/runs/{tried['id']}/items/")
    outcomes = {entry["client_id"]: entry for entry in page["results"]}
    assert {key: entry["output"] for key, entry in outcomes.items()} == {
        f"{name}-fr": "Rome",
        f"{name}-it": "Rome",
    }
    assert outcomes[f"{name}-it"]["scores"] == [{"name": "exact", "value": 1.0, "text": "1"}]
    assert outcomes[f"{name}-fr"]["scores"] == [{"name": "exact", "value": 0.0, "text": "0"}]
    _see_media_and_readers(api, got)


def _see_media_and_readers(api: Api, got: dict[str, Any]) -> None:
    assert got["resolved"]
    assert got["trace_input"] == json.loads(got["reference"])
    media = api.call("GET", f"/api/v1/media/{got['media_id']}/")
    assert (media["content_type"], media["shown"]) == ("image/png", True)
    assert got["observation_ids"] == [got["root_id"]]
    assert got["metrics"] == ["picture", 1, True]
    counts = got["counts"]
    assert counts.get("traces", 1) == 1
    assert counts["scores"] >= 2
    assert counts.get("runs", 1) >= 1
    assert counts.get("run", 2) == 2


def test_events_of_line_2_become_a_trace(run, api: Api):
    sent = run("langfuse_old.py", "langfuse-2", "langfuse==2.60.10")
    assert (sent["name"], sent["output"]) == ("question", "Here.")
    assert sent["steps"] == ["answer", "noted", "question", "search"]
    assert sent["scores"] == ["exact"]
    trace = api.call("GET", f"/api/v1/traces/{sent['id'].replace('-', '')}/")
    assert (trace["user_id"], trace["session_id"], trace["tags"]) == ("user-2", "session-2", ["old"])
    assert (trace["has_root"], trace["input_tokens"], trace["output_tokens"]) == (True, 11, 7)
    steps = {step["name"]: step for step in trace["observations"]}
    assert steps["answer"]["parent_id"] == steps["noted"]["parent_id"] == steps["search"]["span_id"]
    assert steps["search"]["parent_id"] == steps["question"]["span_id"]
    answer = _observation(api, steps["answer"], trace)
    assert (answer["type"], answer["model"]) == ("generation", "small-1")
    assert ("Where?" in answer["input"], "Here." in answer["output"]) == (True, True)
