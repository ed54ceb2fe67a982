"""Published instrumentations of the `openai` package, over the published OTLP exporter."""

from __future__ import annotations

import pytest

from tests.support.api import Api

pytestmark = pytest.mark.clients

COMMON = ("openai==3.57.0", "opentelemetry-sdk==1.45.2", "opentelemetry-exporter-otlp-proto-http==1.45.2")
INSTRUMENTATIONS = {
    "openinference": "openinference-instrumentation-openai==0.1.66",
    "traceloop": "opentelemetry-instrumentation-openai==0.62.4",
}


@pytest.mark.parametrize("name", INSTRUMENTATIONS)
def test_calls_arrive_with_messages_and_tokens(name, run, api: Api, model_server):
    sent = run(
        "openai_calls.py", name, INSTRUMENTATIONS[name], *COMMON, arguments=[name, model_server.base_url]
    )
    assert sent["done"]
    trace = api.call("GET", f"/api/v1/traces/{sent['trace_id']}/")
    assert (trace["name"], trace["environment"]) == ("question", "test")
    calls = [step for step in trace["observations"] if step["type"] == "generation"]
    assert len(calls) == 2
    for call, text in zip(calls, (sent["text"], sent["streamed"]), strict=True):
        page = api.call("GET", f"/api/v1/observations/{sent['trace_id']}/{call['span_id']}/")
        found = page["observation"]
        assert found["model"] == "echo"
        assert [found["input_tokens"], found["output_tokens"]] == sent["usage"]
        assert "Where is it?" in page["payload"]["input"]
        assert "Be kind." in page["payload"]["input"]
        assert text in page["payload"]["output"]
