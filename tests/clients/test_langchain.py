"""LangChain with the callback handler of the Langfuse SDK, as published."""

from __future__ import annotations

import pytest

from tests.support.api import Api

pytestmark = pytest.mark.clients


def test_a_chain_arrives_with_every_step(run, api: Api):
    sent = run("langchain_chain.py", "langchain", "langfuse==4.18.0", "langchain==1.5.2")
    trace = api.call("GET", f"/api/v1/traces/{sent['trace_id']}/")
    assert (trace["user_id"], trace["session_id"], trace["tags"]) == ("user-9", "session-9", ["chain"])
    steps = {step["name"]: step for step in trace["observations"]}
    assert set(steps) == {"RunnableSequence", "ChatPromptTemplate", "FakeListChatModel", "StrOutputParser"}
    model = steps["FakeListChatModel"]
    assert model["type"] == "generation"
    assert model["parent_id"] == steps["RunnableSequence"]["span_id"]
    page = api.call("GET", f"/api/v1/observations/{sent['trace_id']}/{model['span_id']}/")
    assert "Where is it?" in page["payload"]["input"]
    assert sent["text"] in page["payload"]["output"]
