"""The chat websockets, through the whole ASGI application."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import Client

from apps.agents.models import Agent, Conversation, Message
from apps.agents.services.agent import disable_sharing, enable_sharing
from apps.agents.services.answer import ask_and_wait
from apps.agents.services.stream import purge_old_streams
from apps.agents.threads import in_thread
from apps.agents.visitors import COOKIE, cookie_value
from apps.core.actors import Actor
from apps.core.models import User
from apps.providers.models import Model
from tests.factories.agents import make_conversation
from tests.factories.core import SYSTEM, make_member, make_workspace

Connect = Callable[..., Any]


@pytest.fixture
def conversation(agent: Agent, person: User) -> Conversation:
    return make_conversation(agent, person)


def path_of(conversation: Conversation) -> str:
    return f"/ws/chat/{conversation.pk}/"


async def ready(socket: Any) -> dict[str, Any]:
    connected, _ = await socket.connect(timeout=5)
    assert connected
    message: dict[str, Any] = await socket.receive_json_from(timeout=5)
    assert message["type"] == "ready"
    return message


async def until_end(socket: Any) -> list[dict[str, Any]]:
    events = []
    while not events or events[-1]["type"] not in {"run.completed", "run.stopped", "run.failed"}:
        events.append(await socket.receive_json_from(timeout=10))
    return events


def said(events: list[dict[str, Any]]) -> str:
    return "".join(e["data"]["text"] for e in events if e["type"] == "text.delta")


async def test_asking_streams_the_answer(conversation: Conversation, person: User, connect: Connect) -> None:
    socket = await connect(person, path_of(conversation))
    assert (await ready(socket))["running"] is None
    await socket.send_json_to({"type": "ask", "text": "北京 is the capital."})
    asked = await socket.receive_json_from(timeout=5)
    assert asked["type"] == "asked"
    assert asked["question"]["content"] == "北京 is the capital."
    events = await until_end(socket)
    assert [e["seq"] for e in events] == list(range(1, len(events) + 1))
    assert {e["message"] for e in events} == {asked["answer"]["id"]}
    assert said(events) == "北京 is the capital."
    assert events[-1]["data"]["message"]["content"] == "北京 is the capital."
    await socket.disconnect()


async def test_dropping_after_any_number_of_events_loses_and_doubles_nothing(
    conversation: Conversation, person: User, connect: Connect
) -> None:
    await in_thread(Model.objects.filter(agents=conversation.agent).update, name="paced-40-100")
    socket = await connect(person, path_of(conversation))
    await ready(socket)
    await socket.send_json_to({"type": "ask", "text": "go"})
    answer_id = (await socket.receive_json_from(timeout=5))["answer"]["id"]
    got: list[dict[str, Any]] = []
    chance = random.Random(7)
    while not got or got[-1]["type"] != "run.completed":
        for _ in range(chance.randrange(1, 6)):
            got.append(await socket.receive_json_from(timeout=5))
            if got[-1]["type"] == "run.completed":
                break
        await socket.disconnect()
        socket = await connect(person, path_of(conversation))
        state = await ready(socket)
        if got[-1]["type"] != "run.completed":
            assert state["running"] in {answer_id, None}
            await socket.send_json_to({"type": "attach", "message": answer_id, "after_seq": got[-1]["seq"]})
    await socket.disconnect()
    assert [e["seq"] for e in got] == sorted({e["seq"] for e in got})
    assert said(got) == got[-1]["data"]["message"]["content"]
    assert said(got).count("@") == 40


async def test_answer_goes_on_when_the_client_leaves(
    conversation: Conversation, person: User, connect: Connect
) -> None:
    await in_thread(Model.objects.filter(agents=conversation.agent).update, name="paced-20-100")
    socket = await connect(person, path_of(conversation))
    await ready(socket)
    await socket.send_json_to({"type": "ask", "text": "go"})
    await socket.receive_json_from(timeout=5)
    await socket.disconnect()
    for _ in range(100):
        await asyncio.sleep(0.02)
        answer = await in_thread(lambda: conversation.messages.filter(role="assistant").first())
        if answer.is_final:
            break
    assert answer.state == "completed"
    assert answer.content.count("@") == 20


async def test_stop_and_regenerate(conversation: Conversation, person: User, connect: Connect) -> None:
    await in_thread(Model.objects.filter(agents=conversation.agent).update, name="paced-500-100")
    socket = await connect(person, path_of(conversation))
    await ready(socket)
    await socket.send_json_to({"type": "ask", "text": "go"})
    answer_id = (await socket.receive_json_from(timeout=5))["answer"]["id"]
    await socket.receive_json_from(timeout=5)
    await socket.send_json_to({"type": "stop", "message": answer_id})
    assert (await until_end(socket))[-1]["type"] == "run.stopped"
    await in_thread(Model.objects.filter(agents=conversation.agent).update, name="echo")
    await socket.send_json_to({"type": "regenerate", "message": answer_id})
    asked = await socket.receive_json_from(timeout=5)
    assert asked["answer"]["siblings"] == [answer_id, asked["answer"]["id"]]
    assert said(await until_end(socket)) == "go"
    await socket.disconnect()


async def test_wrong_commands_are_answered_and_harm_nothing(
    conversation: Conversation, person: User, connect: Connect
) -> None:
    socket = await connect(person, path_of(conversation))
    await ready(socket)
    for text in (
        "no json",
        "[]",
        '{"type": "dance"}',
        '{"type": "ask"}',
        '{"type": "stop"}',
        '{"type": "stop", "message": "x"}',
        '{"type": "attach", "message": "00000000-0000-0000-0000-000000000000"}',
    ):
        await socket.send_to(text_data=text)
        assert (await socket.receive_json_from(timeout=5))["type"] == "error"
    await socket.send_json_to({"type": "ask", "text": "still here"})
    await socket.receive_json_from(timeout=5)
    assert said(await until_end(socket)) == "still here"
    await socket.disconnect()


async def test_strangers_and_colleagues_stay_out(
    conversation: Conversation, person: User, connect: Connect
) -> None:
    colleague = await in_thread(make_member, conversation.workspace)
    stranger = await in_thread(lambda: make_member(make_workspace()))
    for user, code in ((None, 4401), (colleague, 4404), (stranger, 4404)):
        socket = await connect(user, path_of(conversation))
        await socket.connect(timeout=5)
        assert (await socket.receive_output(timeout=5)) == {"type": "websocket.close", "code": code}


async def test_foreign_origin_is_refused(conversation: Conversation, person: User, connect: Connect) -> None:
    socket = await connect(person, path_of(conversation), (b"origin", b"https://evil.example"))
    connected, _ = await socket.connect(timeout=5)
    assert not connected


async def test_attaching_to_a_finished_answer_without_stream_gives_its_end(
    conversation: Conversation, person: User, connect: Connect
) -> None:
    answer = await ask_and_wait(actor=Actor.for_user(person), conversation=conversation, text="old")
    await in_thread(Message.objects.filter(pk=answer.pk).update, finished_at="2020-01-01T00:00:00Z")
    await in_thread(purge_old_streams)
    socket = await connect(person, path_of(conversation))
    await ready(socket)
    await socket.send_json_to({"type": "attach", "message": str(answer.pk), "after_seq": 3})
    event = await socket.receive_json_from(timeout=5)
    assert (event["type"], event["data"]["message"]["content"]) == ("run.completed", "old")
    await socket.disconnect()


# -- the public page


def visitor_cookie(name: str) -> tuple[bytes, bytes]:
    return b"cookie", f"{COOKIE}={cookie_value(name)}".encode()


async def test_visitor_chats_and_sees_nothing_internal(agent: Agent, connect: Connect) -> None:
    shared = await in_thread(enable_sharing, actor=SYSTEM, agent=agent)
    path = f"/ws/share/{shared.share_token}/"
    socket = await connect(None, path, visitor_cookie("ann"))
    await ready(socket)
    await socket.send_json_to({"type": "ask", "text": "hello"})
    asked = await socket.receive_json_from(timeout=5)
    events = await until_end(socket)
    assert said(events) == "hello"
    assert "trace_id" not in str([asked, events])
    assert "cost" not in events[-1]["data"]["message"]
    await socket.send_json_to({"type": "ask", "text": "more", "conversation": asked["conversation"]["id"]})
    assert (await socket.receive_json_from(timeout=5))["conversation"]["id"] == asked["conversation"]["id"]
    await until_end(socket)
    await socket.disconnect()

    other = await connect(None, path, visitor_cookie("bob"))
    await ready(other)
    await other.send_json_to({"type": "ask", "text": "mine?", "conversation": asked["conversation"]["id"]})
    assert (await other.receive_json_from(timeout=5))["code"] == "not_found"
    await other.disconnect()


async def test_switching_the_page_off_ends_it_also_for_open_sockets(agent: Agent, connect: Connect) -> None:
    shared = await in_thread(enable_sharing, actor=SYSTEM, agent=agent)
    path = f"/ws/share/{shared.share_token}/"
    socket = await connect(None, path, visitor_cookie("ann"))
    await ready(socket)
    await in_thread(disable_sharing, actor=SYSTEM, agent=agent)
    await socket.send_json_to({"type": "ask", "text": "hello"})
    assert (await socket.receive_json_from(timeout=5))["code"] == "not_found"
    await socket.disconnect()
    for headers in ([visitor_cookie("ann")], []):
        late = await connect(None, path, *headers)
        await late.connect(timeout=5)
        assert (await late.receive_output(timeout=5))["code"] == 4404


async def test_visitor_without_our_cookie_is_refused(agent: Agent, connect: Connect) -> None:
    shared = await in_thread(enable_sharing, actor=SYSTEM, agent=agent)
    for headers in ([], [(b"cookie", f"{COOKIE}=forged:1:x".encode())]):
        socket = await connect(None, f"/ws/share/{shared.share_token}/", *headers)
        await socket.connect(timeout=5)
        assert (await socket.receive_output(timeout=5))["code"] == 4404


async def test_visitor_who_asks_too_fast_is_slowed_down(
    agent: Agent, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.agents.services.visitor.QUESTIONS_PER_MINUTE", 2)
    shared = await in_thread(enable_sharing, actor=SYSTEM, agent=agent)
    socket = await connect(None, f"/ws/share/{shared.share_token}/", visitor_cookie("ann"))
    await ready(socket)
    for _ in range(2):
        await socket.send_json_to({"type": "ask", "text": "hello"})
        await socket.receive_json_from(timeout=5)
        await until_end(socket)
    await socket.send_json_to({"type": "ask", "text": "hello"})
    assert (await socket.receive_json_from(timeout=5))["code"] == "too_many_questions"
    await socket.disconnect()


async def test_the_page_gives_the_cookie_that_the_socket_wants(agent: Agent, connect: Connect) -> None:
    shared = await in_thread(enable_sharing, actor=SYSTEM, agent=agent)
    client = Client()
    response = await sync_to_async(client.get)(f"/share/{shared.share_token}/")
    assert response.status_code == 200
    cookie = f"{COOKIE}={client.cookies[COOKIE].value}".encode()
    socket = await connect(None, f"/ws/share/{shared.share_token}/", (b"cookie", cookie))
    await ready(socket)
    await socket.disconnect()
