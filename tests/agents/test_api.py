"""The REST API of agents, and its event streams."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.test import AsyncClient
from rest_framework.test import APIClient

from apps.agents.models import Agent, Conversation, Message
from apps.agents.services.answer_run import current_runs
from apps.agents.threads import in_thread
from apps.core.models import User, Workspace
from apps.providers.models import Model
from apps.tracing.models import Score
from tests.factories.agents import add_turn, make_agent, make_chat_model, make_conversation
from tests.factories.core import make_api_key, make_workspace
from tests.factories.knowledge import make_base

Connect = Callable[..., APIClient]


def parse_sse(text: str) -> list[tuple[int | None, str, dict[str, Any]]]:
    """(id, event, data) of each frame."""
    events = []
    for frame in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in frame.splitlines() if not line.startswith(":"))
        if fields:
            seq = int(fields["id"]) if "id" in fields else None
            events.append((seq, fields["event"], json.loads(fields["data"])))
    return events


async def read(response: Any) -> str:
    return b"".join([chunk async for chunk in response.streaming_content]).decode()


@pytest.fixture
def key(acme: Workspace, person: User) -> dict[str, str]:
    return {"Authorization": f"Bearer {make_api_key(acme, person)}"}


pytestmark = pytest.mark.usefixtures("hub")


async def post(path: str, key: dict[str, str], body: dict[str, Any]) -> Any:
    return await AsyncClient().post(path, body, content_type="application/json", headers=key)


async def test_chat_answers_as_json(agent: Agent, key: dict[str, str]) -> None:
    response = await post(f"/api/v1/agents/{agent.pk}/chat", key, {"query": "你好", "user": "customer 7"})
    assert response.status_code == 200, response.content
    body = response.json()
    assert body["answer"] == "你好"
    assert body["message"]["state"] == "completed"
    conversation = await in_thread(Conversation.objects.get, pk=body["conversation_id"])
    assert (conversation.source, conversation.external_user) == ("api", "customer 7")
    again = {"query": "more", "conversation_id": body["conversation_id"]}
    assert (await post(f"/api/v1/agents/{agent.pk}/chat", key, again)).status_code == 200
    assert await in_thread(conversation.messages.count) == 4


async def test_chat_streams_and_can_be_resumed_after_every_event(agent: Agent, key: dict[str, str]) -> None:
    await in_thread(Model.objects.filter(agents=agent).update, name="paced-8-100")
    response = await post(f"/api/v1/agents/{agent.pk}/chat", key, {"query": "go", "stream": True})
    assert response["Content-Type"].startswith("text/event-stream")
    events = parse_sse(await read(response))
    assert events[0][1] == "message.created"
    assert [seq for seq, _type, _data in events[1:]] == list(range(1, len(events)))
    whole = "".join(data["text"] for _seq, type_, data in events if type_ == "text.delta")
    assert whole == events[-1][2]["message"]["content"]
    message_id = events[0][2]["message_id"]
    for k in range(1, len(events) - 1):
        resumed = await AsyncClient().get(
            f"/api/v1/messages/{message_id}/stream", headers={**key, "Last-Event-ID": str(k)}
        )
        rest = parse_sse(await read(resumed))
        head = [data["text"] for seq, type_, data in events[1:] if seq <= k and type_ == "text.delta"]
        tail = [data["text"] for _seq, type_, data in rest if type_ == "text.delta"]
        assert "".join(head + tail) == whole
        assert rest[-1][1] == "run.completed"


async def test_client_that_leaves_does_not_stop_the_answer(agent: Agent, key: dict[str, str]) -> None:
    await in_thread(Model.objects.filter(agents=agent).update, name="paced-20-100")
    response = await post(f"/api/v1/agents/{agent.pk}/chat", key, {"query": "go", "stream": True})
    chunks = response.streaming_content
    first = parse_sse((await anext(chunks)).decode())[0][2]
    await anext(chunks)
    await chunks.aclose()
    await current_runs().wait(uuid_of(first["message_id"]))
    answer = await in_thread(Message.objects.get, pk=first["message_id"])
    assert answer.state == "completed"
    assert answer.content.count("@") == 20


def uuid_of(text: str) -> Any:
    from uuid import UUID

    return UUID(text)


async def test_failures_are_problems(agent: Agent, key: dict[str, str]) -> None:
    path = f"/api/v1/agents/{agent.pk}/chat"
    assert (await post(path, {}, {"query": "x"})).status_code == 401
    assert (await post(path, key, {})).status_code == 400
    assert (await post(path, key, {"query": "   "})).status_code == 400
    assert (await post(f"/api/v1/agents/{uuid4()}/chat", key, {"query": "x"})).status_code == 404
    unknown = {"query": "x", "conversation_id": str(uuid4())}
    assert (await post(path, key, unknown)).status_code == 404
    assert (await AsyncClient().get(path, headers=key)).status_code == 405
    await in_thread(Model.objects.filter(agents=agent).update, name="badkey")
    failed = await post(path, key, {"query": "x"})
    assert failed.status_code == 502
    assert failed["Content-Type"].startswith("application/problem+json")
    assert failed.json()["code"] == "answer_failed"


async def test_key_without_the_chat_scope_may_not_ask(agent: Agent, acme: Workspace, person: User) -> None:
    weak = await in_thread(make_api_key, acme, person, ("read",))
    key = {"Authorization": f"Bearer {weak}"}
    assert (await post(f"/api/v1/agents/{agent.pk}/chat", key, {"query": "x"})).status_code == 403
    assert await in_thread(Conversation.objects.count) == 0


async def test_regenerate_over_the_api(agent: Agent, key: dict[str, str]) -> None:
    first = (await post(f"/api/v1/agents/{agent.pk}/chat", key, {"query": "hi"})).json()["message"]
    second = await post(f"/api/v1/messages/{first['id']}/regenerate", key, {})
    assert second.status_code == 200, second.content
    shown = await AsyncClient().get(
        f"/api/v1/conversations/{first['conversation_id']}/messages/", headers=key
    )
    assert shown.json()[-1]["siblings"] == [first["id"], second.json()["message"]["id"]]


@pytest.mark.django_db
class TestResources:
    """Agents, conversations and messages as resources."""

    pytestmark: list[Any] = []

    def test_editor_creates_changes_shares_and_deletes_an_agent(
        self, workspace: Workspace, editor: User, api: Connect
    ) -> None:
        base = make_base(workspace)
        model = make_chat_model(workspace, "http://127.0.0.1:1/v1")
        client = api(editor)
        body = {"name": "A", "model": str(model.pk), "knowledge_bases": [str(base.pk)]}
        created = client.post("/api/v1/agents/", body)
        assert created.status_code == 201, created.data
        path = f"/api/v1/agents/{created.data['id']}/"
        changed = client.patch(path, {"suggested_questions": ["One?", " "], "temperature": 0.5})
        assert changed.status_code in {200, 400}
        changed = client.patch(path, {"suggested_questions": ["One?"], "temperature": 0.5})
        assert changed.data["suggested_questions"] == ["One?"]
        assert changed.data["knowledge_bases"] == [base.pk]
        first = client.post(f"{path}share/").data["share_path"]
        assert first.startswith("/share/")
        assert client.post(f"{path}unshare/").data["share_path"] == ""
        assert client.post(f"{path}share/").data["share_path"] != first
        assert client.delete(path).status_code == 204

    def test_objects_of_other_workspaces_cannot_be_used(
        self, workspace: Workspace, editor: User, api: Connect
    ) -> None:
        elsewhere = make_workspace()
        model = make_chat_model(elsewhere, "http://127.0.0.1:1/v1")
        body = {"name": "A", "model": str(model.pk)}
        assert api(editor).post("/api/v1/agents/", body).status_code == 400
        assert not Agent.objects.exists()

    def test_roles(self, workspace: Workspace, viewer: User, stranger: User, api: Connect) -> None:
        agent = make_agent(workspace)
        client = api(viewer)
        assert client.get("/api/v1/agents/").data["results"][0]["id"] == str(agent.pk)
        assert client.post("/api/v1/agents/", {"name": "x"}).status_code == 403
        assert client.patch(f"/api/v1/agents/{agent.pk}/", {"name": "x"}).status_code == 403
        assert client.delete(f"/api/v1/agents/{agent.pk}/").status_code == 403
        assert client.post(f"/api/v1/agents/{agent.pk}/share/").status_code == 403
        assert client.post("/api/v1/conversations/", {"agent": str(agent.pk)}).status_code == 201

    def test_feedback_is_a_score_that_can_be_changed_and_taken_back(
        self, workspace: Workspace, viewer: User, api: Connect
    ) -> None:
        conversation = make_conversation(make_agent(workspace), viewer)
        answer = add_turn(conversation, trace_id="a" * 32)
        path = f"/api/v1/messages/{answer.pk}/feedback/"
        client = api(viewer)
        assert client.post(path, {"value": 0, "comment": "Wrong"}).data["feedback"] == 0
        score = Score.objects.get()
        assert (score.name, score.value, score.comment, score.source) == ("user_feedback", 0, "Wrong", "user")
        client.post(path, {"value": 1})
        conversation.refresh_from_db()
        assert (conversation.likes, conversation.dislikes) == (1, 0)
        assert Score.objects.get().value == 1
        client.post(path, {"value": None})
        conversation.refresh_from_db()
        assert (conversation.likes, conversation.dislikes) == (0, 0)
        assert not Score.objects.exists()
        assert client.post(path, {"value": 7}).status_code == 400

    def test_colleagues_read_but_do_not_judge_speak_or_stop(
        self, workspace: Workspace, editor: User, viewer: User, api: Connect
    ) -> None:
        conversation = make_conversation(make_agent(workspace), editor)
        answer = add_turn(conversation)
        client = api(viewer)
        assert client.get(f"/api/v1/messages/{answer.pk}/").data["content"] == "a"
        for action in ("feedback", "stop", "show"):
            response = client.post(f"/api/v1/messages/{answer.pk}/{action}/", {"value": 1})
            assert response.status_code == 403
        assert client.delete(f"/api/v1/conversations/{conversation.pk}/").status_code == 403
        answer.refresh_from_db()
        assert answer.feedback is None

    def test_conversations_are_filtered_renamed_and_deleted(
        self, workspace: Workspace, viewer: User, api: Connect
    ) -> None:
        agent = make_agent(workspace)
        mine = make_conversation(agent, viewer)
        add_turn(mine, "First?")
        make_conversation(make_agent(workspace), viewer, likes=1)
        client = api(viewer)
        listed = client.get("/api/v1/conversations/", {"agent": str(agent.pk)}).data["results"]
        assert [c["id"] for c in listed] == [str(mine.pk)]
        assert len(client.get("/api/v1/conversations/", {"feedback": "up"}).data["results"]) == 1
        assert client.get("/api/v1/conversations/", {"agent": "x"}).status_code == 400
        path = f"/api/v1/conversations/{mine.pk}/"
        assert client.patch(path, {"title": "New"}).data["title"] == "New"
        assert [m["role"] for m in client.get(f"{path}messages/").data] == ["user", "assistant"]
        assert client.delete(path).status_code == 204

    def test_lists_need_the_same_queries_whatever_their_length(
        self, workspace: Workspace, viewer: User, api: Connect, django_assert_max_num_queries: Any
    ) -> None:
        for _ in range(12):
            conversation = make_conversation(make_agent(workspace), viewer)
            add_turn(conversation)
        client = api(viewer)
        for path in ("agents", "conversations"):
            client.get(f"/api/v1/{path}/")
            with django_assert_max_num_queries(6):
                assert len(client.get(f"/api/v1/{path}/").data["results"]) == 12
