"""One example, in each form it has had."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.annotations.models.dataset import Dataset
from apps.annotations.querysets import DatasetItemQuerySet
from apps.core.access import Access, Role
from apps.core.ids import uuid7
from apps.core.models import WorkspaceModel


class DatasetItem(WorkspaceModel):
    """A row is one form of an example, `key` the example itself.

    A form belongs to the versions `since` … `until` (inclusive; no end while it is current). Changing or
    deleting an example that a frozen version contains ends its form and leaves the row as it was: that is why
    a frozen version costs nothing to make and can't change.
    """

    access: ClassVar[Access] = Access(
        view=Role.VIEWER, add=Role.EDITOR, change=Role.EDITOR, delete=Role.EDITOR
    )

    key = models.UUIDField(_("item"), default=uuid7, editable=False)
    dataset = models.ForeignKey(
        Dataset, verbose_name=_("dataset"), on_delete=models.CASCADE, related_name="items"
    )
    since = models.PositiveIntegerField(_("first version"), editable=False)
    until = models.PositiveIntegerField(_("last version"), null=True, editable=False)
    messages = models.JSONField(_("input"), default=list)
    tools = models.JSONField(_("tools"), default=list, blank=True)
    expected_output = models.TextField(_("expected output"), blank=True)
    rejected_output = models.TextField(_("rejected output"), blank=True)
    metadata = models.JSONField(_("metadata"), default=dict, blank=True)
    message = models.ForeignKey(
        "agents.Message",
        verbose_name=_("source answer"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="dataset_items",
    )
    trace_id = models.CharField(_("trace"), max_length=32, blank=True)
    annotator = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("annotator"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    annotation = models.ForeignKey(
        "annotations.Annotation",
        verbose_name=_("annotation"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="dataset_items",
    )

    objects = DatasetItemQuerySet.as_manager()

    class Meta:
        verbose_name = _("dataset item")
        verbose_name_plural = _("dataset items")
        ordering = ("key",)
        constraints = [
            models.UniqueConstraint(
                fields=("dataset", "key"), condition=Q(until__isnull=True), name="annotations_ditem_current"
            ),
            models.UniqueConstraint(
                fields=("dataset", "annotation"),
                condition=Q(until__isnull=True, annotation__isnull=False),
                name="annotations_ditem_once_per_annotation",
            ),
            models.CheckConstraint(
                condition=Q(since__gte=1) & (Q(until__isnull=True) | Q(until__gte=F("since"))),
                name="annotations_ditem_span",
            ),
        ]
        indexes = [models.Index(fields=("dataset", "key", "since"), name="annotations_ditem_order")]

    def __str__(self) -> str:
        return str(self.key)

    @property
    def question(self) -> str:
        """The last thing the person said, for lists."""
        said = [str(entry.get("content") or "") for entry in self.messages if entry.get("role") == "user"]
        return said[-1] if said else ""

    @property
    def turns(self) -> int:
        """How many messages the input has."""
        return len(self.messages)
