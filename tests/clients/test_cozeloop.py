"""The cozeloop SDK, as published."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.support.api import Api

pytestmark = pytest.mark.clients


def test_spans_arrive_and_prompts_are_read(run, api: Api):
    name = f"cozeloop/{uuid4().hex}"
    content = [
        {"role": "system", "content": "Be kind to {{name}}."},
        {"type": "placeholder", "name": "history"},
    ]
    api.call(
        "POST",
        "/api/v1/prompts/",
        {
            "name": name,
            "type": "chat",
            "content": content,
            "labels": ["production"],
            "config": {"temperature": 0.5},
        },
    )
    got = run("cozeloop_all.py", "cozeloop", "cozeloop==0.1.28", arguments=[name])
    assert (got["version"], got["temperature"]) == ("1", 0.5)
    assert "There is no such prompt" in got["missing"] or "404" in got["missing"]
    assert got["messages"] == [["system", "Be kind to Ada."]]
    trace = api.call("GET", f"/api/v1/traces/{got['trace_id']}/")
    steps = {step["name"]: step for step in trace["observations"]}
    assert {name: step["type"] for name, step in steps.items()} == {
        "question": "agent",
        "answer": "generation",
        "lookup": "tool",
        "large": "tool",
    }
    assert (trace["user_id"], trace["session_id"]) == ("user-8", "thread-8")
    assert (trace["input_preview"], trace["output_preview"]) == ("Where?", "Here.")
    page = api.call("GET", f"/api/v1/observations/{got['trace_id']}/{steps['answer']['span_id']}/")
    answer = page["observation"]
    assert (answer["model"], answer["provider"]) == ("small-1", "acme")
    assert (answer["input_tokens"], answer["output_tokens"]) == (11, 7)
    assert answer["metadata"]["shelf"] == 3
    assert steps["lookup"]["status"] == "error"
    text, _finish, tokens = got["answer"]
    assert (got["streamed"], got["usage"]) == (text, tokens)
    assert text
    (file,) = api.call("GET", f"/api/v1/media/?trace_id={got['trace_id']}")
    assert (file["observation_id"], file["field"]) == (steps["large"]["span_id"], "input")
    assert (file["size"], file["content_type"]) == (5 * 300_000, "text/plain")
