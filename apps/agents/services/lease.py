"""Answers whose process died: they get a true state, with what was said."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.agents.models import Conversation, Message, MessageState
from apps.agents.payloads import citation_payload
from apps.agents.runtime import Passage, cited
from apps.agents.services.outcome import Outcome, close_locked
from apps.core.models import StreamEvent

_BATCH: Final = 100


def lease_end() -> datetime:
    """Until when an answer counts as alive without another sign of its process."""
    return timezone.now() + timedelta(seconds=settings.ANSWER_LEASE_S)


def close_abandoned() -> int:
    """Mark running answers without a living process as interrupted; returns how many."""
    closed = 0
    ids = list(Message.objects.abandoned(timezone.now()).values_list("pk", flat=True)[:_BATCH])
    for pk in ids:
        closed += _close(pk)
    return closed


def close_abandoned_in(conversation: Conversation) -> None:
    """The same within one conversation, whose row the caller has locked."""
    for message in conversation.messages.abandoned(timezone.now()).select_for_update(of=("self",)):
        close_locked(message, said_so_far(message))


@transaction.atomic
def _close(pk: UUID) -> bool:
    message = (
        Message.objects.abandoned(timezone.now())
        .select_for_update(of=("self",), skip_locked=True)
        .filter(pk=pk)
        .first()
    )
    if message is None:
        return False
    outcome = said_so_far(message)
    close_locked(message, outcome)
    return True


def said_so_far(message: Message) -> Outcome:
    """What the ledger holds of an answer, as an outcome."""
    text: list[str] = []
    reasoning: list[str] = []
    passages: list[Passage] = []
    notices: list[str] = []
    events = StreamEvent.objects.filter(stream_id=message.pk).order_by("seq").values_list("type", "data")
    for kind, data in events:
        if kind == "text.delta":
            text.append(data["text"])
        elif kind == "reasoning.delta":
            reasoning.append(data["text"])
        elif kind == "retrieval.finished":
            passages = [_passage(hit) for hit in data["hits"]]
            notices = data["notices"]
    content = "".join(text)
    state = MessageState.STOPPED if message.stop_requested else MessageState.INTERRUPTED
    return Outcome(
        state=state,
        content=content,
        reasoning="".join(reasoning),
        citations=[citation_payload(c) for c in cited(content, passages)] if content else [],
        values={"notices": notices},
    )


def _passage(hit: dict[str, object]) -> Passage:
    return Passage(
        id=str(hit["chunk_id"]),
        text=str(hit["text"]),
        title=str(hit["document_name"]),
        document_id=str(hit["document_id"]),
        score=float(str(hit["score"])),
        position=int(str(hit["position"])),
    )
