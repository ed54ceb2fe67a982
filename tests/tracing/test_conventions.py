"""Each family of instrumentation, as it spells things on the wire."""

import json
import time
import uuid
from decimal import Decimal

import pytest

from apps.tracing.mapping import SpanEvent, SpanRecord, map_span

WORKSPACE = uuid.UUID(int=7)


def mapped(attributes=None, **fields):
    now = 1_800_000_000 * 10**9 if "start_ns" not in fields else fields.pop("start_ns")
    now = min(now, time.time_ns())
    record = SpanRecord(
        trace_id="1" * 32, span_id="2" * 16, parent_id="", name="n", start_ns=now, end_ns=now + 10**9,
        attributes=attributes or {}, **fields,
    )  # fmt: skip
    return map_span(record, workspace_id=WORKSPACE)


def whole(row, side):
    return getattr(row, side) or getattr(row, f"{side}_preview")


def test_openinference_model_calls_keep_their_messages_tools_and_usage():
    row = mapped(
        {
            "openinference.span.kind": "LLM",
            "llm.model_name": "gpt-4o",
            "llm.provider": "openai",
            "llm.input_messages.1.message.role": "user",
            "llm.input_messages.1.message.contents.0.message_content.type": "text",
            "llm.input_messages.1.message.contents.0.message_content.text": "What is this?",
            "llm.input_messages.1.message.contents.1.message_content.type": "image",
            "llm.input_messages.1.message.contents.1.message_content.image.image.url": "data:x",
            "llm.input_messages.0.message.role": "system",
            "llm.input_messages.0.message.content": "Be brief.",
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.tool_calls.0.tool_call.id": "c1",
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "look",
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": '{"a": 1}',
            "llm.token_count.prompt": 100,
            "llm.token_count.prompt_details.cache_read": 40,
            "llm.token_count.completion": 10,
            "llm.invocation_parameters": '{"temperature": 0.2}',
            "llm.tools.0.tool.json_schema": '{"type": "function"}',
            "input.value": '{"messages": []}',
            "metadata": '{"env": "prod"}',
            "tag.tags": ["a", "b"],
            "session.id": "s",
        }
    )
    assert (row.type, row.model, row.provider, row.session_id) == ("generation", "gpt-4o", "openai", "s")
    messages = json.loads(whole(row, "input"))
    assert messages[0] == {"role": "system", "content": "Be brief."}
    assert messages[1]["content"][1] == {"type": "image_url", "image_url": {"url": "data:x"}}
    call = json.loads(whole(row, "output"))[0]["tool_calls"][0]
    assert call == {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"a": 1}'}}
    assert row.usage == {"input": 60, "input_cached_tokens": 40, "output": 10}
    assert row.metadata == {"env": "prod"}
    assert row.tags == ["a", "b"]
    assert row.attributes["model_parameters"] == {"temperature": 0.2}
    assert row.attributes["llm.tools"] == [{"type": "function"}]
    assert row.attributes["input.value"] == '{"messages": []}'


def test_openinference_retrievers_list_their_documents():
    row = mapped(
        {
            "openinference.span.kind": "RETRIEVER",
            "input.value": "question",
            "retrieval.documents.0.document.content": "first",
            "retrieval.documents.0.document.score": 0.9,
            "retrieval.documents.0.document.metadata": '{"page": 3}',
            "retrieval.documents.1.document.content": "second",
        }
    )
    assert row.type == "retriever"
    assert whole(row, "input") == "question"
    assert json.loads(whole(row, "output")) == [
        {"content": "first", "score": 0.9, "metadata": {"page": 3}},
        {"content": "second"},
    ]


def test_openinference_vectors_are_not_kept():
    row = mapped(
        {
            "openinference.span.kind": "EMBEDDING",
            "embedding.model_name": "m",
            "embedding.embeddings.0.embedding.text": "word",
            "embedding.embeddings.0.embedding.vector": [0.1] * 500,
        }
    )
    assert (row.type, row.model) == ("embedding", "m")
    assert json.loads(whole(row, "input")) == ["word"]
    assert row.attributes is None


