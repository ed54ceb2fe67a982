"""The rules a named score follows in a workspace."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.access import Access, Role
from apps.core.json import JSONField
from apps.core.models import WorkspaceModel
from apps.tracing.querysets import ScoreConfigQuerySet


class ScoreDataType(models.TextChoices):
    """What a score's value is."""

    NUMERIC = "numeric", _("Number")
    CATEGORICAL = "categorical", _("Category")
    BOOLEAN = "boolean", _("Yes or no")
    TEXT = "text", _("Text")


class ScoreConfig(WorkspaceModel):
    """Type, range and categories that scores of this name are held to."""

    access: ClassVar[Access] = Access(add=Role.EDITOR)

    name = models.CharField(_("name"), max_length=100)
    data_type = models.CharField(_("type"), max_length=12, choices=ScoreDataType.choices)
    description = models.TextField(_("description"), blank=True, default="")
    min_value = models.FloatField(_("lowest value"), null=True, blank=True)
    max_value = models.FloatField(_("highest value"), null=True, blank=True)
    categories = JSONField(_("categories"), default=list, blank=True, help_text=_("A list of names."))
    archived = models.BooleanField(_("archived"), default=False)

    objects = ScoreConfigQuerySet.as_manager()

    class Meta:
        verbose_name = _("score definition")
        verbose_name_plural = _("score definitions")
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="tracing_scoreconfig_name")]

    def __str__(self) -> str:
        return self.name
