"""The gateway against a real server: what comes back, what is tried again, recorded, and paid."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import aclosing
from decimal import Decimal
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from apps.providers import gateway
from apps.providers.exceptions import (
    ModelError,
    ModelRateLimited,
    ModelRejected,
    ModelTimeout,
    ModelUnavailable,
)
from apps.providers.models import Model, ModelSlot
from apps.providers.wire import ChatMessage, ChatRequest, Completed, ContextPassage, TextDelta
from apps.tracing import attributes
from tests.factories.providers import KEY, make_model, make_provider
from tests.fakes.model_server import ModelServer
from tests.fakes.vectors import similarity

REQUEST = ChatRequest(messages=[ChatMessage("user", "Say something kind")])

pytestmark = pytest.mark.django_db


def collect(model: Model, request: ChatRequest = REQUEST) -> list[Any]:
    """All events of a streamed call."""

    async def run() -> list[Any]:
        return [event async for event in gateway.stream_chat(model=model, request=request)]

    return async_to_sync(run)()


def ask(model: Model, request: ChatRequest = REQUEST) -> Completed:
    return async_to_sync(gateway.chat)(model=model, request=request)


def only_span(spans: Any) -> Any:
    (span,) = spans.get_finished_spans()
    return span


def test_a_call_streams_and_leaves_one_complete_span(workspace, model_server, spans):
    model = make_model(
        workspace, model_server.base_url, "cached", input_price=2, output_price=6, cached_price=1
    )
    *deltas, completed = collect(model)
    assert "".join(d.text for d in deltas if isinstance(d, TextDelta)) == "Say something kind"
    usage = completed.usage
    span = only_span(spans)
    seen = dict(span.attributes)
    assert seen[attributes.OBSERVATION_TYPE] == "generation"
    assert seen[attributes.MODEL] == "cached"
    assert seen[attributes.WORKSPACE_ID] == str(workspace.pk)
    assert json.loads(seen[attributes.INPUT]) == [{"role": "user", "content": "Say something kind"}]
    assert json.loads(seen[attributes.OUTPUT]) == {"role": "assistant", "content": "Say something kind"}
    assert seen[attributes.INPUT_TOKENS] == usage.input_tokens
    assert seen[attributes.CACHED_TOKENS] == usage.cached_tokens
    assert seen[attributes.OUTPUT_TOKENS] == usage.output_tokens
    assert seen[attributes.TTFT_MS] > 0
    fresh = usage.input_tokens - usage.cached_tokens
    assert (
        Decimal(seen[attributes.COST])
        == Decimal(fresh * 2 + usage.cached_tokens + usage.output_tokens * 6) / 10**6
    )
    assert usage.cost == Decimal(seen[attributes.COST])


def test_an_unknown_price_is_no_cost(workspace, model_server, spans):
    assert ask(make_model(workspace, model_server.base_url)).usage.cost is None
    assert attributes.COST not in only_span(spans).attributes


def test_a_rate_limit_is_waited_out(workspace, model_server, spans):
    assert ask(make_model(workspace, model_server.base_url, "flaky")).message.content == "Say something kind"
    assert len(model_server.requests) == 3
    assert [event.name for event in only_span(spans).events] == ["retry", "retry"]


@pytest.mark.parametrize(
    ("name", "kind", "sentence", "calls"),
    [
        ("down", ModelUnavailable, "reports an error of its own", 3),
        ("crash", ModelUnavailable, "reports an error of its own", 3),
        ("overloaded-0", ModelRateLimited, "too many requests", 3),
        ("overloaded-60", ModelRateLimited, "too many requests", 1),
        ("badkey", ModelRejected, "refused the API key", 1),
        ("missing", ModelRejected, "does not know the model", 1),
        ("toolong", ModelRejected, "longer than", 1),
        ("truncate", ModelUnavailable, "broke in the middle", 1),
        ("garbage", ModelUnavailable, "can't be read", 1),
        ("failing", ModelUnavailable, "The server had an error", 1),
    ],
)
def test_each_failure_has_a_sentence(workspace, model_server, spans, name, kind, sentence, calls):
    with pytest.raises(kind, match=sentence) as caught:
        ask(make_model(workspace, model_server.base_url, name))
    assert isinstance(caught.value, ModelError)
    assert len(model_server.requests) == calls
    span = only_span(spans)
    assert span.status.status_code.name == "ERROR"
    assert sentence in span.status.description


def test_what_was_said_before_a_break_is_recorded(workspace, model_server, spans):
    with pytest.raises(ModelUnavailable):
        ask(make_model(workspace, model_server.base_url, "truncate", input_price=1, output_price=1))
    seen = only_span(spans).attributes
    assert json.loads(seen[attributes.OUTPUT])["content"] == "Half of "
    assert Decimal(seen[attributes.COST]) > 0


@pytest.mark.parametrize("name", ["slow-3000", "stall-2"])
def test_silence_is_a_timeout(workspace, model_server, name):
    model = make_model(workspace, model_server.base_url, name, timeout_s=1)
    model.timeout_s = 0.1
    with pytest.raises(ModelTimeout, match="did not answer in time"):
        ask(model)


def test_nobody_at_the_address(workspace, spans):
    with pytest.raises(ModelUnavailable, match="can't be reached"):
        ask(make_model(workspace, "http://127.0.0.1:1/v1"))


def test_private_addresses_can_be_forbidden(workspace, model_server, settings):
    settings.ALLOW_PRIVATE_PROVIDERS = False
    model = make_model(workspace, model_server.base_url)
    with pytest.raises(ModelRejected, match="is not allowed"):
        ask(model)
    assert not model_server.requests
    workspace.allow_private_network = True
    workspace.save()
    assert ask(Model.objects.get(pk=model.pk)).message.content


def test_the_fallback_answers_when_the_model_does_not(workspace, model_server, spans):
    spare = make_model(workspace, model_server.base_url, "echo", title="Spare", input_price=1)
    model = make_model(workspace, model_server.base_url, "down", fallback=spare)
    assert ask(model).model == "echo"
    span = only_span(spans)
    assert span.attributes[attributes.MODEL] == "echo"
    assert [event.name for event in span.events] == ["retry", "retry", "fallback"]
    assert span.status.status_code.name != "ERROR"


def test_fallbacks_in_a_circle_end(workspace, model_server):
    first = make_model(workspace, model_server.base_url, "badkey")
    second = make_model(workspace, model_server.base_url, "missing", fallback=first)
    Model.objects.filter(pk=first.pk).update(fallback=second)
    with pytest.raises(ModelRejected, match="does not know"):
        ask(Model.objects.get(pk=first.pk))
    assert [r.body["model"] for r in model_server.requests] == ["badkey", "missing"]


def test_options_that_a_model_refuses_are_left_out_from_then_on(workspace, model_server):
    model = make_model(workspace, model_server.base_url, "picky")
    request = ChatRequest(REQUEST.messages, temperature=0.5, max_tokens=9)
    assert ask(model, request).message.content == "Say something kind"
    assert len(model_server.requests) == 4
    ask(model, request)
    assert len(model_server.requests) == 5
    assert model_server.requests[4].body["max_completion_tokens"] == 9


def test_no_fallback_after_the_first_token(workspace, model_server):
    spare = make_model(workspace, model_server.base_url)
    with pytest.raises(ModelUnavailable):
        ask(make_model(workspace, model_server.base_url, "truncate", fallback=spare))
    assert len(model_server.requests) == 1


def test_models_that_are_switched_off_are_not_called(workspace, model_server):
    off = make_model(workspace, model_server.base_url, enabled=False)
    with pytest.raises(ModelRejected, match="switched off"):
        ask(off)
    provider = make_provider(workspace, model_server.base_url, enabled=False)
    with pytest.raises(ModelRejected, match="switched off"):
        ask(make_model(workspace, provider=provider))
    with pytest.raises(ModelUnavailable):
        ask(make_model(workspace, model_server.base_url, "down", fallback=off))
    assert {r.body["model"] for r in model_server.requests} == {"down"}


def test_a_model_of_another_slot_is_refused(workspace, model_server):
    with pytest.raises(ModelRejected, match="not a model for this purpose"):
        ask(make_model(workspace, model_server.base_url, slot=ModelSlot.EMBEDDING))


def test_leaving_the_stream_hangs_up(workspace, model_server: ModelServer, spans):
    async def leave() -> None:
        async with aclosing(gateway.stream_chat(model=model, request=REQUEST)) as events:
            async for _ in events:
                break

    model = make_model(workspace, model_server.base_url, "paced-1000-50")
    async_to_sync(leave)()
    assert model_server.wait_for(lambda requests: requests[0].disconnected)
    assert list(only_span(spans).attributes[attributes.FINISH_REASONS]) == ["cancelled"]


def test_cancelling_the_task_hangs_up(workspace, model_server: ModelServer, spans):
    async def cancel() -> None:
        task = asyncio.create_task(gateway.chat(model=model, request=REQUEST))
        await asyncio.to_thread(model_server.wait_for, bool)
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    model = make_model(workspace, model_server.base_url, "stall-3")
    async_to_sync(cancel)()
    assert model_server.wait_for(lambda requests: requests[0].disconnected)
    assert json.loads(only_span(spans).attributes[attributes.OUTPUT])["content"] == "t0 t1 t2 "


def test_calls_at_once_are_limited(workspace, model_server):
    async def three() -> float:
        loop = asyncio.get_running_loop()
        start = loop.time()
        await asyncio.gather(*[gateway.chat(model=model, request=REQUEST) for _ in range(3)])
        return loop.time() - start

    model = make_model(workspace, model_server.base_url, "slow-100", max_concurrency=1)
    assert async_to_sync(three)() > 0.3
    model.max_concurrency = None
    assert async_to_sync(three)() < 0.28


def test_the_key_is_nowhere(workspace, model_server, spans, caplog):
    caplog.set_level(logging.DEBUG)
    model = make_model(workspace, model_server.base_url, "badkey")
    with pytest.raises(ModelRejected) as caught:
        ask(model)
    assert model_server.requests[0].headers["Authorization"] == f"Bearer {KEY}"
    span = only_span(spans)
    shown = [
        span.to_json(),
        str(caught.value),
        repr(caught.value.extra),
        repr(caught.value.__cause__),
        caplog.text,
    ]
    assert not any(KEY in text or "sk-wrong" in text for text in shown)


def test_embeddings_come_in_batches(workspace, model_server, spans):
    model = make_model(
        workspace, model_server.base_url, "embed", ModelSlot.EMBEDDING, input_price=Decimal("0.02")
    )
    texts = [f"text number {n}" for n in range(130)]
    result = gateway.embed_sync(model=model, texts=texts)
    assert [len(r.body["input"]) for r in model_server.requests] == [64, 64, 2]
    assert len(result.vectors) == 130
    assert result.cost == result.usage.input_tokens * Decimal("0.02") / 10**6
    seen = only_span(spans).attributes
    assert seen[attributes.OBSERVATION_TYPE] == "embedding"
    assert json.loads(seen[attributes.INPUT])[-1] == "… 110 more"
    assert gateway.embed_sync(model=model, texts=[]).vectors == []


def test_embedding_settings_reach_the_provider(workspace, model_server):
    abilities = {"dimensions": True, "query_prefix": "query: "}
    model = make_model(
        workspace, model_server.base_url, "embed", ModelSlot.EMBEDDING, dimensions=32, abilities=abilities
    )
    assert len(gateway.embed_sync(model=model, texts=["x"], kind="query").vectors[0]) == 32
    assert model_server.requests[0].body["input"] == ["query: x"]
    model.abilities = {}
    with pytest.raises(ModelRejected, match="256 numbers, not 32"):
        gateway.embed_sync(model=model, texts=["x"])


def test_embeddings_never_fall_back_to_another_model(workspace, model_server):
    spare = make_model(workspace, model_server.base_url, "embed", ModelSlot.EMBEDDING)
    model = make_model(workspace, model_server.base_url, "badkey", ModelSlot.EMBEDDING, fallback=spare)
    with pytest.raises(ModelRejected):
        gateway.embed_sync(model=model, texts=["x"])


def test_rerank(workspace, model_server, spans):
    model = make_model(workspace, model_server.base_url, "rerank", ModelSlot.RERANK)
    documents = ["revenue report", "the cat sat", "cat food and cat toys"]
    ranked = async_to_sync(gateway.rerank)(model=model, query="cat toys", documents=documents, top_n=2)
    assert [document.index for document in ranked] == [2, 1]
    assert only_span(spans).attributes[attributes.OBSERVATION_TYPE] == "reranker"
    model.abilities = {"rerank_style": "tei"}
    async_to_sync(gateway.rerank)(model=model, query="cat toys", documents=documents, top_n=2)
    assert "texts" in model_server.requests[1].body


def test_the_built_in_models_need_nothing(workspace, spans):
    chat = Model.objects.get(workspace=workspace, slot=ModelSlot.CHAT)
    embedding = Model.objects.get(workspace=workspace, slot=ModelSlot.EMBEDDING)
    assert chat.is_default
    assert embedding.is_default
    passages = [ContextPassage("1", "The kiln reaches 1,300 degrees. It is made of brick.")]
    question = ChatRequest([ChatMessage("user", "How hot is the kiln?")], context=passages)
    *deltas, completed = collect(chat, question)
    assert len(deltas) > 10
    assert "“The kiln reaches 1,300 degrees.” [1]" in completed.message.content
    assert completed.usage.cost == 0
    result = gateway.embed_sync(model=embedding, texts=["A cat on a mat", "A kitten on a rug", "Tax law"])
    cat, kitten, tax = result.vectors
    assert similarity(cat, kitten) > similarity(cat, tax)
    assert result.cost == 0
