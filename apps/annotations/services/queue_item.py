"""Filling queues, and handing their items out one by one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connection, transaction
from django.db.models import Max, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.agents.models import Conversation, Message
from apps.annotations.exceptions import ItemClosed, ItemTaken
from apps.annotations.filters import ItemFilter
from apps.annotations.models import AnnotationQueue, ItemState, QueueItem
from apps.annotations.progress import publish_progress
from apps.annotations.subjects import answers_of
from apps.core import audit
from apps.core.actors import Actor
from apps.core.exceptions import NotAllowed, NotFound
from apps.core.models import User
from apps.core.permissions import require
from apps.tracing.selection import Selected

#: How long an item stays with an annotator who shows no sign of life; the desk sends one every 45 s.
LEASE = timedelta(minutes=3)

# One statement, however many rows: the answers found by the inner query become items behind the last one, in
# the order they were given; answers that are in the queue already are passed over. The id is a UUID of
# version 7 made in the database: milliseconds, then the random part of a version 4 id with its version digit
# raised.
_INSERT = """
INSERT INTO annotations_queueitem (
    id, workspace_id, created_at, updated_at, queue_id, conversation_id, message_id, trace_id, observation_id,
    state, position, annotation_count, skip_reason
)
SELECT
    encode(
        substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
        || set_byte(
            substring(uuid_send(gen_random_uuid()) FROM 7), 0,
            (get_byte(uuid_send(gen_random_uuid()), 6) & 15) | 112
        ),
        'hex'
    )::uuid,
    %s, statement_timestamp(), statement_timestamp(), %s, found.conversation_id, found.id, '', '',
    'pending', %s + row_number() OVER (ORDER BY found.created_at, found.id), 0, ''
FROM ({answers}) AS found
ON CONFLICT (queue_id, message_id) DO NOTHING
"""


def add_messages(*, actor: Actor, queue: AnnotationQueue, messages: Collection[UUID]) -> int:
    """Put single answers into the queue; returns how many were new. Raises `NotFound` for what is none."""
    answers = _answers_of(actor, queue).filter(pk__in=messages)
    if answers.count() < len(set(messages)):
        raise NotFound(_("At least one of the answers doesn't exist, or is not an answer."))
    return _add(actor=actor, queue=queue, answers=answers)


def add_conversations(*, actor: Actor, queue: AnnotationQueue, conversations: Collection[UUID]) -> int:
    """Put every answer of whole conversations into the queue; returns how many were new."""
    found = Conversation.objects.filter(workspace=queue.workspace_id, pk__in=conversations)
    if actor.user is not None:
        found = found.visible_to(actor.user)
    if found.count() < len(set(conversations)):
        raise NotFound(_("At least one of the conversations doesn't exist."))
    answers = _answers_of(actor, queue).filter(conversation__in=found, active=True).exclude(content="")
    return _add(actor=actor, queue=queue, answers=answers)


@transaction.atomic
def add_traces(*, actor: Actor, queue: AnnotationQueue, rows: Sequence[Selected]) -> int:
    """Put traces, or steps of them, into the queue, with one audit entry; returns how many were new."""
    added = put_traces(actor=actor, queue=queue, rows=rows)
    _tell(actor, queue, added)
    return added


@transaction.atomic
def put_traces(*, actor: Actor, queue: AnnotationQueue, rows: Sequence[Selected]) -> int:
    """The same as a part of something larger, which writes the audit entry.

    A trace that an agent's answer left is that answer with its conversation; no subject is in a queue twice.
    """
    require(actor, "change", queue)
    answers = answers_of(rows)
    added = 0
    if answers:
        ids = [message.pk for message in answers.values()]
        added = _insert(queue, Message.objects.filter(pk__in=ids))
    keys = dict.fromkeys((row.trace.trace_id, row.observation_id) for row in rows)
    others = [key for key in keys if key not in answers]
    known = set(
        QueueItem.objects.filter(
            queue=queue, trace_id__in={trace_id for trace_id, _span in others}
        ).values_list("trace_id", "observation_id")
    )
    last = _last_position(queue)
    fresh = [
        QueueItem(
            workspace_id=queue.workspace_id,
            queue=queue,
            trace_id=trace_id,
            observation_id=observation_id,
            position=last + number,
        )
        for number, (trace_id, observation_id) in enumerate(
            (key for key in others if key not in known), start=1
        )
    ]
    # somebody may be adding the same at this moment
    QueueItem.objects.bulk_create(fresh, ignore_conflicts=True)
    if added or fresh:
        publish_progress(queue)
    return added + len(fresh)


@transaction.atomic
def add_matching(*, actor: Actor, queue: AnnotationQueue, rule: ItemFilter) -> int:
    """Put every answer that matches `rule` into the queue, keep the rule; returns how many were new."""
    require(actor, "change", queue)
    queue.filter = rule.model_dump(mode="json", exclude_defaults=True)
    queue.save(update_fields=["filter", "updated_at"])
    return _add(actor=actor, queue=queue, answers=rule.messages(queue.workspace, actor.user))


@transaction.atomic
def next_item(*, actor: Actor, queue: AnnotationQueue, passing: Collection[UUID] = ()) -> QueueItem | None:
    """Lease the next item to the actor; None when nothing is left for them.

    An item they hold already comes first, so that a reloaded page goes on where it was; `passing` names items
    the page has, so that the one after can be fetched ahead. Rows that others are taking at this moment are
    skipped, not waited for: no two people ever get the same item.
    """
    require(actor, "annotate", queue)
    user = _person(actor)
    now = timezone.now()
    items = QueueItem.objects.filter(queue=queue).exclude(pk__in=passing).order_by("position", "id")
    item = items.held_by(user, now).select_for_update(skip_locked=True).first()
    if item is None:
        pool = items.in_pool(now).not_judged_by(user)
        item = pool.select_for_update(skip_locked=True, of=("self",)).first()
    if item is None:
        return None
    item.state, item.assignee, item.lease_until = ItemState.ASSIGNED, user, now + LEASE
    item.save(update_fields=["state", "assignee", "lease_until", "updated_at"])
    return item


def keep(*, actor: Actor, queue: AnnotationQueue, items: Sequence[UUID]) -> list[UUID]:
    """Renew the actor's leases; returns the ids of those that still are theirs."""
    require(actor, "annotate", queue)
    held = QueueItem.objects.filter(
        queue=queue, pk__in=items, state=ItemState.ASSIGNED, assignee=_person(actor)
    )
    held.update(lease_until=timezone.now() + LEASE)
    return list(held.values_list("pk", flat=True))


