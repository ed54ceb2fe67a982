"""Reads that join several models."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q

from apps.agents.models import Conversation, Message
from apps.annotations.exceptions import SubjectGone
from apps.annotations.exporters import Report, write_lines
from apps.annotations.exporters.base import Exporter
from apps.annotations.models import (
    Annotation,
    AnnotationQueue,
    Dataset,
    DatasetItem,
    DatasetVersion,
    QueueItem,
)
from apps.annotations.subjects import exchange_of
from apps.annotations.trace_content import Reading, read
from apps.annotations.transcripts import conversation_around
from apps.core.ids import is_uuid
from apps.core.models import User
from apps.tracing.exchanges import Exchange


@dataclass(frozen=True, slots=True)
class DeskItem:
    """Everything the desk shows about one item: an answer in its conversation, or a trace or step with what it read.

    Of `conversation` and `exchange` one is set; neither is when the trace is no longer stored.
    """

    item: QueueItem
    mine: Annotation | None
    conversation: Conversation | None = None
    messages: Sequence[Message] = ()
    exchange: Exchange | None = None
    reading: Reading | None = None


def desk_item(item: QueueItem, user: User) -> DeskItem:
    """The item with what it asks about, and what `user` said about it already."""
    mine = Annotation.objects.filter(item=item, annotator=user).first()
    if item.conversation_id is not None and item.message_id is not None:
        conversation = Conversation.objects.select_related("agent").get(pk=item.conversation_id)
        messages = conversation_around(item.message_id, conversation)
        return DeskItem(item, mine, conversation=conversation, messages=messages)
    try:
        exchange = exchange_of(item)
    except SubjectGone:
        return DeskItem(item, mine)
    return DeskItem(item, mine, exchange=exchange, reading=read(exchange))


def recent_items(queue: AnnotationQueue, user: User, limit: int = 50) -> list[QueueItem]:
    """The items `user` judged in this queue, newest last: what "previous" walks through."""
    annotations = (
        Annotation.objects.filter(annotator=user, item__queue=queue)
        .select_related("item")
        .order_by("-updated_at", "-id")[:limit]
    )
    return [annotation.item for annotation in annotations][::-1]


def annotations_of_trace(workspace_id: UUID, trace_id: str, user: User) -> Iterable[Annotation]:
    """What people said about a trace, its steps, or the answer it belongs to."""
    return (
        Annotation.objects.visible_to(user)
        .filter(Q(item__message__trace_id=trace_id) | Q(item__trace_id=trace_id), workspace=workspace_id)
        .select_related("annotator", "item__queue")
        .order_by("created_at")
    )


@dataclass(frozen=True, slots=True)
class DatasetPage:
    """One page of a dataset's items. `version` None is the present state; `after` of the next page or ""."""

    items: list[DatasetItem]
    next_after: str
    version: int | None
    versions: list[DatasetVersion]
    current_count: int
    changed: bool


def dataset_page(
    dataset: Dataset,
    *,
    version: int | None,
    after: str = "",
    first: str = "",
    search: str = "",
    size: int = 25,
) -> DatasetPage:
    """Items in the order they were added, by keyset: after one, or beginning with one.

    An unknown version shows the present state.
    """
    versions = list(DatasetVersion.objects.filter(dataset=dataset).order_by("-number")[:100])
    known = {entry.number for entry in versions}
    shown = version if version in known else None
    everything = DatasetItem.objects.filter(dataset=dataset)
    items = everything.current() if shown is None else everything.at(shown)
    if search:
        items = items.matching(search)
    if is_uuid(after):
        items = items.filter(key__gt=after)
    elif is_uuid(first):
        items = items.filter(key__gte=first)
    rows = list(items.select_related("annotator", "message").order_by("key")[: size + 1])
    return DatasetPage(
        items=rows[:size],
        next_after=str(rows[size - 1].key) if len(rows) > size else "",
        version=shown,
        versions=versions,
        current_count=everything.current().count(),
        changed=everything.changed_since(dataset.version).exists(),
    )


def check_rows(dataset: Dataset, exporter: Exporter, version: int | None) -> Report:
    """What an export would contain: counts, and the reasons of rows left out; nothing is written."""
    items = DatasetItem.objects.filter(dataset=dataset)
    items = items.current() if version is None else items.at(version)
    report = Report()
    for _line in write_lines(exporter, items.examples(), report):
        pass
    return report


def may_watch_queue(user: User, queue_id: str) -> bool:
    """Who may listen to a queue's progress."""
    return is_uuid(queue_id) and AnnotationQueue.objects.visible_to(user).filter(pk=queue_id).exists()
