"""Console pages and the public page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.agents.models import Agent, Conversation
from apps.agents.services.agent import disable_sharing, enable_sharing
from apps.agents.services.visitor import visitor_actor
from apps.agents.visitors import COOKIE, cookie_value
from apps.core.models import User, Workspace
from tests.factories.agents import add_turn, make_agent, make_chat_model, make_conversation
from tests.factories.core import SYSTEM

pytestmark = pytest.mark.django_db
Console = Callable[[User], Client]


@pytest.fixture
def agent(workspace: Workspace) -> Agent:
    return make_agent(workspace, name="Helper", opening="Hello!")


def test_pages_open_for_members(workspace: Workspace, agent: Agent, viewer: User, console: Console) -> None:
    conversation = make_conversation(agent, viewer)
    add_turn(conversation, "Where?", "There </script><script>alert(1)</script>")
    client = console(viewer)
    for path in (
        "/admin/agents/",
        f"/admin/agents/{agent.pk}/",
        f"/admin/agents/{agent.pk}/chat/",
        f"/admin/agents/{agent.pk}/chat/{conversation.pk}/",
        "/admin/agents/conversation/",
        f"/admin/agents/conversation/{conversation.pk}/change/",
    ):
        response = client.get(path)
        assert response.status_code == 200, path
        assert b"<script>alert(1)" not in response.content


def test_strangers_find_nothing(agent: Agent, viewer: User, stranger: User, console: Console) -> None:
    conversation = make_conversation(agent, viewer)
    add_turn(conversation)
    client = console(stranger)
    for path in (
        f"/admin/agents/{agent.pk}/",
        f"/admin/agents/{agent.pk}/chat/",
        f"/admin/agents/conversation/{conversation.pk}/change/",
    ):
        assert client.get(path).status_code in {302, 404}, path
    assert "Helper" not in client.get("/admin/agents/").content.decode()


def test_viewer_sees_the_form_but_cannot_save(agent: Agent, viewer: User, console: Console) -> None:
    client = console(viewer)
    client.post(f"/admin/agents/{agent.pk}/", {"name": "Taken", "history_window": 3})
    client.post(f"/admin/agents/{agent.pk}/", {"share": "on"})
    agent.refresh_from_db()
    assert (agent.name, agent.share_enabled) == ("Helper", False)
    assert client.get("/admin/agents/new/").status_code == 403


def test_editor_creates_edits_and_shares(workspace: Workspace, editor: User, console: Console) -> None:
    model = make_chat_model(workspace, "http://127.0.0.1:1/v1")
    client = console(editor)
    response = client.post(
        "/admin/agents/new/",
        {"name": "New", "model": str(model.pk), "history_window": 6, "suggested_questions": "One?\n\nTwo?"},
    )
    agent = Agent.objects.get()
    assert response.url == f"/admin/agents/{agent.pk}/"
    assert agent.suggested_questions == ["One?", "Two?"]
    assert client.post(response.url, {"name": "", "history_window": 6}).status_code == 422
    client.post(response.url, {"name": "Renamed", "model": str(model.pk), "history_window": 6})
    client.post(response.url, {"share": "on"})
    agent.refresh_from_db()
    assert (agent.name, agent.share_enabled) == ("Renamed", True)
    assert agent.share_token in client.get(response.url).content.decode()


def test_conversation_list_filters_and_needs_few_queries_at_any_length(
    workspace: Workspace, agent: Agent, viewer: User, console: Console, django_assert_max_num_queries: Any
) -> None:
    liked = make_conversation(agent, viewer, title="Liked one", likes=1)
    add_turn(liked)
    now = timezone.now()
    Conversation.objects.bulk_create(
        Conversation(
            workspace=workspace, agent=agent, title=f"Old {i}", message_count=2, last_state="completed",
            last_message_at=now, source="api", external_user=f"customer {i}",
        )
        for i in range(300)
    )  # fmt: skip
    client = console(viewer)
    client.get("/admin/agents/conversation/")
    with django_assert_max_num_queries(14):
        assert client.get("/admin/agents/conversation/").status_code == 200
    page = client.get("/admin/agents/conversation/?feedback=up").content.decode()
    assert "Liked one" in page
    assert "Old 1" not in page
    assert "Liked one" not in client.get("/admin/agents/conversation/?state=failed").content.decode()
    assert "Old 299" in client.get("/admin/agents/conversation/?q=customer+299").content.decode()


def test_public_page_is_there_only_while_it_is_on(agent: Agent) -> None:
    client = Client(headers={"accept-language": "zh-CN,zh;q=0.9"})
    assert client.get("/share/nothing/").status_code == 404
    shared = enable_sharing(actor=SYSTEM, agent=agent)
    path = f"/share/{shared.share_token}/"
    response = client.get(path)
    assert response.status_code == 200
    assert 'lang="zh-hans"' in response.content.decode()
    assert COOKIE in response.cookies
    assert response.cookies[COOKIE]["httponly"]
    disable_sharing(actor=SYSTEM, agent=agent)
    assert client.get(path).status_code == 404
    assert enable_sharing(actor=SYSTEM, agent=agent).share_token != shared.share_token


def test_visitor_reaches_own_conversations_only(agent: Agent) -> None:
    shared = enable_sharing(actor=SYSTEM, agent=agent)
    own = make_conversation(agent, source="share", external_user="ann")
    answer = add_turn(own, trace_id="b" * 32)
    foreign = make_conversation(agent, source="share", external_user="bob")
    client = Client()
    client.cookies[COOKIE] = cookie_value("ann")
    base = f"/share/{shared.share_token}/conversations"
    messages = client.get(f"{base}/{own.pk}/").json()["messages"]
    assert "trace_id" not in messages[-1]
    assert client.get(f"{base}/{foreign.pk}/").status_code == 404
    judged = client.post(
        f"{base}/{own.pk}/feedback/", {"message": str(answer.pk), "value": 1}, content_type="application/json"
    )
    assert judged.json() == {"feedback": 1}
    for body in ("no json", "[]", '{"message": "x", "value": 1}', '{"value": 9}'):
        bad = client.post(f"{base}/{own.pk}/feedback/", body, content_type="application/json")
        assert 400 <= bad.status_code < 500
    assert client.delete(f"{base}/{foreign.pk}/").status_code == 404
    assert client.delete(f"{base}/{own.pk}/").status_code == 204
    assert visitor_actor("ann").is_system
