"""The database side of an answer: beginning a turn, and closing it exactly once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from apps.agents.branches import path_to, shown_path
from apps.agents.exceptions import AgentNotReadyError, AnswerRunningError, QuestionInvalidError
from apps.agents.models import Agent, Conversation, Message, MessageRole, MessageState, PromptVersion
from apps.agents.runtime import AgentSpec, Turn
from apps.agents.services.agent_prompt import instructions_of
from apps.agents.services.conversation import require_participant
from apps.agents.services.lease import close_abandoned_in, lease_end
from apps.core.actors import Actor
from apps.core.exceptions import NotFound
from apps.knowledge.models import KnowledgeBase
from apps.providers.models import Model

MAX_QUESTION_CHARS: Final = 16_000


@dataclass(frozen=True, slots=True)
class RunInput:
    """Everything a run needs; nothing more is read from the database while it runs."""

    question: Message
    answer: Message
    agent: Agent
    spec: AgentSpec
    history: Sequence[Turn]
    model: Model
    bases: Sequence[KnowledgeBase]
    language: str
    question_branches: Sequence[str]
    answer_branches: Sequence[str]
    prompt_version: PromptVersion | None = None


@transaction.atomic
def begin_turn(
    *, actor: Actor, conversation_id: UUID, text: str, lease_owner: str, edited: UUID | None = None
) -> RunInput:
    """Store a question and its unwritten answer at the end of the shown path.

    edited: a question of the conversation that the new one stands beside as another branch. Raises
    QuestionInvalidError, AnswerRunningError, AgentNotReadyError.
    """
    text = _checked_question(text)
    conversation = _lock(actor, conversation_id)
    agent = _ready_agent(conversation)
    messages = list(conversation.messages.in_order())
    if edited is None:
        path = [shown.message for shown in shown_path(messages)]
        parent = path[-1] if path else None
    else:
        old = _find(messages, edited, MessageRole.USER)
        parent = next((m for m in messages if m.pk == old.parent_id), None)
        path = path_to(messages, parent) if parent else []
        _hide_siblings(conversation, parent)
    question = _add(conversation, parent, MessageRole.USER, content=text)
    answer = _add_answer(conversation, question, lease_owner)
    if not conversation.title:
        conversation.title = _title(text)
    _touch(conversation, added=2)
    return _run_input(agent, messages, question, answer, path)


@transaction.atomic
def begin_again(*, actor: Actor, answer_id: UUID, lease_owner: str) -> RunInput:
    """Add an unwritten answer beside an existing one, which stays as a branch."""
    conversation_id = Message.objects.filter(pk=answer_id).values_list("conversation_id", flat=True).first()
    if conversation_id is None:
        raise NotFound
    conversation = _lock(actor, conversation_id)
    agent = _ready_agent(conversation)
    messages = list(conversation.messages.in_order())
    old = _find(messages, answer_id, MessageRole.ASSISTANT)
    question = next(m for m in messages if m.pk == old.parent_id)
    _hide_siblings(conversation, question)
    answer = _add_answer(conversation, question, lease_owner)
    _touch(conversation, added=1)
    return _run_input(agent, messages, question, answer, path_to(messages, question)[:-1])


@transaction.atomic
def show_branch(*, actor: Actor, message: Message) -> None:
    """Show a message instead of its siblings; what follows it comes back with it."""
    conversation = _lock(actor, message.conversation_id)
    siblings = conversation.messages.filter(parent_id=message.parent_id)
    siblings.filter(active=True).exclude(pk=message.pk).update(active=False)
    siblings.filter(pk=message.pk).update(active=True)


def _checked_question(text: str) -> str:
    text = text.replace("\x00", "").strip()
    if not text:
        raise QuestionInvalidError(_("Write a question first."))
    if len(text) > MAX_QUESTION_CHARS:
        raise QuestionInvalidError(
            _("The question is longer than %(limit)d characters.") % {"limit": MAX_QUESTION_CHARS}
        )
    return text


def _lock(actor: Actor, conversation_id: UUID) -> Conversation:
    """Lock the conversation: turns of one conversation begin one after another."""
    conversation = (
        Conversation.objects.select_for_update(of=("self",))
        .select_related("agent__model__provider", "agent__workspace", "agent__prompt")
        .filter(pk=conversation_id)
        .first()
    )
    if conversation is None:
        raise NotFound
    require_participant(actor, conversation)
    close_abandoned_in(conversation)
    if conversation.messages.running().exists():
        raise AnswerRunningError(_("An answer is being written. Stop it, or wait until it is complete."))
    return conversation


def _ready_agent(conversation: Conversation) -> Agent:
    agent = conversation.agent
    if agent is None:
        raise AgentNotReadyError(_("This conversation belongs to a workflow. Go on with it there."))
    if agent.model is None:
        raise AgentNotReadyError(_("This agent has no model. Choose one on the agent's page."))
    if not agent.model.enabled or not agent.model.provider.enabled:
        raise AgentNotReadyError(
            _("The model “%(model)s” is switched off. Switch it on, or choose another on the agent's page.")
            % {"model": agent.model}
        )
    return agent


def _find(messages: Sequence[Message], pk: UUID, role: MessageRole) -> Message:
    found = next((m for m in messages if m.pk == pk and m.role == role), None)
    if found is None:
        raise NotFound
    return found


def _hide_siblings(conversation: Conversation, parent: Message | None) -> None:
    conversation.messages.filter(parent=parent, active=True).update(active=False)


def _add(conversation: Conversation, parent: Message | None, role: MessageRole, **values: Any) -> Message:
    return Message.objects.create(
        workspace_id=conversation.workspace_id, conversation=conversation, parent=parent, role=role, **values
    )


def _add_answer(conversation: Conversation, question: Message, lease_owner: str) -> Message:
    return _add(
        conversation,
        question,
        MessageRole.ASSISTANT,
        state=MessageState.PENDING,
        lease_owner=lease_owner,
        lease_until=lease_end(),
        stream_kept=True,
    )


def _touch(conversation: Conversation, *, added: int) -> None:
    conversation.message_count += added
    conversation.last_message_at = timezone.now()
    conversation.last_state = MessageState.PENDING
    conversation.save(update_fields=["title", "message_count", "last_message_at", "last_state", "updated_at"])


def _title(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"{line[:59].rstrip()}…"


def _run_input(
    agent: Agent, messages: Sequence[Message], question: Message, answer: Message, before: Sequence[Message]
) -> RunInput:
    model = agent.model
    if model is None:
        raise AgentNotReadyError
    told = instructions_of(agent, question=question.content, variables=question.conversation.variables)
    spec = AgentSpec(
        name=agent.name,
        instructions=told.text,
        examples=told.examples,
        asked=told.asked,
        temperature=agent.temperature,
        max_tokens=agent.max_tokens,
        history_window=agent.history_window,
        context_window=model.context_window or 0,
    )
    return RunInput(
        question=question,
        answer=answer,
        agent=agent,
        spec=spec,
        history=[_turn(message) for message in before if message.content],
        model=model,
        bases=list(agent.knowledge_bases.select_related("workspace", "embedding_model__provider")),
        language=translation.get_language() or "en",
        question_branches=_branches(messages, question),
        answer_branches=_branches(messages, answer),
        prompt_version=told.version,
    )


def _branches(messages: Sequence[Message], message: Message) -> list[str]:
    earlier = [str(m.pk) for m in messages if m.parent_id == message.parent_id and m.pk != message.pk]
    return [*earlier, str(message.pk)]


def _turn(message: Message) -> Turn:
    return Turn("user" if message.role == MessageRole.USER else "assistant", message.content)