def release(*, actor: Actor, queue: AnnotationQueue, items: Sequence[UUID]) -> int:
    """Give leased items back to the pool; returns how many."""
    require(actor, "annotate", queue)
    return QueueItem.objects.filter(
        queue=queue, pk__in=items, state=ItemState.ASSIGNED, assignee=_person(actor)
    ).update(state=ItemState.PENDING, assignee=None, lease_until=None)


@transaction.atomic
def skip(*, actor: Actor, item: QueueItem, reason: str = "") -> QueueItem:
    """Take an item out of the round: it can't be judged. An editor may reopen it."""
    require(actor, "annotate", item.queue)
    locked = lock_for(actor, item)
    if locked.state == ItemState.DONE:
        raise ItemClosed(_("This item is done; reopen it first."))
    _set_state(locked, ItemState.SKIPPED, skip_reason=reason.strip()[:500])
    audit.record(
        actor=actor,
        action="annotations.queue_item.skip",
        obj=locked,
        after={"skip_reason": locked.skip_reason},
    )
    publish_progress(locked.queue)
    return locked


@transaction.atomic
def reopen(*, actor: Actor, item: QueueItem) -> QueueItem:
    """Put a skipped or finished item back into the pool; its annotations stay and can be edited.

    Whoever may change the queue may do it; so may an annotator with an item they skipped just now by mistake.
    """
    require(actor, "annotate", item.queue)
    locked = QueueItem.objects.select_for_update(of=("self",)).select_related("queue").get(pk=item.pk)
    if locked.state == ItemState.DONE:
        require(actor, "change", locked.queue)
    if locked.state in {ItemState.DONE, ItemState.SKIPPED}:
        _set_state(locked, ItemState.PENDING, skip_reason="")
        audit.record(actor=actor, action="annotations.queue_item.reopen", obj=locked)
        publish_progress(locked.queue)
    return locked


@transaction.atomic
def remove_item(*, actor: Actor, item: QueueItem) -> None:
    """Take an item out of its queue, with its annotations."""
    require(actor, "delete", item)
    audit.record(actor=actor, action="annotations.queue_item.delete", obj=item, before=audit.snapshot(item))
    queue = item.queue
    item.delete()
    publish_progress(queue)


def lock_for(actor: Actor, item: QueueItem) -> QueueItem:
    """Lock an item for the actor's judgement; raises `ItemTaken` while somebody else holds it."""
    locked = QueueItem.objects.select_for_update(of=("self",)).select_related("queue").get(pk=item.pk)
    held = locked.state == ItemState.ASSIGNED and locked.lease_until and locked.lease_until > timezone.now()
    if held and locked.assignee_id != (actor.user.pk if actor.user else None):
        raise ItemTaken(_("Somebody else took this item over after your time ran out."))
    return locked


def _set_state(item: QueueItem, state: ItemState, *, skip_reason: str) -> None:
    item.state, item.assignee, item.lease_until = state, None, None
    item.skip_reason = skip_reason
    item.save(update_fields=["state", "assignee", "lease_until", "skip_reason", "updated_at"])


def _answers_of(actor: Actor, queue: AnnotationQueue) -> QuerySet[Message]:
    answers = Message.objects.filter(workspace=queue.workspace_id, role="assistant")
    return answers if actor.user is None else answers.visible_to(actor.user)


@transaction.atomic
def _add(*, actor: Actor, queue: AnnotationQueue, answers: QuerySet[Message]) -> int:
    require(actor, "change", queue)
    added = _insert(queue, answers)
    _tell(actor, queue, added)
    return added


def _insert(queue: AnnotationQueue, answers: QuerySet[Message]) -> int:
    try:
        query, arguments = answers.values("id", "conversation_id", "created_at").query.sql_with_params()
    except EmptyResultSet:
        return 0  # an empty list of ids: there is no SQL for nothing
    with connection.cursor() as cursor:
        statement = _INSERT.replace("{answers}", query)
        cursor.execute(statement, [queue.workspace_id, queue.pk, _last_position(queue), *arguments])
        return int(cursor.rowcount)


def _last_position(queue: AnnotationQueue) -> int:
    return QueueItem.objects.filter(queue=queue).aggregate(last=Max("position"))["last"] or 0


def _tell(actor: Actor, queue: AnnotationQueue, added: int) -> None:
    if added:
        audit.record(
            actor=actor, action="annotations.annotation_queue.add_items", obj=queue, after={"items": added}
        )
        publish_progress(queue)


def _person(actor: Actor) -> User:
    if actor.user is None:
        raise NotAllowed(_("Only a person can judge an item."))
    return actor.user
