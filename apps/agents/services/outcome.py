"""How an answer ends: written once, together with its stream's last event."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from apps.agents.models import Conversation, Message, MessageState
from apps.agents.payloads import message_payload
from apps.core.streams import append_now

_TERMINAL: Final = {
    MessageState.COMPLETED: "run.completed",
    MessageState.STOPPED: "run.stopped",
    MessageState.FAILED: "run.failed",
    MessageState.INTERRUPTED: "run.interrupted",
}


@dataclass(slots=True)
class Outcome:
    """How an answer ended; the fields are those of `Message`."""

    state: MessageState
    content: str = ""
    reasoning: str = ""
    error: str = ""
    error_code: str = ""
    citations: list[dict[str, Any]] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)


def mark_streaming(message_id: UUID, lease_owner: str, trace_id: str) -> None:
    """Say that the answer is under way, and under which trace."""
    Message.objects.filter(pk=message_id, lease_owner=lease_owner, state=MessageState.PENDING).update(
        state=MessageState.STREAMING, trace_id=trace_id
    )


@transaction.atomic
def close_answer(message_id: UUID, lease_owner: str, outcome: Outcome) -> Message | None:
    """Write an answer's end and its stream's last event in one transaction; None when it is closed already.

    The stream's earlier events have to be committed. Whoever lost the lease (another process took the
    message for dead) changes nothing.
    """
    message = (
        Message.objects.running()
        .select_for_update(of=("self",))
        .filter(pk=message_id, lease_owner=lease_owner)
        .first()
    )
    return None if message is None else close_locked(message, outcome)


def close_locked(message: Message, outcome: Outcome) -> Message:
    """The same for a message whose row the caller has locked."""
    for name, value in {
        "state": outcome.state,
        "content": outcome.content,
        "reasoning": outcome.reasoning,
        "error": outcome.error,
        "error_code": outcome.error_code,
        "citations": outcome.citations,
        "finished_at": timezone.now(),
        "lease_until": None,
        "lease_owner": "",
        **outcome.values,
    }.items():
        setattr(message, name, value)
    message.save()
    Conversation.objects.filter(pk=message.conversation_id).update(
        last_state=outcome.state, last_message_at=message.finished_at
    )
    siblings = Message.objects.filter(conversation_id=message.conversation_id, parent_id=message.parent_id)
    payload = message_payload(message, [str(pk) for pk in siblings.in_order().values_list("pk", flat=True)])
    with connection.cursor() as cursor:
        append_now(cursor, message.pk, _TERMINAL[outcome.state], {"message": payload})
    return message
