"""A frozen state of a dataset."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.annotations.models.dataset import Dataset
from apps.annotations.querysets import DatasetVersionQuerySet
from apps.core.access import Access, Role
from apps.core.models import WorkspaceModel


class DatasetVersion(WorkspaceModel):
    """The number a training file names. Its items are `DatasetItem.objects.at(number)`; it never changes."""

    access: ClassVar[Access] = Access(view=Role.VIEWER, add=Role.EDITOR, change=Role.OWNER, delete=Role.OWNER)

    dataset = models.ForeignKey(
        Dataset, verbose_name=_("dataset"), on_delete=models.CASCADE, related_name="versions"
    )
    number = models.PositiveIntegerField(_("number"))
    note = models.CharField(_("note"), max_length=200, blank=True)
    item_count = models.PositiveIntegerField(_("items"))
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("author"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )

    objects = DatasetVersionQuerySet.as_manager()

    class Meta:
        verbose_name = _("dataset version")
        verbose_name_plural = _("dataset versions")
        ordering = ("-number",)
        constraints = [
            models.UniqueConstraint(fields=("dataset", "number"), name="annotations_version_number"),
            models.CheckConstraint(condition=models.Q(number__gte=1), name="annotations_version_from_one"),
        ]

    def __str__(self) -> str:
        return f"v{self.number}"
