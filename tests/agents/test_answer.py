"""Answers: written to their end, stopped, asked again, and closed truly when their process dies."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.agents.branches import shown_path
from apps.agents.exceptions import (
    AgentNotReadyError,
    AnswerFailedError,
    AnswerRunningError,
    QuestionInvalidError,
)
from apps.agents.models import Agent, Conversation, Message, MessageState
from apps.agents.services.answer import ask, ask_and_wait, begin, regenerate, stop, stop_answer, wait_for
from apps.agents.services.answer_run import current_runs
from apps.agents.services.lease import close_abandoned
from apps.agents.services.stream import purge_old_streams
from apps.agents.services.turn import begin_turn, show_branch
from apps.agents.threads import in_thread
from apps.core.actors import Actor
from apps.core.exceptions import NotAllowed, NotFound
from apps.core.models import StreamEvent, User
from apps.core.streams import append_now, close_current_hub, current_hub
from apps.providers.drivers import pool
from apps.providers.models import Model
from apps.tracing.export import flush
from apps.tracing.models import Observation, Trace
from tests.factories.agents import make_agent, make_conversation
from tests.factories.core import SYSTEM, make_member, make_workspace
from tests.factories.knowledge import make_base, make_document

pytestmark = pytest.mark.usefixtures("hub")


@pytest.fixture
def conversation(agent: Agent, person: User) -> Conversation:
    return make_conversation(agent, person)


@pytest.fixture
def actor(person: User) -> Actor:
    return Actor.for_user(person)


def use_model(conversation: Conversation, name: str) -> None:
    Model.objects.filter(agents=conversation.agent).update(name=name)


async def shown(conversation: Conversation) -> list[Message]:
    messages = await in_thread(lambda: list(conversation.messages.in_order()))
    return [item.message for item in shown_path(messages)]


async def test_answer_is_stored_with_its_figures(conversation: Conversation, actor: Actor) -> None:
    answer = await ask_and_wait(actor=actor, conversation=conversation, text=" 你好, how are you? ")
    assert answer.state == MessageState.COMPLETED
    assert answer.content == "你好, how are you?"
    assert answer.input_tokens > 0
    assert answer.output_tokens > 0
    assert answer.cost is not None
    assert answer.cost > 0
    assert answer.latency_ms is not None
    assert answer.ttft_ms is not None
    assert answer.ttft_ms <= answer.latency_ms
    assert answer.lease_owner == ""
    after = await in_thread(Conversation.objects.get, pk=conversation.pk)
    assert (after.message_count, after.last_state, after.title) == (2, "completed", "你好, how are you?")


async def test_stream_says_what_the_message_says(conversation: Conversation, actor: Actor) -> None:
    answer = await ask_and_wait(actor=actor, conversation=conversation, text="one two three")
    events = await current_hub().events(answer.pk)
    assert [e.seq for e in events] == sorted({e.seq for e in events})
    assert events[0].type == "run.started"
    assert events[-1].type == "run.completed"
    assert events[-1].data["message"]["content"] == answer.content
    assert "".join(e.data["text"] for e in events if e.type == "text.delta") == answer.content


async def test_history_goes_along(conversation: Conversation, actor: Actor, model_server: Any) -> None:
    await ask_and_wait(actor=actor, conversation=conversation, text="My name is Ada.")
    await ask_and_wait(actor=actor, conversation=conversation, text="What is my name?")
    sent = model_server.requests[-1].body["messages"]
    assert [m["role"] for m in sent[-3:]] == ["user", "assistant", "user"]
    assert sent[-3]["content"] == "My name is Ada."


async def test_one_answer_is_one_trace(conversation: Conversation, actor: Actor) -> None:
    base = await in_thread(make_base, conversation.workspace)
    await in_thread(make_document, base, "Tea is brewed at 95 degrees. Coffee at 92.", name="tea.md")
    await in_thread(conversation.agent.knowledge_bases.set, [base])
    await in_thread(use_model, conversation, "rag")
    answer = await ask_and_wait(actor=actor, conversation=conversation, text="How hot is tea brewed?")
    assert answer.content.endswith("[1]")
    assert [(c["n"], c["document_name"], c["cited"]) for c in answer.citations] == [(1, "tea.md", True)]
    await in_thread(flush)
    trace = await in_thread(Trace.objects.get, trace_id=answer.trace_id)
    assert (trace.source_type, str(trace.source_id)) == ("agents.message", str(answer.pk))
    assert str(trace.session_id) == str(conversation.pk)
    types = await in_thread(
        lambda: set(Observation.objects.filter(trace_id=answer.trace_id).values_list("type", flat=True))
    )
    assert {"agent", "retriever", "generation"} <= types


async def test_failure_is_told_in_a_sentence(conversation: Conversation, actor: Actor) -> None:
    await in_thread(use_model, conversation, "badkey")
    with pytest.raises(AnswerFailedError):
        await ask_and_wait(actor=actor, conversation=conversation, text="hello")
    answer = (await shown(conversation))[-1]
    assert answer.state == MessageState.FAILED
    assert answer.error
    assert "sk-" not in answer.error
    assert (await current_hub().events(answer.pk))[-1].type == "run.failed"


async def test_failure_in_the_middle_keeps_what_was_said(conversation: Conversation, actor: Actor) -> None:
    await in_thread(use_model, conversation, "truncate")
    answer = await ask(actor=actor, conversation=conversation, text="one two three four five six seven")
    with pytest.raises(AnswerFailedError):
        await wait_for(answer)
    ended = (await shown(conversation))[-1]
    assert ended.state == MessageState.FAILED
    assert ended.content


async def test_stop_ends_within_100_ms_with_what_was_said(conversation: Conversation, actor: Actor) -> None:
    await in_thread(use_model, conversation, "paced-500-100")
    answer = await ask(actor=actor, conversation=conversation, text="go")
    async for event in current_hub().subscribe(answer.pk):
        if event.type == "text.delta":
            break
    answer = await in_thread(Message.objects.select_related("conversation__agent").get, pk=answer.pk)
    began = time.monotonic()
    await stop(actor=actor, message=answer)
    await current_runs().wait(answer.pk)
    took = time.monotonic() - began
    ended = (await shown(conversation))[-1]
    assert ended.state == MessageState.STOPPED
    assert ended.content.startswith("t0@")
    assert took < 0.1


async def test_stop_from_another_process(conversation: Conversation, actor: Actor) -> None:
    await in_thread(use_model, conversation, "paced-500-100")
    answer = await ask(actor=actor, conversation=conversation, text="go")
    async for event in current_hub().subscribe(answer.pk):
        if event.type == "text.delta":
            break
    answer = await in_thread(Message.objects.select_related("conversation__agent").get, pk=answer.pk)
    await in_thread(stop_answer, actor=actor, message=answer)
    await asyncio.wait_for(current_runs().wait(answer.pk), 2)
    assert (await shown(conversation))[-1].state == MessageState.STOPPED


async def test_one_answer_at_a_time(conversation: Conversation, actor: Actor) -> None:
    await in_thread(use_model, conversation, "paced-100-100")
    answer = await ask(actor=actor, conversation=conversation, text="go")
    with pytest.raises(AnswerRunningError):
        await ask(actor=actor, conversation=conversation, text="again")
    assert await in_thread(conversation.messages.count) == 2
    await stop(actor=actor, message=answer)
    await current_runs().wait(answer.pk)


async def test_regenerating_keeps_the_old_answer_as_a_branch(
    conversation: Conversation, actor: Actor
) -> None:
    first = await ask_and_wait(actor=actor, conversation=conversation, text="one")
    await ask_and_wait(actor=actor, conversation=conversation, text="two")
    run = await regenerate(actor=actor, answer_id=first.pk)
    second = await wait_for(run.answer)
    assert run.answer_branches == [str(first.pk), str(second.pk)]
    assert [m.pk for m in await shown(conversation)] == [run.question.pk, second.pk]
    await in_thread(show_branch, actor=actor, message=first)
    assert [m.content for m in await shown(conversation)] == ["one", "one", "two", "two"]


async def test_editing_a_question_makes_a_branch(
    conversation: Conversation, actor: Actor, model_server: Any
) -> None:
    await ask_and_wait(actor=actor, conversation=conversation, text="one")
    question = (await shown(conversation))[0]
    run = await begin(actor=actor, conversation_id=conversation.pk, text="uno", edited=question.pk)
    await wait_for(run.answer)
    assert [m.content for m in await shown(conversation)] == ["uno", "uno"]
    assert len(run.question_branches) == 2
    assert "one" not in str(model_server.requests[-1].body["messages"])


async def test_bad_questions_and_agents_are_refused_and_write_nothing(
    conversation: Conversation, actor: Actor
) -> None:
    for text in ("", "  \x00 ", "x" * 20_000):
        with pytest.raises(QuestionInvalidError):
            await ask(actor=actor, conversation=conversation, text=text)
    await in_thread(Model.objects.filter(agents=conversation.agent).update, enabled=False)
    with pytest.raises(AgentNotReadyError):
        await ask(actor=actor, conversation=conversation, text="hello")
    await in_thread(Agent.objects.filter(pk=conversation.agent_id).update, model=None)
    with pytest.raises(AgentNotReadyError):
        await ask(actor=actor, conversation=conversation, text="hello")
    assert await in_thread(conversation.messages.count) == 0


async def test_only_the_own_person_speaks(conversation: Conversation) -> None:
    colleague = await in_thread(make_member, conversation.workspace)
    stranger = await in_thread(lambda: make_member(make_workspace()))
    with pytest.raises(NotAllowed):
        await ask(actor=Actor.for_user(colleague), conversation=conversation, text="hello")
    with pytest.raises(NotFound):
        await ask(actor=Actor.for_user(stranger), conversation=conversation, text="hello")
    assert await in_thread(conversation.messages.count) == 0


def abandoned_turn(conversation: Conversation, actor: Actor) -> Message:
    """A turn whose process died after it had said something."""
    from django.db import connection

    run = begin_turn(
        actor=actor, conversation_id=conversation.pk, text="How hot is tea?", lease_owner="a dead process"
    )
    hit = {
        "n": 1, "chunk_id": "c", "document_id": "d", "document_name": "tea.md", "position": 0, "score": 0.5,
        "text": "Tea is hot.",
    }  # fmt: skip
    with connection.cursor() as cursor:
        append_now(cursor, run.answer.pk, "retrieval.finished", {"hits": [hit], "notices": ["n"], "ms": 1})
        append_now(cursor, run.answer.pk, "text.delta", {"text": "Very "})
        append_now(cursor, run.answer.pk, "text.delta", {"text": "hot [1]"})
    Message.objects.filter(pk=run.answer.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    return run.answer


async def test_answer_of_a_dead_process_is_closed_with_what_was_said(
    conversation: Conversation, actor: Actor
) -> None:
    answer = await in_thread(abandoned_turn, conversation, actor)
    watcher = asyncio.create_task(anext(current_hub().subscribe(answer.pk, 3)))
    await current_hub().ready()
    assert await in_thread(close_abandoned) == 1
    assert await in_thread(close_abandoned) == 0
    ended = (await shown(conversation))[-1]
    assert (ended.state, ended.content) == (MessageState.INTERRUPTED, "Very hot [1]")
    assert [c["document_name"] for c in ended.citations] == ["tea.md"]
    assert (await asyncio.wait_for(watcher, 2)).type == "run.interrupted"
    run = await regenerate(actor=actor, answer_id=ended.pk)
    assert (await wait_for(run.answer)).state == MessageState.COMPLETED


async def test_asking_again_after_a_crash_needs_no_sweeper(conversation: Conversation, actor: Actor) -> None:
    await in_thread(abandoned_turn, conversation, actor)
    answer = await ask_and_wait(actor=actor, conversation=conversation, text="Still there?")
    assert answer.state == MessageState.COMPLETED
    states = [m.state for m in await shown(conversation)]
    assert states == ["completed", "interrupted", "completed", "completed"]


async def test_running_answers_of_living_processes_are_left_alone(
    conversation: Conversation, actor: Actor
) -> None:
    await in_thread(use_model, conversation, "paced-30-100")
    answer = await ask(actor=actor, conversation=conversation, text="go")
    assert await in_thread(close_abandoned) == 0
    assert (await wait_for(answer)).state == MessageState.COMPLETED


async def test_shutdown_keeps_what_was_said(conversation: Conversation, actor: Actor) -> None:
    await in_thread(use_model, conversation, "paced-500-100")
    answer = await ask(actor=actor, conversation=conversation, text="go")
    async for event in current_hub().subscribe(answer.pk):
        if event.type == "text.delta":
            break
    run = current_runs().get(answer.pk)
    assert run is not None
    assert run.task is not None
    run.task.cancel()
    await current_runs().wait(answer.pk)
    ended = (await shown(conversation))[-1]
    assert ended.state == MessageState.INTERRUPTED
    assert ended.content.startswith("t0@")


async def test_old_streams_of_finished_answers_are_dropped(conversation: Conversation, actor: Actor) -> None:
    old = await ask_and_wait(actor=actor, conversation=conversation, text="old")
    new = await ask_and_wait(actor=actor, conversation=conversation, text="new")
    past = timezone.now() - timedelta(days=60)
    await in_thread(Message.objects.filter(pk=old.pk).update, finished_at=past)
    assert await in_thread(purge_old_streams) > 0
    kept = await in_thread(lambda: set(StreamEvent.objects.values_list("stream_id", flat=True)))
    assert old.pk not in kept
    assert new.pk in kept


async def test_agent_of_the_product_itself_can_be_asked(agent: Agent) -> None:
    conversation = await in_thread(make_conversation, agent)
    assert (await ask_and_wait(actor=SYSTEM, conversation=conversation, text="hi")).content == "hi"


def test_ask_and_wait_works_from_synchronous_code(acme: Any, model_server: Any) -> None:
    async def play() -> str:
        conversation = await in_thread(lambda: make_conversation(make_agent(acme, model_server.base_url)))
        try:
            return (await ask_and_wait(actor=SYSTEM, conversation=conversation, text="hi")).content
        finally:
            await close_current_hub()
            await pool.close()

    assert asyncio.run(play()) == "hi"


async def test_heartbeat_leaves_answers_alone_that_begin_while_it_runs(
    conversation: Conversation, actor: Actor, settings: Settings
) -> None:
    settings.ANSWER_HEARTBEAT_S = 0.01
    await in_thread(use_model, conversation, "paced-30-100")
    other = await in_thread(make_conversation, conversation.agent, conversation.user)
    answers = [await ask(actor=actor, conversation=c, text="go") for c in (conversation, other)]
    for answer in answers:
        assert (await wait_for(answer)).state == MessageState.COMPLETED


async def test_stop_before_the_first_step_closes_the_answer(conversation: Conversation, actor: Actor) -> None:
    runs = current_runs()
    given = await in_thread(
        begin_turn, actor=actor, conversation_id=conversation.pk, text="go", lease_owner=runs.owner
    )
    runs.start(given).stop()
    await runs.wait(given.answer.pk)
    assert (await shown(conversation))[-1].state == MessageState.STOPPED
