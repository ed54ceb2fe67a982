"""The cozeloop surface without its SDK."""

from __future__ import annotations

import gzip
import json
import time
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from apps.agents.services.prompt import add_prompt_version
from apps.core.exceptions import Invalid
from apps.core.models import User, Workspace
from apps.interop.cozeloop.spans import read_spans
from apps.tracing.models import Observation, Trace
from tests.factories.core import SYSTEM, make_api_key
from tests.factories.tracing import new_trace_id

INGEST = "/v1/loop/traces/ingest"
MGET = "/v1/loop/prompts/mget"


def span(trace_id: str, number: int = 1, **fields: Any) -> dict[str, Any]:
    return {
        "started_at_micros": time.time_ns() // 1000 - 1_000_000,
        "duration_micros": 250_000,
        "trace_id": trace_id,
        "span_id": f"{number:016x}",
        "parent_id": "0" if number == 1 else f"{1:016x}",
        "span_name": f"step {number}",
        "span_type": "model" if number == 2 else "agent",
        "status_code": 0,
        "service_name": "shop",
        "input": "Where?",
        "output": "Here.",
        "object_storage": "",
        "system_tags_string": {"language": "python"},
        "tags_string": {"model_name": "small-1"} if number == 2 else {},
        "tags_long": {"input_tokens": 3, "output_tokens": 4} if number == 2 else {},
        **fields,
    }


def post(path: str, key: str, body: Any, **headers: str) -> Any:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Client().post(
        path, data, content_type="application/json", headers={"Authorization": f"Bearer {key}", **headers}
    )


@pytest.mark.django_db(transaction=True)
def test_spans_are_stored_and_bad_ones_named(workspace: Workspace, editor: User, viewer: User) -> None:
    key, trace_id = make_api_key(workspace, editor, ("ingest",)), new_trace_id()
    body = {"spans": [span(trace_id), span(trace_id, 2), span("nonsense", 3), 7, {"span_id": []}]}
    answer = post(INGEST, key, body)
    assert (answer.status_code, answer.json()["code"]) == (200, 0)
    assert "Span 4 is not a span." in answer.json()["msg"]
    assert "trace id" in answer.json()["msg"]
    packed = gzip.compress(json.dumps(body).encode())
    assert post(INGEST, key, packed, **{"Content-Encoding": "gzip"}).json()["code"] == 0
    trace = Trace.objects.get(trace_id=trace_id)
    assert (trace.observation_count, trace.name, trace.input_preview) == (2, "step 1", "Where?")
    model = Observation.objects.get(trace_id=trace_id, span_id=f"{2:016x}")
    assert (model.type, model.model, model.input_tokens, model.output_tokens) == (
        "generation",
        "small-1",
        3,
        4,
    )
    assert model.metadata == {"language": "python"}
    for wrong_key in (
        "",
        "fw_x_y",
        make_api_key(workspace, editor, ("read",)),
        make_api_key(workspace, viewer),
    ):
        refused = post(INGEST, wrong_key, body)
        assert refused.status_code in {401, 403}
        assert refused.json()["code"] != 0
    for wrong in (b"{", b"[]", b"{}", b'{"spans": 3}', b"\xff"):
        assert post(INGEST, key, wrong).json()["code"] == 422


@pytest.mark.django_db
def test_prompts_are_found_by_key(workspace: Workspace, viewer: User) -> None:
    key = make_api_key(workspace, viewer, ("read",))
    chat = [
        {"role": "developer", "content": "Hi {{name}}"},
        {"type": "placeholder", "name": "history"},
    ]
    common: dict[str, Any] = {"actor": SYSTEM, "workspace": workspace, "labels": ["production"]}
    add_prompt_version(name="chat", type="chat", content=chat, config={"temperature": 1, "x": 2}, **common)
    add_prompt_version(name="text", type="text", content="Be kind.", **common)
    queries = [
        {"prompt_key": "chat", "version": "", "label": ""},
        {"prompt_key": "text", "version": "1"},
        {"prompt_key": "text", "version": "2"},
        {"prompt_key": "text", "label": "staging"},
        {"prompt_key": None},
    ]
    answer = post(MGET, key, {"workspace_id": "w", "queries": queries}).json()
    first, second = answer["data"]["items"]
    assert first["query"] == queries[0]
    assert first["prompt"]["prompt_template"]["messages"] == [
        {"role": "user", "content": "Hi {{name}}"},
        {"role": "placeholder", "content": "history"},
    ]
    assert [row["type"] for row in first["prompt"]["prompt_template"]["variable_defs"]] == [
        "string",
        "placeholder",
    ]
    assert first["prompt"]["llm_config"] == {"temperature": 1}
    assert second["prompt"]["prompt_template"]["messages"] == [{"role": "system", "content": "Be kind."}]
    assert (second["prompt"]["workspace_id"], second["prompt"]["llm_config"]) == ("w", None)
    missing = post(MGET, key, {"workspace_id": "w", "queries": queries[2:]})
    assert (missing.status_code, missing.json()["code"]) == (404, 404)
    for wrong in ([], {}, {"queries": [1]}, {"queries": [{}] * 26}, {"queries": [{"version": "0.1"}]}):
        assert post(MGET, key, wrong).json()["code"] == 422
    assert post(MGET, "", {"queries": []}).json()["code"] == 401


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_FIELDS = st.sampled_from(sorted(span("0" * 32)))


@given(st.lists(st.dictionaries(_FIELDS, _JSON, max_size=8), max_size=3))
def test_any_span_is_read_or_named(spans: list[Any]) -> None:
    body = json.dumps({"spans": spans}).encode()
    try:
        records, rejected = read_spans(body, "")
    except Invalid:  # NaN and the like are no JSON
        return
    assert len(records) + len(rejected) == len(spans)
