"""Nodes of messages and conversations, on real ones."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync

from apps.agents.models import Conversation, MessageRole
from apps.agents.services.conversation import start_workflow_conversation
from apps.agents.services.message import add_message
from apps.core.actors import Actor
from apps.core.exceptions import NotAllowed
from apps.workflows.adapters.conversation import WorkflowConversations
from tests.factories.core import SYSTEM
from tests.workflows.nodes.harness import Bench, in_this_transaction

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _one_transaction(monkeypatch):
    monkeypatch.setattr("apps.workflows.adapters.conversation.in_thread", in_this_transaction)


RUN, WORKFLOW = uuid4(), uuid4()


def say(conversation: Conversation, *texts: str, key: str = "") -> list[str]:
    roles = (MessageRole.USER, MessageRole.ASSISTANT)
    return [
        str(add_message(actor=SYSTEM, conversation=conversation, role=roles[i % 2], content=text, key=key).pk)
        for i, text in enumerate(texts)
    ]


@pytest.fixture
def conversation(workspace, editor) -> Conversation:
    return start_workflow_conversation(
        actor=Actor.for_user(editor), workspace=workspace, workflow_id=WORKFLOW, workflow_name="Flow"
    )


@pytest.fixture
def node(workspace, editor, conversation):
    """Return `node(type)`: a bench of a run in `conversation`."""

    def make(name: str, *, current: bool = True, user_id: int | None = editor.pk) -> Bench:
        bench = Bench(name)
        bench.ctx.ports.conversation = WorkflowConversations(
            workspace=workspace, run_id=RUN, workflow_id=WORKFLOW, workflow_name="Flow", user_id=user_id,
            external_user="", conversation_id=conversation.pk if current else None,
        )  # fmt: skip
        return bench

    return make


def outputs(bench: Bench, **config: Any) -> dict[str, Any]:
    return async_to_sync(bench.outputs)(**config)


def fails(bench: Bench, code: str, **config: Any) -> Any:
    return async_to_sync(bench.fails)(code, **config)


def contents(found: dict[str, Any]) -> list[str]:
    return [message["content"] for message in found["messages"]]


def test_history_ends_before_the_run_and_begins_after_it_was_cleared(node, conversation):
    say(conversation, "a", "b", "c", "d")
    say(conversation, "the question of this run", key=f"{RUN}:question")
    port = node("message_list").ctx.ports.conversation
    assert [turn["content"] for turn in async_to_sync(port.history)(rounds=1)] == ["c", "d"]
    found = outputs(node("conversation_history"), rounds=5)
    assert (found["count"], found["text"]) == (4, "User: a\nAssistant: b\nUser: c\nAssistant: d")
    assert outputs(node("conversation_clear")) == {"is_success": True}
    assert async_to_sync(port.history)(rounds=5) == []
    say(conversation, "e", "f")
    assert [turn["content"] for turn in async_to_sync(port.history)(rounds=5)] == ["e", "f"]
    assert len(outputs(node("message_list"))["messages"]) == 7


def test_messages_page_by_page(node, conversation):
    ids = say(conversation, *"abcde")
    bench = node("message_list")
    page = outputs(bench, limit=2)
    assert (contents(page), page["has_more"], page["last_id"]) == (["e", "d"], True, ids[3])
    assert contents(outputs(bench, limit=2, before=page["last_id"])) == ["c", "b"]
    assert contents(outputs(bench, order="asc", after=ids[2])) == ["d", "e"]
    fails(bench, "no_message", before=str(uuid4()))


def test_messages_are_written_once_changed_and_deleted(node, conversation):
    bench = node("message_create")
    first = outputs(bench, role="user", content="Hello")
    assert outputs(bench, role="user", content="Hello") == first
    say(conversation, "x")
    assert conversation.messages.count() == 2
    changed = outputs(node("message_update"), message_id=first["message_id"], content="Bye")
    assert (changed["is_success"], changed["message"]["content"]) == (True, "Bye")
    assert outputs(node("message_delete"), message_id=first["message_id"]) == {"is_success": True}
    assert contents(outputs(node("message_list"))) == ["x"]
    for name, more in (("message_update", {"content": "y"}), ("message_delete", {})):
        for message_id in (first["message_id"], "none"):
            assert outputs(node(name), message_id=message_id, **more)["is_success"] is False
    bench.ctx.idempotency_key = "other"
    fails(bench, "invalid", content=" ")


def test_conversations_by_name(node, conversation):
    made = outputs(node("conversation_create"), name=" Second  one ")
    assert (made["is_existed"], made["conversation"]["name"]) == (False, "Second one")
    assert outputs(node("conversation_create"), name="Second one")["is_existed"] is True
    outputs(node("message_create"), conversation="Second one", content="Hi")
    assert outputs(node("conversation_list"))["count"] == 2
    outputs(node("conversation_update"), conversation="Second one", name="Renamed")
    assert contents(outputs(node("message_list"), conversation=made["conversation_id"])) == ["Hi"]
    fails(node("conversation_delete"), "conversation_in_use")
    fails(node("conversation_delete"), "conversation_in_use", conversation=str(conversation.pk))
    assert outputs(node("conversation_delete"), conversation="Renamed") == {"is_success": True}
    assert outputs(node("conversation_delete"), conversation="Renamed") == {"is_success": False}
    fails(node("message_list"), "no_conversation", conversation="Renamed")
    fails(node("conversation_create"), "no_name", name=" ")


def test_other_peoples_conversations_do_not_exist(node, conversation, viewer):
    say(conversation, "secret")
    bench = node("message_list", current=False, user_id=viewer.pk)
    fails(bench, "no_conversation")
    fails(bench, "no_conversation", conversation=str(conversation.pk))
    assert outputs(node("conversation_list", current=False, user_id=viewer.pk))["count"] == 0
    assert async_to_sync(bench.ctx.ports.conversation.history)(rounds=3) == []


def test_a_workflows_conversation_is_not_an_agents(conversation, viewer):
    assert conversation.counterpart == "Flow"
    with pytest.raises(NotAllowed):
        add_message(
            actor=Actor.for_user(viewer), conversation=conversation, role=MessageRole.USER, content="mine?"
        )
