"""Visitors of public pages: who they are, and how fast they may ask."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _

from apps.agents.exceptions import TooManyQuestionsError
from apps.agents.models import Agent, Conversation, Message, MessageRole, Source
from apps.agents.services.conversation import start_conversation
from apps.core.actors import Actor
from apps.core.exceptions import NotFound

QUESTIONS_PER_MINUTE: Final = 12
AGENT_QUESTIONS_PER_MINUTE: Final = 240


def visitor_actor(visitor: str) -> Actor:
    """The product acting for a visitor."""
    return Actor.system(f"visitor {visitor[:12]}")


def open_conversation(*, agent: Agent, visitor: str, conversation_id: UUID | None) -> Conversation:
    """The visitor's conversation with this id, or a new one; raises NotFound and TooManyQuestionsError."""
    check_rate(agent=agent, visitor=visitor)
    if conversation_id is None:
        return start_conversation(
            actor=visitor_actor(visitor), agent=agent, source=Source.SHARE, external_user=visitor
        )
    conversation = Conversation.objects.of_visitor(agent.pk, visitor).filter(pk=conversation_id).first()
    if conversation is None:
        raise NotFound
    return conversation


def check_rate(*, agent: Agent, visitor: str) -> None:
    """Raise TooManyQuestionsError when the visitor, or all visitors of the agent, ask too fast."""
    since = timezone.now() - timedelta(minutes=1)
    asked = Message.objects.filter(
        workspace_id=agent.workspace_id,
        role=MessageRole.USER,
        created_at__gt=since,
        conversation__agent=agent,
        conversation__source=Source.SHARE,
    )
    if (
        asked.filter(conversation__external_user=visitor).count() >= QUESTIONS_PER_MINUTE
        or asked.count() >= AGENT_QUESTIONS_PER_MINUTE
    ):
        raise TooManyQuestionsError(_("You are asking very fast. Wait a minute, then go on."), retry_after=60)
