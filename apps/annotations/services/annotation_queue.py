"""Writing queues."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from apps.annotations.exceptions import NameTaken
from apps.annotations.labels import clean_labels
from apps.annotations.models import AnnotationQueue, Dataset
from apps.core import audit
from apps.core.actors import Actor
from apps.core.exceptions import Invalid
from apps.core.models import Workspace
from apps.core.permissions import require, require_in


@transaction.atomic
def create_queue(
    *,
    actor: Actor,
    workspace: Workspace,
    name: str,
    instructions: str = "",
    labels: Sequence[Any] = (),
    annotators_per_item: int = 1,
    dataset: Dataset | None = None,
) -> AnnotationQueue:
    """Make an empty queue. Whoever links a dataset must be allowed to change it: annotators then fill it."""
    require_in(actor, "add", AnnotationQueue, workspace)
    queue = AnnotationQueue(
        workspace=workspace,
        name=name.strip(),
        instructions=instructions,
        labels=clean_labels(labels),
        annotators_per_item=annotators_per_item,
    )
    _link_dataset(actor, queue, dataset)
    _save(queue)
    audit.record(
        actor=actor, action="annotations.annotation_queue.create", obj=queue, after=audit.snapshot(queue)
    )
    return queue


@transaction.atomic
def update_queue(*, actor: Actor, queue: AnnotationQueue, **changes: Any) -> AnnotationQueue:
    """Change any of name, instructions, labels, annotators_per_item, dataset."""
    require(actor, "change", queue)
    before = audit.snapshot(AnnotationQueue.objects.select_for_update().get(pk=queue.pk))
    if "labels" in changes:
        changes["labels"] = clean_labels(changes["labels"])
    if "dataset" in changes:
        dataset = changes.pop("dataset")
        if (dataset.pk if dataset else None) != before["dataset"]:
            _link_dataset(actor, queue, dataset)
    for name in ("name", "instructions", "labels", "annotators_per_item"):
        if name in changes:
            setattr(queue, name, changes[name])
    _save(queue)
    audit.record(
        actor=actor,
        action="annotations.annotation_queue.update",
        obj=queue,
        before=before,
        after=audit.snapshot(queue),
    )
    return queue


@transaction.atomic
def delete_queue(*, actor: Actor, queue: AnnotationQueue) -> None:
    """Delete the queue with its items and annotations; scores and dataset items stay."""
    require(actor, "delete", queue)
    audit.record(
        actor=actor, action="annotations.annotation_queue.delete", obj=queue, before=audit.snapshot(queue)
    )
    queue.delete()


def _link_dataset(actor: Actor, queue: AnnotationQueue, dataset: Dataset | None) -> None:
    if dataset is not None:
        require(actor, "change", dataset)
        if dataset.workspace_id != queue.workspace_id:
            raise Invalid(_("The dataset belongs to another workspace."))
    queue.dataset = dataset


def _save(queue: AnnotationQueue) -> None:
    if not queue.name:
        raise Invalid(_("The queue needs a name."))
    if not 1 <= queue.annotators_per_item <= 9:
        raise Invalid(_("Between one and nine people can judge an item."))
    try:
        with transaction.atomic():
            queue.save()
    except IntegrityError as error:
        if "annotations_queue_name" in str(error):
            raise NameTaken(_("There is a queue named “%(name)s” already.") % {"name": queue.name}) from error
        raise
