"""The three lines of the Langfuse SDK, as published."""

from __future__ import annotations

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
