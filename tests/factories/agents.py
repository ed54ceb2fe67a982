"""Agents on the fake model server."""

from __future__ import annotations

from itertools import count
from typing import Any

from django.utils import timezone

from apps.agents.models import Agent, Conversation, Message, MessageRole, MessageState, Source
from apps.agents.services.agent import create_agent
from apps.core.models import User, Workspace
from apps.providers.models import Model, ModelSlot, Provider
from tests.factories.core import SYSTEM

_numbers = count(1)


def make_chat_model(workspace: Workspace, base_url: str, name: str = "echo") -> Model:
    """A chat model of the fake model server; its name says how it behaves."""
    provider, _created = Provider.objects.get_or_create(
        workspace=workspace,
        name="Fake chat",
        defaults={"base_url": base_url, "credentials": {"api_key": "sk-test"}},
    )
    model, _created = Model.objects.get_or_create(
        workspace=workspace,
        provider=provider,
        slot=ModelSlot.CHAT,
        name=name,
        defaults={"input_price": 1, "output_price": 2},
    )
    return model


def make_agent(workspace: Workspace, base_url: str = "", model: str = "echo", **fields: Any) -> Agent:
    """An agent; without `base_url` it has no model."""
    fields = {"name": f"Agent {next(_numbers)}", **fields}
    chosen = make_chat_model(workspace, base_url, model) if base_url else None
    return create_agent(actor=SYSTEM, workspace=workspace, model=chosen, **fields)


def make_conversation(agent: Agent, user: User | None = None, **fields: Any) -> Conversation:
    """An empty conversation."""
    return Conversation.objects.create(
        workspace=agent.workspace,
        agent=agent,
        user=user,
        last_message_at=timezone.now(),
        **{"source": Source.CONSOLE, **fields},
    )


def add_turn(conversation: Conversation, question: str = "q", reply: str = "a", **answer: Any) -> Message:
    """A finished turn at the end of the conversation; returns the answer."""
    last = conversation.messages.in_order().last()
    common = {"workspace": conversation.workspace, "conversation": conversation}
    asked = Message.objects.create(**common, parent=last, role=MessageRole.USER, content=question)
    values = {"state": MessageState.COMPLETED, "finished_at": timezone.now(), **answer}
    replied = Message.objects.create(
        **common, parent=asked, role=MessageRole.ASSISTANT, content=reply, **values
    )
    conversation.message_count += 2
    conversation.title = conversation.title or question
    conversation.last_state = replied.state
    conversation.save()
    return replied
