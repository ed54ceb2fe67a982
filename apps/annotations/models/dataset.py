"""A collection of examples to learn from or to test with."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.annotations.models.fields import ExactJSONField
from apps.annotations.querysets import DatasetQuerySet
from apps.core.access import Access, Role
from apps.core.models import WorkspaceModel


class Dataset(WorkspaceModel):
    """Examples with a history. `version` is the number of the newest frozen version, 0 before the first.

    Names may hold slashes, which other systems read as folders. The two schemas are JSON Schema that items given as
    free JSON are held to.
    """

    access: ClassVar[Access] = Access(
        view=Role.VIEWER,
        add=Role.EDITOR,
        change=Role.EDITOR,
        delete=Role.EDITOR,
        extra={"export": Role.EDITOR},
    )

    name = models.CharField(_("name"), max_length=255)
    description = models.TextField(_("description"), blank=True)
    metadata = ExactJSONField(_("metadata"), null=True, blank=True)
    input_schema = ExactJSONField(_("schema of inputs"), null=True, blank=True)
    expected_schema = ExactJSONField(_("schema of expected outputs"), null=True, blank=True)
    version = models.PositiveIntegerField(_("version"), default=0, editable=False)
    items_changed_at = models.DateTimeField(_("items changed"), default=timezone.now, editable=False)

    objects = DatasetQuerySet.as_manager()

    class Meta:
        verbose_name = _("dataset")
        verbose_name_plural = _("datasets")
        ordering = ("-created_at", "-id")
        permissions = [("export_dataset", "Can export a dataset")]
        constraints = [models.UniqueConstraint(fields=("workspace", "name"), name="annotations_dataset_name")]

    def __str__(self) -> str:
        return self.name
