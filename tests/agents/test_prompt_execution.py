"""Running a version of a prompt."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

import pytest
from django.test import AsyncClient

from apps.agents.models import PromptVersion
from apps.agents.services.model_call import CallAnswered, CallStarted, stream_call
from apps.agents.services.prompt import add_prompt_version
from apps.agents.services.prompt_execution import execute_prompt, execute_prompt_sync, prepare_prompt
from apps.agents.threads import in_thread
from apps.core.actors import Actor
from apps.core.exceptions import Invalid, NotAllowed
from apps.core.models import User, Workspace
from apps.providers.exceptions import ModelRejected
from apps.providers.wire import TextDelta
from apps.tracing import export
from apps.tracing.models import Observation, Trace
from tests.agents.test_api import parse_sse, read
from tests.factories.agents import make_chat_model
from tests.factories.core import SYSTEM, make_api_key, make_member, make_workspace

pytestmark = pytest.mark.usefixtures("hub")
CHAT = [
    {"role": "system", "content": "You are {{who}}. {{data}}"},
    {"type": "placeholder", "name": "history"},
    {"role": "user", "content": "{{question}} {{unknown}}"},
]


@pytest.fixture
def version(acme: Workspace, model_server: Any) -> PromptVersion:
    make_chat_model(acme, model_server.base_url)
    return add_prompt_version(
        actor=SYSTEM, workspace=acme, name="qa", type="chat", content=CHAT, labels=["production"],
        config={"model": "Fake chat/echo", "temperature": 0.5, "seed": 7, "note": ["kept", "and ignored"]},
    )  # fmt: skip


def test_what_is_asked_is_the_version_filled_in(version: PromptVersion, person: User) -> None:
    values = {
        "who": "a cook", "data": {"a": [1]}, "question": "Soup? {{who}}",
        "history": [{"role": "human", "content": "Hi"}, {"role": "ai", "content": "Hello {{who}}"}],
    }  # fmt: skip
    call = prepare_prompt(
        actor=Actor.for_user(person), version=version, variables=values,
        messages=[{"role": "user", "content": "And?"}],
        settings={"temperature": 0.1, "tools": [{"type": "function", "function": {"name": "look"}}]},
    )  # fmt: skip
    assert [(m.role, m.content) for m in call.request.messages] == [
        ("system", 'You are a cook. {"a": [1]}'),
        ("user", "Hi"),
        ("assistant", "Hello {{who}}"),
        ("user", "Soup? {{who}} {{unknown}}"),
        ("user", "And?"),
    ]
    assert (call.request.temperature, call.request.seed) == (0.1, 7)
    assert [tool.name for tool in call.request.tools] == ["look"]
    assert (call.model.name, call.prompt_name, call.prompt_version) == ("echo", "qa", 1)
    for wrong in (
        {"settings": {"temperature": "hot"}},
        {"settings": {"tools": [{"name": "bad name"}]}},
        {"settings": {"tool_choice": "nobody"}},
        {"settings": {"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": 1}}}}},
        {"variables": {"history": "no list"}},
        {"messages": [{"content": "no role"}]},
        {"model": "unheard-of"},
    ):
        with pytest.raises(Invalid):
            prepare_prompt(actor=SYSTEM, version=version, **wrong)
    stranger = make_member(make_workspace("Elsewhere"))
    with pytest.raises(NotAllowed):
        prepare_prompt(actor=Actor.for_user(stranger), version=version)


async def test_an_answer_streams_and_is_traced(version: PromptVersion, person: User) -> None:
    actor = Actor.for_user(person)
    call = await in_thread(prepare_prompt, actor=actor, version=version, variables={"question": "one two"})
    async with aclosing(stream_call(call)) as stream:
        events = [event async for event in stream]
    started, answered = events[0], events[-1]
    assert isinstance(started, CallStarted) and isinstance(answered, CallAnswered)  # noqa: PT018  # one thought
    text = "".join(event.text for event in events if isinstance(event, TextDelta))
    assert text == answered.completed.message.content == "one two {{unknown}}"
    assert answered.completed.usage.cost is not None
    await in_thread(export.flush)
    root, generation = await in_thread(
        lambda: list(
            Observation.objects.filter(trace_id=started.trace_id).order_by("start_time", "parent_id")
        )
    )
    for observation in (root, generation):
        assert (observation.prompt_name, observation.prompt_version) == ("qa", "1")
    assert (root.type, generation.type) == ("chain", "generation")
    assert (generation.attributes or {})["gen_ai.request.seed"] == 7
    trace = await in_thread(Trace.objects.get, trace_id=started.trace_id)
    assert (trace.source_type, trace.user_id, trace.name) == ("agents.prompt", str(person.pk), "qa")
    whole = await execute_prompt(actor=actor, version=version, variables={"question": "x"}, model="echo")
    assert whole.completed.message.content == "x {{unknown}}"


def test_synchronous_code_can_run_prompts(version: PromptVersion) -> None:
    assert execute_prompt_sync(actor=SYSTEM, version=version).completed.message.content.startswith(
        "{{question}}"
    )


async def test_whoever_leaves_ends_the_call(
    version: PromptVersion, acme: Workspace, model_server: Any
) -> None:
    await in_thread(make_chat_model, acme, model_server.base_url, "paced-500-50")
    call = await in_thread(prepare_prompt, actor=SYSTEM, version=version, model="paced-500-50")
    async with aclosing(stream_call(call)) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                break
    assert await in_thread(model_server.wait_for, lambda requests: requests[-1].disconnected)


async def test_the_api_answers_whole_and_streamed(
    version: PromptVersion, acme: Workspace, person: User, model_server: Any
) -> None:
    key = {"Authorization": f"Bearer {await in_thread(make_api_key, acme, person, ('chat',))}"}

    async def post(**body: Any) -> Any:
        path = "/api/v1/prompts/execute/"
        return await AsyncClient().post(path, body, content_type="application/json", headers=key)

    whole = await post(name="qa", variables={"question": "soup"})
    assert whole.status_code == 200, whole.content
    assert whole.json()["content"] == "soup {{unknown}}"
    assert whole.json()["usage"]["output_tokens"] > 0
    streamed = await post(name="qa", label="production", stream=True)
    types = [type_ for _id, type_, _data in parse_sse(await read(streamed))]
    assert (types[0], types[-1]) == ("call.started", "call.completed")
    assert (await post(name="qa", label="no")).status_code == 404
    assert (await post(name="qa", model="unheard-of")).status_code == 422
    await in_thread(make_chat_model, acme, model_server.base_url, "badkey")
    failed = await post(name="qa", model="badkey")
    assert (failed.status_code, failed.json()["code"]) == (ModelRejected.status, ModelRejected.code)
    streamed = await post(name="qa", model="badkey", stream=True)
    assert parse_sse(await read(streamed))[-1][1] == "call.failed"
