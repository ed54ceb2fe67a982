"""Thumbs on answers, kept on the message and as a score on its trace."""

from __future__ import annotations

from typing import Final

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from apps.agents.models import Conversation, Message, MessageRole
from apps.agents.services.conversation import require_participant
from apps.core import hooks
from apps.core.actors import Actor
from apps.core.exceptions import Conflict
from apps.tracing.models import Score
from apps.tracing.services.score import delete_score, record_score

SCORE_NAME: Final = "user_feedback"
MAX_REASON_CHARS: Final = 2_000


@transaction.atomic
def give_feedback(*, actor: Actor, message: Message, value: int | None, comment: str = "") -> Message:
    """Set an answer's thumb: 1 up, 0 down, None takes it back. Only participants may."""
    conversation = (
        Conversation.objects.select_for_update(of=("self",))
        .select_related("agent")
        .get(pk=message.conversation_id)
    )
    require_participant(actor, conversation)
    message = Message.objects.select_for_update(of=("self",)).get(pk=message.pk)
    if message.role != MessageRole.ASSISTANT or not message.is_final:
        raise Conflict(_("Only a finished answer can be judged."))
    _count(conversation, message.feedback, value)
    message.feedback = value
    message.feedback_comment = "" if value is None else comment.strip()[:MAX_REASON_CHARS]
    message.save(update_fields=["feedback", "feedback_comment", "updated_at"])
    if message.trace_id:
        _score(actor, conversation, message)
    if value is not None:
        _tell(conversation, message)
    return message


def _tell(conversation: Conversation, message: Message) -> None:
    """Let workflows be started by it."""
    hooks.tell(
        hooks.Happening(
            name="feedback_given",
            workspace=conversation.workspace,
            key=f"{message.pk}:{message.updated_at.isoformat()}",
            data={
                "message_id": str(message.pk),
                "conversation_id": str(conversation.pk),
                "agent_id": str(conversation.agent_id or ""),
                "value": message.feedback,
                "comment": message.feedback_comment,
            },
        )
    )


def _count(conversation: Conversation, old: int | None, new: int | None) -> None:
    Conversation.objects.filter(pk=conversation.pk).update(
        likes=F("likes") + int(new == 1) - int(old == 1),
        dislikes=F("dislikes") + int(new == 0) - int(old == 0),
    )


def _score(actor: Actor, conversation: Conversation, message: Message) -> None:
    author_ref = conversation.external_user or str(conversation.user_id or "")
    if message.feedback is None:
        given = Score.objects.in_workspace(conversation.workspace).filter(
            trace_id=message.trace_id, name=SCORE_NAME, source="user", author_ref=author_ref
        )
        for score in given:
            delete_score(actor=actor, score=score)
        return
    record_score(
        actor=actor,
        workspace=conversation.workspace,
        trace_id=message.trace_id,
        name=SCORE_NAME,
        data_type="boolean",
        value=float(message.feedback),
        comment=message.feedback_comment,
        source="user",
        session_id=str(conversation.pk),
        author_ref=author_ref,
    )
