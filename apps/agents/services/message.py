"""Messages that are written whole: what a workflow says and hears, and changes to what was said.

Answers of agents are streamed and have rules of their own, see `turn` and `outcome`.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.agents.branches import shown_path
from apps.agents.exceptions import AnswerRunningError
from apps.agents.models import Conversation, Message, MessageRole, MessageState
from apps.agents.services.conversation import require_participant
from apps.core import audit
from apps.core.actors import Actor
from apps.core.exceptions import Invalid, NotFound
from apps.core.streams import purge

MAX_CONTENT_CHARS = 400_000


@transaction.atomic
def add_message(
    *,
    actor: Actor,
    conversation: Conversation,
    role: MessageRole,
    content: str,
    key: str = "",
    **answer: Any,
) -> Message:
    """Append a complete message to the shown path; with a `key` that is there already, that message is returned.

    answer: further fields of an answer, such as citations, trace_id, tokens and cost. Raises AnswerRunningError.
    """
    locked = _lock(actor, conversation)
    if key:
        known = locked.messages.filter(key=key[:80]).first()
        if known is not None:
            return known
    path = shown_path(locked.messages.in_order())
    values = {"state": MessageState.COMPLETED, "finished_at": timezone.now(), **answer}
    message = Message.objects.create(
        workspace_id=locked.workspace_id,
        conversation=locked,
        parent=path[-1].message if path else None,
        role=role,
        content=_checked(content),
        key=key[:80],
        **values,
    )
    if not locked.title and role == MessageRole.USER:
        locked.title = _title(content)
    _recount(locked)
    return message


@transaction.atomic
def edit_message(*, actor: Actor, conversation: Conversation, message_id: UUID, content: str) -> Message:
    """Write another text in a message's place. Raises NotFound, AnswerRunningError."""
    locked = _lock(actor, conversation)
    message = _find(locked, message_id)
    before = {"content": message.content[:200]}
    message.content = _checked(content)
    message.save(update_fields=["content", "updated_at"])
    audit.record(
        actor=actor,
        action="agents.message.update",
        obj=message,
        before=before,
        after={"content": message.content[:200]},
    )
    return message


@transaction.atomic
def delete_message(*, actor: Actor, conversation: Conversation, message_id: UUID) -> None:
    """Take a message out; what follows it on the shown path moves up. Raises NotFound, AnswerRunningError."""
    locked = _lock(actor, conversation)
    message = _find(locked, message_id)
    audit.record(
        actor=actor, action="agents.message.delete", obj=message, before={"content": message.content[:200]}
    )
    if message.stream_kept:
        with connection.cursor() as cursor:
            purge(cursor, [message.pk])
    if message.active:
        follower = locked.messages.filter(parent=message, active=True).first()
        parent_id = message.parent_id
        # the place among the siblings must be free before the follower takes it
        locked.messages.filter(pk=message.pk).update(active=False)
        if follower is not None:
            locked.messages.filter(pk=follower.pk).update(parent_id=parent_id)
    message.delete()
    _recount(locked)


def _lock(actor: Actor, conversation: Conversation) -> Conversation:
    locked = (
        Conversation.objects.select_for_update(of=("self",))
        .select_related("agent")
        .filter(pk=conversation.pk)
        .first()
    )
    if locked is None:
        raise NotFound
    require_participant(actor, locked)
    if locked.messages.running().exists():
        raise AnswerRunningError(_("An answer is being written. Stop it, or wait until it is complete."))
    return locked


def _find(conversation: Conversation, message_id: UUID) -> Message:
    message = conversation.messages.filter(pk=message_id).first()
    if message is None:
        raise NotFound(_("There is no such message in this conversation."))
    return message


def _checked(content: str) -> str:
    content = content.replace("\x00", "")
    if not content.strip():
        raise Invalid(_("The message is empty."), errors={"content": [_("This is empty.")]})
    if len(content) > MAX_CONTENT_CHARS:
        raise Invalid(
            _("The message is longer than %(limit)d characters.") % {"limit": MAX_CONTENT_CHARS},
            errors={"content": [_("This is too long.")]},
        )
    return content


def _title(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"{line[:59].rstrip()}…"


def _recount(conversation: Conversation) -> None:
    last = conversation.messages.in_order().last()
    conversation.message_count = conversation.messages.count()
    conversation.last_message_at = last.created_at if last else conversation.last_message_at
    answer = conversation.messages.answers().in_order().last()
    conversation.last_state = answer.state if answer else ""
    conversation.save(update_fields=["title", "message_count", "last_message_at", "last_state", "updated_at"])
