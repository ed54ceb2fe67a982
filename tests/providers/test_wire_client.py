"""The wire client against a real server that misbehaves in every way a model endpoint does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime

import pytest

from apps.core.http import client_session
from apps.providers.wire import (
    ChatMessage,
    ChatRequest,
    Completed,
    OpenAIClient,
    ReasoningDelta,
    TextDelta,
    Timeouts,
    ToolSpec,
    WireError,
)
from apps.providers.wire.errors import error_from_response, retry_after_seconds
from tests.fakes.model_server import ModelServer
from tests.fakes.vectors import similarity

REQUEST = ChatRequest(messages=[ChatMessage("user", "Say something kind")])
SHORT = Timeouts(connect_s=2, first_token_s=0.15, between_tokens_s=0.15, total_s=0.4)


@pytest.fixture
async def client(model_server: ModelServer) -> AsyncIterator[OpenAIClient]:
    async with client_session(allow_private=True) as session:
        yield OpenAIClient(session, model_server.base_url, api_key=model_server.api_key)


async def collect(client: OpenAIClient, model: str, request: ChatRequest = REQUEST) -> list[object]:
    return [event async for event in client.stream_chat(model, request)]


async def test_a_stream_ends_with_the_whole_answer(client: OpenAIClient, model_server: ModelServer) -> None:
    *deltas, last = await collect(client, "echo")
    assert "".join(d.text for d in deltas if isinstance(d, TextDelta)) == "Say something kind"
    assert isinstance(last, Completed)
    assert last.message == ChatMessage("assistant", "Say something kind")
    assert (last.model, last.finish_reason, last.usage.estimated) == ("echo", "stop", False)
    assert model_server.requests[0].headers["Authorization"] == f"Bearer {model_server.api_key}"


async def test_ten_thousand_tokens_arrive_in_order(client: OpenAIClient) -> None:
    *deltas, last = await collect(client, "stream-10000")
    assert [d.text for d in deltas if isinstance(d, TextDelta)] == [f"t{k} " for k in range(10000)]
    assert isinstance(last, Completed)
    assert last.usage.output_tokens == 10000


async def test_reasoning_and_tools_are_streamed(client: OpenAIClient) -> None:
    *deltas, last = await collect(client, "reason")
    assert "".join(d.text for d in deltas if isinstance(d, ReasoningDelta)).startswith("First I think")
    assert isinstance(last, Completed)
    assert last.usage.reasoning_tokens > 0
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    tools = [ToolSpec("weather", "", schema), ToolSpec("time", "", {"type": "object"})]
    *_, last = await collect(client, "tool", ChatRequest(messages=REQUEST.messages, tools=tools))
    assert isinstance(last, Completed)
    assert [call.name for call in last.message.tool_calls] == ["weather", "time"]
    assert last.message.tool_calls[0].arguments == '{"city": "Say something kind"}'


async def test_the_answer_in_one_piece(client: OpenAIClient) -> None:
    completed = await client.chat("cached", REQUEST)
    assert completed.message.content == "Say something kind"
    assert completed.usage.cached_tokens == completed.usage.input_tokens // 2


async def test_a_stream_without_done_is_complete_when_it_gave_a_reason(client: OpenAIClient) -> None:
    last = (await collect(client, "nodone"))[-1]
    assert isinstance(last, Completed)


@pytest.mark.parametrize(
    ("model", "reason", "detail", "deltas"),
    [
        ("down", "unavailable", "The server is overloaded.", 0),
        ("badkey", "bad_key", "Incorrect API key provided: [key].", 0),
        ("missing", "not_found", "The model does not exist.", 0),
        ("toolong", "too_long", "maximum context length", 0),
        ("crash", "unavailable", "HTTP 502", 0),
        ("flaky", "rate_limited", "Rate limit reached.", 0),
        ("truncate", "interrupted", "The connection was lost", 1),
        ("garbage", "malformed", "not JSON", 1),
        ("failing", "unavailable", "The server had an error.", 1),
    ],
)
async def test_failures_have_a_reason(
    client: OpenAIClient, model: str, reason: str, detail: str, deltas: int
) -> None:
    events = client.stream_chat(model, REQUEST)
    for _ in range(deltas):
        assert isinstance(await anext(events), TextDelta)
    with pytest.raises(WireError) as caught:
        await anext(events)
    assert caught.value.reason == reason
    assert detail in caught.value.detail


async def test_retry_after_is_reported(client: OpenAIClient) -> None:
    with pytest.raises(WireError) as caught:
        await client.chat("overloaded-7", REQUEST)
    assert caught.value.retry_after == 7


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3.0),
        ("0.5", 0.5),
        ("-1", 0.0),
        ("Tue, 24 Nov 2026 10:00:30 GMT", 30.0),
        ("Tue, 24 Nov 2026 09:00:00 GMT", 0.0),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_values(value: str, seconds: float | None) -> None:
    assert retry_after_seconds(value, datetime(2026, 11, 24, 10, tzinfo=UTC)) == seconds


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b'{"detail": [{"msg": "field required"}]}', "field required"),
        (b'{"error": "model not loaded"}', "model not loaded"),
        (b'{"message": "no"}', "no"),
        (b"plain words", "plain words"),
        (b"<!doctype html><p>secret page", "HTTP 400"),
        (b"", "HTTP 400"),
        (b'{"error": {"message": "bad key sk-proj-abcdef123456 given"}}', "bad key [key] given"),
    ],
)
def test_error_bodies(body: bytes, detail: str) -> None:
    assert error_from_response(400, body).detail == detail


@pytest.mark.parametrize(
    ("model", "detail"),
    [
        ("slow-600", "No answer within 0.15 seconds."),
        ("stall-2", "Nothing came for 0.15 seconds."),
        ("paced-100-20", "not complete after 0.4 seconds"),
    ],
)
async def test_time_limits(client: OpenAIClient, model: str, detail: str) -> None:
    hurried = OpenAIClient(client.session, client.base_url, timeouts=SHORT)
    with pytest.raises(WireError) as caught:
        await collect(hurried, model)
    assert caught.value.reason == "timeout"
    assert detail in caught.value.detail


async def test_closing_the_generator_hangs_up(client: OpenAIClient, model_server: ModelServer) -> None:
    async with aclosing(client.stream_chat("paced-1000-50", REQUEST)) as events:
        async for _ in events:
            break
    assert await asyncio.to_thread(model_server.wait_for, lambda requests: requests[0].disconnected)


async def test_cancelling_the_task_hangs_up(client: OpenAIClient, model_server: ModelServer) -> None:
    task = asyncio.create_task(collect(client, "stall-1"))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(model_server.wait_for, lambda requests: requests[0].disconnected)


async def test_a_finished_stream_keeps_its_connection(client: OpenAIClient) -> None:
    await collect(client, "echo")
    await client.chat("echo", REQUEST)
    assert client.session.connector is not None
    assert len(client.session.connector._conns) == 1


@pytest.mark.parametrize(
    ("base_url", "reason"),
    [
        ("http://127.0.0.1:1/v1", "unreachable"),
        ("http://no-such-host.invalid/v1", "unreachable"),
        ("not a url", "unreachable"),
        ("ftp://example.com", "unreachable"),
        ("http://169.254.169.254/latest", "blocked"),
    ],
)
async def test_endpoints_that_are_not_there(client: OpenAIClient, base_url: str, reason: str) -> None:
    with pytest.raises(WireError) as caught:
        await OpenAIClient(client.session, base_url, timeouts=Timeouts(connect_s=3)).list_models()
    assert caught.value.reason == reason


async def test_models_are_listed(client: OpenAIClient) -> None:
    assert "echo" in await client.list_models()


async def test_a_wrong_base_url_is_told_apart(client: OpenAIClient) -> None:
    with pytest.raises(WireError) as caught:
        await OpenAIClient(client.session, f"{client.base_url}/wrong").list_models()
    assert caught.value.reason == "not_found"


async def test_embeddings(client: OpenAIClient) -> None:
    texts = ["the cat sat on the mat", "a cat on a mat", "quarterly revenue report", ""]
    vectors, usage = await client.embed("embed-small", texts, dimensions=128)
    assert [len(v) for v in vectors] == [128] * 4
    assert similarity(vectors[0], vectors[1]) > similarity(vectors[0], vectors[2])
    assert usage.input_tokens > 0


@pytest.mark.parametrize("style", ["jina", "tei"])
async def test_rerank(client: OpenAIClient, style: str) -> None:
    documents = ["revenue report", "the cat sat", "cat food and cat toys"]
    ranked, usage = await client.rerank("rerank-base", "cat toys", documents, 2, style)  # type: ignore[arg-type]
    assert [document.index for document in ranked] == [2, 1]
    assert usage.input_tokens > 0
