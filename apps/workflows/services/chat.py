"""What a chatflow leaves in its conversation: question, answer and variables, each written once per run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from apps.agents.models import Conversation, MessageRole, MessageState, Source
from apps.agents.services.conversation import keep_variables, start_workflow_conversation
from apps.agents.services.message import add_message
from apps.core.actors import Actor
from apps.core.exceptions import NotFound
from apps.workflows.models import Workflow

_ACTOR = Actor.system("workflows")
_STATES = {"failed": MessageState.FAILED, "stopped": MessageState.STOPPED}


@dataclass(frozen=True, slots=True)
class Turn:
    """A run's place in its conversation. dialogue_count counts the person's messages, this one included."""

    variables: dict[str, Any] = field(default_factory=dict)
    dialogue_count: int = 0


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a run said."""

    text: str
    state: str
    trace_id: str
    usage: Mapping[str, Any]
    ms: int
    error: str = ""


def conversation_for(
    *, actor: Actor, workflow: Workflow, conversation_id: UUID | None, external_user: str, query: str
) -> Conversation:
    """The conversation that a run belongs to: one of this workflow and person, or a new one. Raises NotFound."""
    if conversation_id is None:
        return start_workflow_conversation(
            actor=actor,
            workspace=workflow.workspace,
            workflow_id=workflow.pk,
            workflow_name=workflow.name,
            source=Source.API,
            external_user=external_user,
            title=query[:60],
        )
    found = (
        Conversation.objects.in_workspace(workflow.workspace)
        .of_workflow(workflow.pk)
        .filter(pk=conversation_id, user=actor.user, external_user=external_user)
        .first()
    )
    if found is None:
        raise NotFound
    return found


def begin_turn(run_id: UUID, conversation_id: UUID, query: str) -> Turn:
    """Write the question down; returns what the conversation keeps. Raises NotFound when it was deleted."""
    conversation = Conversation.objects.filter(pk=conversation_id).first()
    if conversation is None:
        raise NotFound("The conversation has been deleted.")
    if query.strip():
        add_message(
            actor=_ACTOR,
            conversation=conversation,
            role=MessageRole.USER,
            content=query,
            key=f"{run_id}:question",
        )
    asked = conversation.messages.filter(role=MessageRole.USER, active=True).count()
    return Turn(dict(conversation.variables), asked)


def end_turn(run_id: UUID, conversation_id: UUID, variables: Mapping[str, Any], spoken: Spoken) -> None:
    """Write down what was said and what the conversation keeps; nothing when it was deleted meanwhile."""
    conversation = Conversation.objects.filter(pk=conversation_id).first()
    if conversation is None:
        return
    if variables:
        keep_variables(conversation=conversation, values=variables)
    if not spoken.text.strip():
        return
    add_message(
        actor=_ACTOR,
        conversation=conversation,
        role=MessageRole.ASSISTANT,
        content=spoken.text,
        key=f"{run_id}:answer",
        state=_STATES.get(spoken.state, MessageState.COMPLETED),
        error=spoken.error,
        trace_id=spoken.trace_id,
        input_tokens=spoken.usage.get("input_tokens", 0),
        output_tokens=spoken.usage.get("output_tokens", 0),
        cost=spoken.usage.get("cost") or None,
        latency_ms=spoken.ms,
    )