def test_langfuse_observations():
    row = mapped(
        {
            "langfuse.observation.type": "GENERATION",
            "langfuse.observation.input": '{"q": 1}',
            "langfuse.observation.output": "answer",
            "langfuse.observation.model.name": "m",
            "langfuse.observation.model.parameters": '{"temperature": "0.5"}',
            "langfuse.observation.usage_details": '{"input": 5, "input_cached_tokens": 7, "output": 3, "total": 15}',
            "langfuse.observation.cost_details": '{"input": 0.1, "output": 0.2}',
            "langfuse.observation.level": "WARNING",
            "langfuse.observation.status_message": "slow",
            "langfuse.observation.prompt.name": "greet",
            "langfuse.observation.prompt.version": 3,
            "langfuse.observation.metadata.k": "v",
            "langfuse.trace.metadata": '{"t": 1}',
            "langfuse.trace.name": "request",
            "langfuse.trace.tags": ["x"],
            "langfuse.environment": "staging",
            "langfuse.release": "r1",
            "user.id": "u",
        }
    )
    assert (row.type, row.model, row.input_tokens, row.output_tokens) == ("generation", "m", 12, 3)
    assert row.usage == {"input": 5, "input_cached_tokens": 7, "output": 3}
    assert row.cost == Decimal("0.3")
    assert (row.level, row.status, row.status_message) == ("warning", "ok", "slow")
    assert (row.prompt_name, row.prompt_version) == ("greet", "3")
    assert row.metadata == {"t": 1, "k": "v"}
    assert (row.trace_name, row.tags, row.environment, row.release, row.user_id) == (
        "request", ["x"], "staging", "r1", "u",
    )  # fmt: skip


def test_langfuse_resources_name_environment_and_release():
    row = mapped(resource={"langfuse.environment": "prod", "langfuse.release": "r2", "host.name": "h"})
    assert (row.environment, row.release) == ("prod", "r2")
    assert row.attributes is None


def test_langfuse_encodes_metadata_from_its_fifth_line_on():
    attributes = {"langfuse.observation.metadata.k": '"v"'}
    assert mapped(attributes, scope="langfuse-sdk", scope_version="5.0.4").metadata == {"k": "v"}
    assert mapped(attributes, scope="langfuse-sdk", scope_version="4.18.0").metadata == {"k": '"v"'}


@pytest.mark.parametrize("quotes", ["", '"'])
def test_langfuse_tells_when_the_first_token_came(quotes):
    start = 1_700_000_000 * 10**9
    moment = f"{quotes}2023-11-14T22:13:20.250000Z{quotes}"
    assert mapped({"langfuse.observation.completion_start_time": moment}, start_ns=start).ttft_ms == 250


def test_an_error_level_is_an_error():
    row = mapped({"langfuse.observation.level": "ERROR"})
    assert (row.status, row.level) == ("error", "error")


def test_traceloop_workflows_and_their_model_calls():
    outer = mapped(
        {
            "traceloop.span.kind": "workflow",
            "traceloop.entity.input": "in",
            "traceloop.entity.output": "out",
            "traceloop.workflow.name": "pipeline",
            "traceloop.association.properties.user_id": "u",
            "traceloop.association.properties.chat_id": "c",
            "traceloop.association.properties.plan": "pro",
        }
    )
    assert (outer.type, outer.trace_name, outer.user_id, outer.session_id) == ("chain", "pipeline", "u", "c")
    assert (whole(outer, "input"), whole(outer, "output")) == ("in", "out")
    assert outer.metadata == {"plan": "pro"}
    call = mapped(
        {
            "llm.request.type": "chat",
            "gen_ai.system": "OpenAI",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.prompt.0.role": "user",
            "gen_ai.prompt.0.content": "Hi",
            "gen_ai.completion.0.role": "assistant",
            "gen_ai.completion.0.content": "Hello",
            "gen_ai.completion.0.finish_reason": "stop",
            "gen_ai.completion.0.tool_calls.0.id": "t",
            "gen_ai.completion.0.tool_calls.0.name": "f",
            "gen_ai.completion.0.tool_calls.0.arguments": "{}",
            "gen_ai.usage.prompt_tokens": 4,
            "gen_ai.usage.completion_tokens": 2,
            "llm.usage.total_tokens": 6,
        }
    )
    assert (call.type, call.provider, call.input_tokens, call.output_tokens) == ("generation", "OpenAI", 4, 2)
    assert json.loads(whole(call, "input")) == [{"role": "user", "content": "Hi"}]
    said = json.loads(whole(call, "output"))[0]
    assert (said["content"], said["finish_reason"], said["tool_calls"][0]["function"]["name"]) == (
        "Hello",
        "stop",
        "f",
    )


