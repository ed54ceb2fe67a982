"""A conversation as it led to one answer."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from apps.agents.branches import path_to
from apps.agents.models import Conversation, Message


def conversation_around(message_id: UUID, conversation: Conversation) -> list[Message]:
    """The branch that holds the answer, and what was said after it on the branch people see; one query."""
    rows = list(conversation.messages.in_order())
    judged = next(row for row in rows if row.pk == message_id)
    return [*path_to(rows, judged), *_after(rows, message_id)]


def _after(rows: list[Message], message_id: UUID) -> list[Message]:
    children = {row.parent_id: row for row in rows if row.active and row.parent_id is not None}
    following: list[Message] = []
    place = message_id
    while place in children:
        row = children[place]
        following.append(row)
        place = row.pk
    return following


def training_input(message: Message) -> list[dict[str, Any]]:
    """The input of an example: the agent's instructions and the turns before the answer.

    Turns without text (an answer that failed) say nothing and are left out.
    """
    conversation = (
        Conversation.objects.select_related("agent")
        .only("agent", "agent__instructions")
        .get(pk=message.conversation_id)
    )
    rows = Message.objects.filter(conversation=conversation)
    turns: list[dict[str, Any]] = []
    if conversation.agent is not None and conversation.agent.instructions.strip():
        turns.append({"role": "system", "content": conversation.agent.instructions})
    turns += [
        {"role": turn.role, "content": turn.content}
        for turn in path_to(rows, message)[:-1]
        if turn.content.strip()
    ]
    return turns
