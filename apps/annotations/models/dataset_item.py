"""One example, in each form it has had."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.annotations.exporters.reading import read_messages, read_text
from apps.annotations.models.dataset import Dataset
from apps.annotations.models.fields import ExactJSONField
from apps.annotations.querysets import DatasetItemQuerySet
from apps.core.access import Access, Role
from apps.core.ids import uuid7
from apps.core.json import JSONField
from apps.core.models import WorkspaceModel


class ItemShape(models.TextChoices):
    """How an example is kept."""

    CHAT = "chat", _("Conversation")
    JSON = "json", _("JSON")


class DatasetItem(WorkspaceModel):
    """A row is one form of an example, `key` the example itself.

    A form belongs to the versions `since` … `until` (inclusive; no end while it is current). Changing or
    deleting an example that a frozen version contains ends its form and leaves the row as it was: that is why
    a frozen version costs nothing to make and can't change.

    There are two shapes. A conversation has `messages`, `tools`, `expected_output` and `rejected_output`, checked when
    they are written. Free JSON has `input` and `expected`, any values, given back exactly as they came; exporters and
    pages read them as messages and text (`exporters.reading`). The fields of the other shape are empty.
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
    #: What a client of another system calls the item, when it chose that itself.
    client_id = models.CharField(_("client's id"), max_length=255, blank=True, editable=False)
    shape = models.CharField(_("shape"), max_length=4, choices=ItemShape.choices, default=ItemShape.CHAT)
    archived = models.BooleanField(_("archived"), default=False)
    input = ExactJSONField(_("input (JSON)"), null=True, blank=True)
    expected = ExactJSONField(_("expected output (JSON)"), null=True, blank=True)
    messages = JSONField(_("input"), default=list, blank=True)
    tools = JSONField(_("tools"), default=list, blank=True)
    expected_output = models.TextField(_("expected output"), blank=True)
    rejected_output = models.TextField(_("rejected output"), blank=True)
    metadata = JSONField(_("metadata"), null=True, default=dict, blank=True)
    message = models.ForeignKey(
        "agents.Message",
        verbose_name=_("source answer"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="dataset_items",
    )
    trace_id = models.CharField(_("trace"), max_length=32, blank=True)
    observation_id = models.CharField(_("observation"), max_length=16, blank=True)
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
            models.UniqueConstraint(
                fields=("workspace", "client_id"),
                condition=Q(until__isnull=True) & ~Q(client_id=""),
                name="annotations_ditem_client",
            ),
            models.CheckConstraint(
                condition=Q(since__gte=1) & (Q(until__isnull=True) | Q(until__gte=F("since"))),
                name="annotations_ditem_span",
            ),
        ]
        indexes = [
            models.Index(fields=("dataset", "key", "since"), name="annotations_ditem_order"),
            models.Index(fields=("workspace", "key"), name="annotations_ditem_key"),
        ]

    def __str__(self) -> str:
        return str(self.key)

    @property
    def is_json(self) -> bool:
        """Whether it is kept as free JSON."""
        return self.shape == ItemShape.JSON

    @property
    def chat(self) -> list[dict[str, Any]]:
        """The input as messages, whatever the shape."""
        return read_messages(self.input) if self.is_json else self.messages

    @property
    def answer(self) -> str:
        """The expected output as text, whatever the shape."""
        return read_text(self.expected) if self.is_json else self.expected_output

    @property
    def question(self) -> str:
        """The last thing the person said, for lists."""
        said = [read_text(entry.get("content")) for entry in self.chat if entry.get("role") == "user"]
        return said[-1] if said else ""

    @property
    def turns(self) -> int:
        """How many messages the input has."""
        return len(self.chat)