def test_messages_may_be_span_events():
    row = mapped(
        {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"},
        events=[
            SpanEvent("gen_ai.system.message", 1, {"content": "Be brief."}),
            SpanEvent("gen_ai.user.message", 2, {"content": "Hi"}),
            SpanEvent(
                "gen_ai.choice", 3, {"index": 0, "finish_reason": "stop", "message": '{"content": "Hello"}'}
            ),
            SpanEvent("cache.miss", 4, {"key": "k"}),
        ],
    )
    assert [message["role"] for message in json.loads(whole(row, "input"))] == ["system", "user"]
    assert json.loads(whole(row, "output"))[0]["content"] == "Hello"
    assert [event["name"] for event in row.attributes["events"]] == ["cache.miss"]


def test_one_event_may_hold_the_whole_call():
    details = {
        "gen_ai.input.messages": '[{"role": "user", "parts": []}]',
        "gen_ai.output.messages": '[{"role": "assistant", "parts": []}]',
    }
    row = mapped(
        {"gen_ai.request.model": "m"},
        events=[SpanEvent("gen_ai.client.inference.operation.details", 1, details)],
    )
    assert json.loads(whole(row, "input"))[0]["role"] == "user"
    assert json.loads(whole(row, "output"))[0]["role"] == "assistant"


def test_the_ai_sdk_counts_usage_once():
    outer = mapped({"ai.operationId": "ai.streamText", "ai.usage.promptTokens": 9, "ai.prompt": "p"})
    inner = mapped(
        {
            "ai.operationId": "ai.streamText.doStream",
            "ai.model.id": "m",
            "ai.usage.inputTokens": 9,
            "ai.usage.outputTokens": 4,
            "ai.response.text": "t",
            "ai.response.msToFirstChunk": 12.5,
            "ai.telemetry.metadata.userId": "u",
        }
    )
    assert (outer.type, outer.input_tokens) == ("chain", None)
    assert (inner.type, inner.input_tokens, inner.output_tokens, inner.ttft_ms, inner.user_id) == (
        "generation", 9, 4, 12.5, "u",
    )  # fmt: skip


def test_cozeloop_tags():
    row = mapped(
        {
            "cozeloop.span_type": "model",
            "cozeloop.input": '{"messages": [{"role": "user", "content": "Hi"}]}',
            "cozeloop.model_name": "m",
            "cozeloop.input_tokens": 5,
            "cozeloop.latency_first_resp": 2_000,
            "cozeloop.thread_id": "t",
            "cozeloop.prompt_key": "p",
            "cozeloop.custom": "c",
        }
    )
    assert (row.type, row.model, row.input_tokens, row.ttft_ms, row.session_id) == (
        "generation",
        "m",
        5,
        2.0,
        "t",
    )
    assert (row.prompt_name, row.input_preview, row.metadata) == ("p", "Hi", {"custom": "c"})


def test_a_hostile_index_costs_nothing():
    flat = {f"llm.input_messages.{n}.message.content": "x" for n in (0, 99_999_999, 9_999)}
    row = mapped(
        {"openinference.span.kind": "LLM", **flat, "llm.input_messages.x.y": 1, "llm.input_messages.": 2}
    )
    assert len(json.loads(whole(row, "input"))) == 2
