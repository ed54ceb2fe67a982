"""Chainable filters of this app's models."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.apps import apps
from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Cast, Coalesce

from apps.annotations.exporters import Example
from apps.annotations.exporters.reading import read_tools
from apps.core.querysets import WorkspaceQuerySet

if TYPE_CHECKING:
    from django.db.models import Model

    from apps.annotations.models import (  # noqa: F401  # named in strings below
        Annotation,
        AnnotationQueue,
        Dataset,
        DatasetItem,
        DatasetRun,
        DatasetRunItem,
        DatasetVersion,
        Export,
        QueueItem,
    )
    from apps.core.models import User

#: Rows fetched at a time while a file is written; a row is a few kilobytes.
EXPORT_CHUNK = 500
_EXAMPLE_FIELDS = ("shape", "messages", "tools", "expected_output", "rejected_output", "input", "expected")


def _count_by(rows: QuerySet[Model], key: str) -> Coalesce:
    """A correlated count: rows of a child table per outer row, without multiplying the outer rows."""
    counted = rows.filter(**{key: OuterRef("pk")}).order_by().values(key).annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted, output_field=IntegerField()), Value(0))


class AnnotationQueueQuerySet(WorkspaceQuerySet["AnnotationQueue"]):
    """Queues."""

    def with_progress(self) -> Self:
        """Annotate `total_count`, `done_count` and `skipped_count` of the items."""
        items = apps.get_model("annotations", "QueueItem")._default_manager.all()
        return self.annotate(
            total_count=_count_by(items, "queue"),
            done_count=_count_by(items.filter(state="done"), "queue"),
            skipped_count=_count_by(items.filter(state="skipped"), "queue"),
        )


class QueueItemQuerySet(WorkspaceQuerySet["QueueItem"]):
    """Items of queues."""

    def open(self) -> Self:
        """Items that still need somebody."""
        return self.filter(state__in=("pending", "assigned"))

    def in_pool(self, now: datetime) -> Self:
        """Items nobody holds: pending, or leased to somebody who went away."""
        return self.filter(Q(state="pending") | Q(state="assigned", lease_until__lt=now))

    def held_by(self, user: User, now: datetime) -> Self:
        """Items leased to `user` now."""
        return self.filter(state="assigned", assignee=user, lease_until__gte=now)

    def not_judged_by(self, user: User) -> Self:
        """Items `user` has said nothing about yet (several people may judge one item)."""
        return self.exclude(annotations__annotator=user)


class AnnotationQuerySet(WorkspaceQuerySet["Annotation"]):
    """Annotations."""


class DatasetQuerySet(WorkspaceQuerySet["Dataset"]):
    """Datasets."""

    def with_counts(self) -> Self:
        """Annotate `item_count`, the number of current items."""
        items = apps.get_model("annotations", "DatasetItem")._default_manager.filter(until__isnull=True)
        return self.annotate(item_count=_count_by(items, "dataset"))


class DatasetItemQuerySet(WorkspaceQuerySet["DatasetItem"]):
    """Forms of examples."""

    def current(self) -> Self:
        """The items as they are now."""
        return self.filter(until__isnull=True)

    def at(self, version: int) -> Self:
        """The items of a frozen version."""
        return self.filter(Q(until__isnull=True) | Q(until__gte=version), since__lte=version)

    def changed_since(self, version: int) -> Self:
        """Forms that make the present differ from `version`: begun after it, or ended with it."""
        return self.filter(Q(since__gt=version, until__isnull=True) | Q(until=version))

    def matching(self, text: str) -> Self:
        """Items whose input or outputs contain `text`, case ignored."""
        return self.alias(input_text=Cast("messages", TextField())).filter(
            Q(input_text__icontains=text)
            | Q(input__icontains=text)
            | Q(expected__icontains=text)
            | Q(expected_output__icontains=text)
            | Q(rejected_output__icontains=text)
        )

    def active(self) -> Self:
        """Items that are not archived: what is tested with and learnt from."""
        return self.filter(archived=False)

    def examples(self) -> Iterator[Example]:
        """What exporters take, in order, through a server-side cursor; archived items are left out."""
        for row in self._example_rows().iterator(chunk_size=EXPORT_CHUNK):
            yield _example(row)

    async def examples_async(self) -> AsyncIterator[Example]:
        """The same without blocking the event loop."""
        async for row in self._example_rows().aiterator(chunk_size=EXPORT_CHUNK):
            yield _example(row)

    def _example_rows(self) -> Self:
        return self.active().order_by("key").only("key", *_EXAMPLE_FIELDS)


def _example(row: DatasetItem) -> Example:
    return Example(
        id=str(row.key),
        messages=row.chat,
        expected=row.answer,
        rejected=row.rejected_output,
        tools=read_tools(row.input) if row.is_json else row.tools,
    )


class DatasetVersionQuerySet(WorkspaceQuerySet["DatasetVersion"]):
    """Frozen versions."""


class DatasetRunQuerySet(WorkspaceQuerySet["DatasetRun"]):
    """Runs over datasets."""


class DatasetRunItemQuerySet(WorkspaceQuerySet["DatasetRunItem"]):
    """Items of runs."""


class ExportQuerySet(WorkspaceQuerySet["Export"]):
    """Exports."""
