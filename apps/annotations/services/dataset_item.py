"""Writing examples. Each write locks the dataset first, so that it falls clearly before or after a freeze."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from apps.annotations.exporters import Rejected
from apps.annotations.exporters.messages import parse_messages, parse_tools
from apps.annotations.models import Annotation, Dataset, DatasetItem
from apps.annotations.reasons import describe
from apps.core import audit
from apps.core.actors import Actor
from apps.core.exceptions import Invalid, NotFound
from apps.core.permissions import require

#: Fields that make up the content; changing one of them in a frozen item begins a new form.
CONTENT = ("messages", "tools", "expected_output", "rejected_output", "metadata")


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where an example comes from."""

    message_id: UUID | None = None
    trace_id: str = ""
    annotator_id: int | None = None
    annotation: Annotation | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """What an example says; messages in OpenAI's shape."""

    messages: Sequence[Mapping[str, Any]]
    expected_output: str = ""
    rejected_output: str = ""
    tools: Sequence[Mapping[str, Any]] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def check(self) -> None:
        """Raise `Invalid` when trainers couldn't read the messages or tools."""
        try:
            parse_messages(self.messages)
            parse_tools(self.tools)
        except Rejected as refusal:
            raise Invalid(describe(refusal.reason, refusal.detail)) from refusal

    def as_fields(self) -> dict[str, Any]:
        """Model field values."""
        return {
            "messages": [dict(message) for message in self.messages],
            "tools": [dict(tool) for tool in self.tools],
            "expected_output": self.expected_output,
            "rejected_output": self.rejected_output,
            "metadata": dict(self.metadata),
        }


@transaction.atomic
def add_item(
    *, actor: Actor, dataset: Dataset, content: Content, lineage: Lineage | None = None
) -> DatasetItem:
    """Add one example."""
    require(actor, "change", dataset)
    content.check()
    item = _insert(_lock(dataset), content, lineage or Lineage())
    audit.record(
        actor=actor, action="annotations.dataset_item.create", obj=item, after=audit.snapshot(item, CONTENT)
    )
    return item


@transaction.atomic
def update_item(*, actor: Actor, dataset: Dataset, key: UUID, content: Content) -> DatasetItem:
    """Replace the content of an example; the form that frozen versions hold stays."""
    require(actor, "change", dataset)
    content.check()
    locked = _lock(dataset)
    item = _current(locked, key)
    before = audit.snapshot(item, CONTENT)
    item = _rewrite(locked, item, content)
    audit.record(
        actor=actor,
        action="annotations.dataset_item.update",
        obj=item,
        before=before,
        after=audit.snapshot(item, CONTENT),
    )
    return item


@transaction.atomic
def delete_item(*, actor: Actor, dataset: Dataset, key: UUID) -> None:
    """Take an example out; frozen versions keep it."""
    require(actor, "change", dataset)
    locked = _lock(dataset)
    item = _current(locked, key)
    audit.record(
        actor=actor,
        action="annotations.dataset_item.delete",
        obj=item,
        before=audit.snapshot(item, CONTENT),
    )
    _end(locked, item)


def put_correction(*, dataset: Dataset, annotation: Annotation, content: Content, lineage: Lineage) -> None:
    """Make the dataset hold exactly one example of this annotation.

    Part of submitting an annotation, inside its transaction: the right to do so came from the editor who
    linked the dataset to the queue, so the annotator's role is not asked again. The content isn't checked: an
    odd conversation must not keep a person from submitting; the export names what it can't use.
    """
    locked = _lock(dataset)
    item = DatasetItem.objects.current().filter(dataset=locked, annotation=annotation).first()
    if item is None:
        _insert(locked, content, lineage)
    else:
        _rewrite(locked, item, content)


def drop_correction(*, dataset: Dataset, annotation: Annotation) -> None:
    """Take the example of this annotation out, when the annotator withdrew the correction."""
    locked = _lock(dataset)
    for item in DatasetItem.objects.current().filter(dataset=locked, annotation=annotation):
        _end(locked, item)


def _lock(dataset: Dataset) -> Dataset:
    return Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)


def _current(dataset: Dataset, key: UUID) -> DatasetItem:
    item = DatasetItem.objects.current().filter(dataset=dataset, key=key).first()
    if item is None:
        raise NotFound(_("The dataset has no such item."))
    return item


def _insert(dataset: Dataset, content: Content, lineage: Lineage) -> DatasetItem:
    return DatasetItem.objects.create(
        workspace_id=dataset.workspace_id,
        dataset=dataset,
        since=dataset.version + 1,
        message_id=lineage.message_id,
        trace_id=lineage.trace_id,
        annotator_id=lineage.annotator_id,
        annotation=lineage.annotation,
        **content.as_fields(),
    )


def _rewrite(dataset: Dataset, item: DatasetItem, content: Content) -> DatasetItem:
    """Change in place what no version holds; else end the old form and begin a new one."""
    fields = content.as_fields()
    if all(getattr(item, name) == value for name, value in fields.items()):
        return item
    if item.since > dataset.version:
        for name, value in fields.items():
            setattr(item, name, value)
        item.save(update_fields=[*fields, "updated_at"])
        return item
    _end(dataset, item)
    return DatasetItem.objects.create(
        workspace_id=item.workspace_id,
        dataset=dataset,
        key=item.key,
        since=dataset.version + 1,
        message_id=item.message_id,
        trace_id=item.trace_id,
        annotator_id=item.annotator_id,
        annotation_id=item.annotation_id,
        **fields,
    )


def _end(dataset: Dataset, item: DatasetItem) -> None:
    if item.since > dataset.version:
        item.delete()
        return
    item.until = dataset.version
    item.save(update_fields=["until", "updated_at"])
