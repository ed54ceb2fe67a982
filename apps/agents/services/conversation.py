"""Conversations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.agents.models import Agent, Conversation, Source
from apps.agents.services.agent_prompt import clean_variables
from apps.core import audit, permissions
from apps.core.actors import Actor
from apps.core.exceptions import Invalid, NotAllowed, NotFound
from apps.core.models import Workspace
from apps.core.streams import purge


def require_participant(actor: Actor, conversation: Conversation) -> None:
    """Raise unless the actor takes part: the conversation's person, or the product for a visitor."""
    if actor.user is None:
        return
    if conversation.user_id != actor.user.pk:
        if permissions.allows(actor.user, "view", conversation):
            raise NotAllowed(_("This is somebody else's conversation. Start one of your own."))
        raise NotFound
    if conversation.agent is not None:
        permissions.require(actor, "chat", conversation.agent)


@transaction.atomic
def start_conversation(
    *,
    actor: Actor,
    agent: Agent,
    source: Source = Source.CONSOLE,
    external_user: str = "",
    title: str = "",
    inputs: Mapping[str, Any] | None = None,
) -> Conversation:
    """Open an empty conversation. external_user: a visitor, or whom an API caller speaks for.

    inputs: values of the variables in the agent's prompt. Raises NotAllowed, Invalid.
    """
    permissions.require(actor, "chat", agent)
    conversation = Conversation.objects.create(
        workspace_id=agent.workspace_id,
        agent=agent,
        user=actor.user,
        external_user=external_user[:128],
        variables=clean_variables(inputs or {}),
        title=title[:200],
        source=source,
        last_message_at=timezone.now(),
    )
    audit.record(
        actor=actor,
        action="agents.conversation.create",
        obj=conversation,
        after={"agent": str(agent.pk), "source": str(source)},
    )
    return conversation


@transaction.atomic
def start_workflow_conversation(
    *,
    actor: Actor,
    workspace: Workspace,
    workflow_id: UUID,
    workflow_name: str,
    source: Source = Source.CONSOLE,
    external_user: str = "",
    title: str = "",
    user_id: int | None = None,
) -> Conversation:
    """Open an empty conversation with a workflow; the caller has checked that the actor may run it.

    user_id: whose it is when the product opens it for a person.
    """
    conversation = Conversation.objects.create(
        workspace=workspace,
        workflow_id=workflow_id,
        workflow_name=workflow_name[:120],
        user_id=actor.user.pk if actor.user is not None else user_id,
        external_user=external_user[:128],
        title=title.strip()[:200],
        source=source,
        last_message_at=timezone.now(),
    )
    audit.record(
        actor=actor,
        action="agents.conversation.create",
        obj=conversation,
        after={"workflow": str(workflow_id), "source": str(source)},
    )
    return conversation


@transaction.atomic
def keep_variables(*, conversation: Conversation, values: Mapping[str, Any]) -> None:
    """Write conversation variables of a workflow; the others keep their value. Called by the product itself."""
    locked = Conversation.objects.select_for_update(of=("self",)).get(pk=conversation.pk)
    locked.variables = {**locked.variables, **values}
    locked.save(update_fields=["variables", "updated_at"])


@transaction.atomic
def clear_history(*, actor: Actor, conversation: Conversation) -> Conversation:
    """From now on, what was said before no longer goes along; the messages stay."""
    _require_owner_or(actor, "change", conversation)
    conversation.cleared_at = timezone.now()
    conversation.save(update_fields=["cleared_at", "updated_at"])
    audit.record(actor=actor, action="agents.conversation.clear", obj=conversation)
    return conversation


@transaction.atomic
def rename_conversation(*, actor: Actor, conversation: Conversation, title: str) -> Conversation:
    """Give a conversation another title; its owner or an editor may."""
    _require_owner_or(actor, "change", conversation)
    title = title.strip()
    if not title:
        raise Invalid(_("Give the conversation a title."), errors={"title": [_("This is empty.")]})
    before = {"title": conversation.title}
    conversation.title = title[:200]
    conversation.save(update_fields=["title", "updated_at"])
    audit.record(
        actor=actor,
        action="agents.conversation.update",
        obj=conversation,
        before=before,
        after={"title": conversation.title},
    )
    return conversation


@transaction.atomic
def delete_conversation(*, actor: Actor, conversation: Conversation) -> None:
    """Delete a conversation, its messages and their streams; its owner or an editor may. Traces stay."""
    _require_owner_or(actor, "delete", conversation)
    audit.record(
        actor=actor,
        action="agents.conversation.delete",
        obj=conversation,
        before={"title": conversation.title, "messages": conversation.message_count},
    )
    streams = list(conversation.messages.filter(stream_kept=True).values_list("pk", flat=True))
    if streams:
        with connection.cursor() as cursor:
            purge(cursor, streams)
    conversation.delete()


def _require_owner_or(actor: Actor, action: str, conversation: Conversation) -> None:
    if actor.user is not None and conversation.user_id == actor.user.pk:
        if conversation.agent is not None:
            permissions.require(actor, "chat", conversation.agent)
        return
    permissions.require(actor, action, conversation)
