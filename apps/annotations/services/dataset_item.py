"""Writing examples. Each write locks the dataset first, so that it falls clearly before or after a freeze."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.annotations.exceptions import ItemIdTaken
from apps.annotations.exporters import Rejected
from apps.annotations.exporters.messages import parse_messages, parse_tools
from apps.annotations.models import Annotation, Dataset, DatasetItem, ItemShape
from apps.annotations.querysets import DatasetItemQuerySet
from apps.annotations.reasons import describe
from apps.annotations.schemas import check_value
from apps.core import audit
from apps.core.actors import Actor
from apps.core.exceptions import Invalid, NotFound, TooLarge
from apps.core.ids import is_uuid
from apps.core.permissions import require

#: Fields of an example that is a conversation, as clients give them.
CHAT: Final = ("messages", "tools", "expected_output", "rejected_output", "metadata", "archived")
#: Fields that only conversations have, and those that only free JSON has.
CHAT_ONLY: Final = frozenset({"messages", "tools", "expected_output", "rejected_output"})
FREE: Final = frozenset({"input", "expected"})
#: Fields that make up the content; changing one of them in a frozen item begins a new form.
CONTENT: Final = ("shape", "input", "expected", *CHAT)
#: Bytes of an input, expected output or metadata as JSON text.
MAX_JSON: Final = 5_000_000


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where an example comes from."""

    message_id: UUID | None = None
    trace_id: str = ""
    observation_id: str = ""
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
    archived: bool = False

    def check(self, _dataset: Dataset) -> None:
        """Raise `Invalid` when trainers couldn't read the messages or tools."""
        if not isinstance(self.metadata, Mapping):
            raise Invalid(_("The metadata of a conversation is a JSON object."))
        try:
            parse_messages(self.messages)
            parse_tools(self.tools)
        except Rejected as refusal:
            raise Invalid(describe(refusal.reason, refusal.detail)) from refusal

    def as_fields(self) -> dict[str, Any]:
        """Model field values."""
        return {
            "shape": ItemShape.CHAT,
            "input": None,
            "expected": None,
            "messages": [dict(message) for message in self.messages],
            "tools": [dict(tool) for tool in self.tools],
            "expected_output": self.expected_output,
            "rejected_output": self.rejected_output,
            "metadata": dict(self.metadata),
            "archived": self.archived,
        }


@dataclass(frozen=True, slots=True)
class FreeContent:
    """An example of any JSON: what goes in, what should come out, what else is known. None is none."""

    input: Any = None
    expected: Any = None
    metadata: Any = None
    archived: bool = False

    def check(self, dataset: Dataset) -> None:
        """Raise `Invalid` when a value doesn't meet the dataset's schemas, `TooLarge` when it is too long."""
        for name in ("input", "expected", "metadata"):
            if len(json.dumps(getattr(self, name))) > MAX_JSON:
                limit = MAX_JSON // 1_000_000
                raise TooLarge(_("An input or output has at most %(limit)d MB.") % {"limit": limit})
        if "\\u0000" in json.dumps(self.metadata):
            raise Invalid(_("Null characters can't be kept in metadata."))
        check_value(self.input, dataset.input_schema, "input")
        check_value(self.expected, dataset.expected_schema, "expected output")

    def as_fields(self) -> dict[str, Any]:
        """Model field values."""
        return {
            "shape": ItemShape.JSON,
            "input": self.input,
            "expected": self.expected,
            "messages": [],
            "tools": [],
            "expected_output": "",
            "rejected_output": "",
            "metadata": self.metadata,
            "archived": self.archived,
        }


AnyContent = Content | FreeContent


def content_of(item: DatasetItem) -> AnyContent:
    """What an item says now, to be changed in parts."""
    if item.is_json:
        return FreeContent(item.input, item.expected, item.metadata, item.archived)
    return Content(**{name: getattr(item, name) for name in CHAT})


def find_item(*, dataset: Dataset, reference: str) -> DatasetItem | None:
    """The present form of the item that a client or we call `reference`."""
    return named(reference).filter(dataset=dataset).first()


def named(reference: str) -> DatasetItemQuerySet:
    """Present forms of items that a client or we call so, of any dataset."""
    found = Q(client_id=reference)
    if is_uuid(reference):
        found |= Q(key=reference)
    return DatasetItem.objects.current().filter(found) if reference else DatasetItem.objects.none()


@transaction.atomic
def add_item(
    *,
    actor: Actor,
    dataset: Dataset,
    content: AnyContent,
    lineage: Lineage | None = None,
    client_id: str = "",
) -> DatasetItem:
    """Add one example; `client_id` is what the client calls it, unique in the workspace."""
    require(actor, "change", dataset)
    content.check(dataset)
    locked = _lock(dataset)
    if (
        client_id
        and DatasetItem.objects.current()
        .filter(workspace_id=dataset.workspace_id, client_id=client_id)
        .exists()
    ):
        raise ItemIdTaken
    item = _insert(locked, content, lineage or Lineage(), client_id)
    audit.record(actor=actor, action="annotations.dataset_item.create", obj=item, after=_snapshot(item))
    return item


@transaction.atomic
def update_item(*, actor: Actor, dataset: Dataset, key: UUID, content: AnyContent) -> DatasetItem:
    """Replace the content of an example; the form that frozen versions hold stays."""
    require(actor, "change", dataset)
    content.check(dataset)
    locked = _lock(dataset)
    item = _current(locked, key)
    before = _snapshot(item)
    item = _rewrite(locked, item, content)
    audit.record(
        actor=actor,
        action="annotations.dataset_item.update",
        obj=item,
        before=before,
        after=_snapshot(item),
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
        before=_snapshot(item),
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


def _snapshot(item: DatasetItem) -> dict[str, Any]:
    """For the audit log, whose JSON can't hold everything that free JSON can: values as text."""
    shown = audit.snapshot(item, CONTENT)
    for name in ("input", "expected"):
        shown[name] = None if shown[name] is None else json.dumps(shown[name], ensure_ascii=True)
    return shown


def _lock(dataset: Dataset) -> Dataset:
    """The dataset for a change of its items, which it remembers the time of."""
    locked = Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)
    locked.items_changed_at = timezone.now()
    locked.save(update_fields=["items_changed_at"])
    return locked


def _current(dataset: Dataset, key: UUID) -> DatasetItem:
    item = DatasetItem.objects.current().filter(dataset=dataset, key=key).first()
    if item is None:
        raise NotFound(_("The dataset has no such item."))
    return item


def _insert(dataset: Dataset, content: AnyContent, lineage: Lineage, client_id: str = "") -> DatasetItem:
    return DatasetItem.objects.create(
        workspace_id=dataset.workspace_id,
        dataset=dataset,
        since=dataset.version + 1,
        client_id=client_id,
        message_id=lineage.message_id,
        trace_id=lineage.trace_id,
        observation_id=lineage.observation_id,
        annotator_id=lineage.annotator_id,
        annotation=lineage.annotation,
        **content.as_fields(),
    )


def _rewrite(dataset: Dataset, item: DatasetItem, content: AnyContent) -> DatasetItem:
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
        client_id=item.client_id,
        message_id=item.message_id,
        trace_id=item.trace_id,
        observation_id=item.observation_id,
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
