"""Asking, stopping, asking again."""

from __future__ import annotations

from uuid import UUID

from django.db import connection, transaction

from apps.agents.exceptions import AnswerFailedError
from apps.agents.models import Conversation, Message, MessageState
from apps.agents.services import turn
from apps.agents.services.answer_run import current_runs
from apps.agents.services.conversation import require_participant
from apps.agents.services.turn import RunInput
from apps.agents.threads import in_thread
from apps.core.actors import Actor
from apps.core.streams import command_now


async def ask(*, actor: Actor, conversation: Conversation, text: str, edited: UUID | None = None) -> Message:
    """Store a question and start its answer in this process; returns the answer, whose id is its stream's.

    edited: the question that this one replaces in the shown path (it stays as a branch). The answer is
    written to its end whether or not anybody listens. Raises QuestionInvalidError, AnswerRunningError,
    AgentNotReadyError.
    """
    return (await begin(actor=actor, conversation_id=conversation.pk, text=text, edited=edited)).answer


async def begin(*, actor: Actor, conversation_id: UUID, text: str, edited: UUID | None = None) -> RunInput:
    """The same, returning question and answer."""
    runs = current_runs()
    given = await in_thread(
        turn.begin_turn,
        actor=actor,
        conversation_id=conversation_id,
        text=text,
        lease_owner=runs.owner,
        edited=edited,
    )
    runs.start(given)
    return given


async def regenerate(*, actor: Actor, answer_id: UUID) -> RunInput:
    """Start another answer to the same question; the old one stays as a branch."""
    runs = current_runs()
    given = await in_thread(turn.begin_again, actor=actor, answer_id=answer_id, lease_owner=runs.owner)
    runs.start(given)
    return given


async def ask_and_wait(*, actor: Actor, conversation: Conversation, text: str) -> Message:
    """Ask and return the complete answer; raises AnswerFailedError when there is none."""
    answer = await ask(actor=actor, conversation=conversation, text=text)
    return await wait_for(answer)


async def wait_for(answer: Message) -> Message:
    """Return the answer as it ended, written by this process; raises AnswerFailedError."""
    await current_runs().wait(answer.pk)
    ended = await in_thread(Message.objects.select_related("conversation").get, pk=answer.pk)
    if ended.state in {MessageState.FAILED, MessageState.INTERRUPTED}:
        raise AnswerFailedError(ended.error, message_id=str(ended.pk))
    return ended


@transaction.atomic
def stop_answer(*, actor: Actor, message: Message) -> None:
    """Ask whichever process writes the answer to end it; nothing happens when it is complete already."""
    require_participant(actor, message.conversation)
    if Message.objects.running().filter(pk=message.pk).update(stop_requested=True):
        with connection.cursor() as cursor:
            command_now(cursor, message.pk, "stop")


async def stop(*, actor: Actor, message: Message) -> None:
    """The same from an event loop; an answer that this loop writes ends at once."""
    require_here = current_runs().get(message.pk)
    if require_here is not None:
        await in_thread(require_participant, actor, message.conversation)
        require_here.stop()
        return
    await in_thread(stop_answer, actor=actor, message=message)
