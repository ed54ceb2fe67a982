"""What something did with the items of a dataset."""

from __future__ import annotations

import hashlib
import json
from typing import ClassVar
from uuid import UUID

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.annotations.models.dataset import Dataset
from apps.annotations.models.dataset_item import DatasetItem
from apps.annotations.models.fields import ExactJSONField
from apps.annotations.querysets import DatasetRunItemQuerySet, DatasetRunQuerySet
from apps.core.access import Access, Role
from apps.core.models import WorkspaceModel
from apps.tracing.models.fields import SpanIdField, TraceIdField


def run_code(workspace_id: UUID, dataset_id: UUID, name: str) -> str:
    """The id of a run as the clients of other systems derive it: 16 hexadecimal digits of SHA-256."""
    parts = ["langfuse-experiment-v1", str(workspace_id), str(dataset_id), name]
    text = json.dumps(parts, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


class DatasetRun(WorkspaceModel):
    """A variant of a program tried on a dataset. Outputs are in the traces, judgements are scores.

    `code` is the id that scores and spans name the run by; it follows from workspace, dataset and name, unless the
    client chose one itself.
    """

    access: ClassVar[Access] = Access(
        view=Role.VIEWER, add=Role.EDITOR, change=Role.EDITOR, delete=Role.EDITOR
    )

    dataset = models.ForeignKey(
        Dataset, verbose_name=_("dataset"), on_delete=models.CASCADE, related_name="runs"
    )
    name = models.CharField(_("name"), max_length=255)
    code = models.CharField(_("run id"), max_length=200, editable=False)
    description = models.TextField(_("description"), blank=True)
    metadata = ExactJSONField(_("metadata"), null=True, blank=True)

    objects = DatasetRunQuerySet.as_manager()

    class Meta:
        verbose_name = _("dataset run")
        verbose_name_plural = _("dataset runs")
        ordering = ("-created_at", "-id")
        constraints = [
            models.UniqueConstraint(fields=("dataset", "name"), name="annotations_run_name"),
            models.UniqueConstraint(fields=("workspace", "code"), name="annotations_run_code"),
        ]
        indexes = [models.Index(fields=("dataset", "-created_at", "-id"), name="annotations_run_latest")]

    def __str__(self) -> str:
        return self.name


class DatasetRunItem(WorkspaceModel):
    """One item tried in a run. `item` is the form it had then, `key` finds the same item in other runs.

    `observation_id` is the step whose output counts; without one it is the trace's.
    """

    access: ClassVar[Access] = Access(
        view=Role.VIEWER, add=Role.EDITOR, change=Role.EDITOR, delete=Role.EDITOR
    )

    run = models.ForeignKey(DatasetRun, verbose_name=_("run"), on_delete=models.CASCADE, related_name="items")
    item = models.ForeignKey(
        DatasetItem,
        verbose_name=_("dataset item"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    key = models.UUIDField(_("item"), editable=False)
    trace_id = TraceIdField(_("trace"))
    observation_id = SpanIdField(_("observation"), null=True)

    objects = DatasetRunItemQuerySet.as_manager()

    class Meta:
        verbose_name = _("item of a dataset run")
        verbose_name_plural = _("items of dataset runs")
        ordering = ("key", "id")
        constraints = [
            models.UniqueConstraint(fields=("run", "key", "trace_id"), name="annotations_runitem_once")
        ]
        indexes = [models.Index(fields=("workspace", "trace_id"), name="annotations_runitem_trace")]

    def __str__(self) -> str:
        return str(self.key)
