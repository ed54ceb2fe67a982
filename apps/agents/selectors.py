"""Reads of agents that pages, websockets and the API share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Count, Max, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from apps.agents.branches import shown_path
from apps.agents.models import (
    Agent,
    Conversation,
    Message,
    MessageState,
    Prompt,
    PromptLabel,
    PromptVersion,
)
from apps.agents.models.prompt import DEFAULT_LABEL, NEWEST
from apps.agents.payloads import shown_payload
from apps.core.exceptions import NotFound
from apps.core.models import User, Workspace

SIDEBAR_LIMIT = 60


def agent_cards(workspace: Workspace, user: User) -> models.QuerySet[Agent]:
    """Agents of the list page, each with `conversation_total` and `last_used`."""
    conversations = Conversation.objects.filter(agent=OuterRef("pk")).order_by().values("agent")
    total = conversations.annotate(n=Count("pk")).values("n")
    last = conversations.annotate(at=Max("last_message_at")).values("at")
    return (
        Agent.objects.in_workspace(workspace)
        .visible_to(user)
        .select_related("model")
        .prefetch_related("knowledge_bases")
        .annotate(conversation_total=Coalesce(Subquery(total), 0), last_used=Subquery(last))
        .order_by("name")
    )


def get_agent(workspace: Workspace, user: User, pk: UUID, action: str = "view") -> Agent:
    """One agent the person may do `action` on; raises NotFound."""
    agents = (
        Agent.objects.in_workspace(workspace).visible_to(user, action).select_related("model", "workspace")
    )
    agent = agents.filter(pk=pk).first()
    if agent is None:
        raise NotFound
    return agent


def shared_agent(token: str) -> Agent:
    """The agent behind a public address; raises NotFound when it is switched off or was never one."""
    agent = Agent.objects.shared(token).select_related("workspace").first()
    if agent is None:
        raise NotFound
    return agent


def own_conversations(user: User, agent: Agent, before: datetime | None = None) -> list[Conversation]:
    """A person's conversations with an agent, newest first, one page."""
    found = Conversation.objects.of_person(user).filter(agent=agent).started().newest_first()
    if before is not None:
        found = found.filter(last_message_at__lt=before)
    return list(found[:SIDEBAR_LIMIT])


def visitor_conversations(agent: Agent, visitor: str) -> list[Conversation]:
    """A visitor's conversations with a shared agent, newest first, one page."""
    return list(Conversation.objects.of_visitor(agent.pk, visitor).started().newest_first()[:SIDEBAR_LIMIT])


def own_conversation(user: User, pk: UUID) -> Conversation:
    """A conversation in which the person may speak; raises NotFound."""
    found = (
        Conversation.objects.visible_to(user).of_person(user).select_related("agent").filter(pk=pk).first()
    )
    if found is None:
        raise NotFound
    return found


def visitor_conversation(agent: Agent, visitor: str, pk: UUID) -> Conversation:
    """A visitor's conversation with a shared agent; raises NotFound."""
    found = Conversation.objects.of_visitor(agent.pk, visitor).filter(pk=pk).first()
    if found is None:
        raise NotFound
    return found


def shown_messages(conversation: Conversation) -> list[dict[str, Any]]:
    """The messages a conversation shows, as payloads, in order."""
    return shown_payload(shown_path(conversation.messages.in_order()))


def running_answer(conversation: Conversation) -> UUID | None:
    """The id of the answer being written."""
    return conversation.messages.running().values_list("pk", flat=True).first()


def message_of(conversation: Conversation, pk: UUID) -> Message:
    """A message of the conversation; raises NotFound."""
    found = conversation.messages.filter(pk=pk).select_related("conversation__agent").first()
    if found is None:
        raise NotFound
    return found


@dataclass(frozen=True, slots=True)
class Today:
    """Figures of the last 24 hours, and answers per hour, oldest first."""

    conversations: int
    answers: int
    failed: int
    series: list[float]


def today(workspace: Workspace) -> Today:
    """What happened in a workspace's conversations."""
    now = timezone.now()
    since = now - timedelta(hours=24)
    conversations = Conversation.objects.in_workspace(workspace).filter(last_message_at__gt=since).started()
    answers = Message.objects.in_workspace(workspace).answers().filter(created_at__gt=since)
    hours = dict(
        answers.annotate(hour=models.functions.TruncHour("created_at"))
        .values("hour")
        .annotate(n=Count("pk"))
        .values_list("hour", "n")
    )
    first = since.replace(minute=0, second=0, microsecond=0)
    failed = Q(state__in=(MessageState.FAILED, MessageState.INTERRUPTED))
    return Today(
        conversations=conversations.count(),
        answers=sum(hours.values()),
        failed=answers.filter(failed).count(),
        series=[float(hours.get(first + timedelta(hours=i), 0)) for i in range(25)],
    )


def find_prompt_version(
    *,
    user: User | AnonymousUser,
    workspace: Workspace,
    name: str,
    version: int | None = None,
    label: str = "",
) -> PromptVersion | None:
    """The version that number or label name, by default the one in production; with its prompt, in one query."""
    versions = PromptVersion.objects.in_workspace(workspace).visible_to(user).filter(prompt__name=name)
    pointed = versions.pointed_at(version=version, label=label or DEFAULT_LABEL)
    return pointed.select_related("prompt").first()


def labels_of(version: PromptVersion) -> list[str]:
    """The labels that point at a version; the newest one is `latest` by itself."""
    names = list(PromptLabel.objects.filter(version=version).values_list("name", flat=True))
    return [*names, NEWEST] if version.number == version.prompt.newest else names


def prompt_cards(workspace: Workspace, user: User | AnonymousUser) -> models.QuerySet[Prompt]:
    """Prompts of the list page by name, with their labels."""
    return Prompt.objects.in_workspace(workspace).visible_to(user).with_labels().order_by("name")
