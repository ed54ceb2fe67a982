"""Which values the fields of observations had, week by week; written by `writer.known` alone."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.access import Access
from apps.core.models import Workspace
from apps.tracing.querysets import KnownValueQuerySet


class Knowledge(models.IntegerChoices):
    """What a row says of its field and key."""

    VALUE = 0, _("Had this value")
    MORE_VALUES = 1, _("Had more values than are noted")
    MORE_KEYS = 2, _("Had more keys than are noted")


class KnownValue(models.Model):
    """A value that a field had in some observation of a week; those of JSON fields by the way to them (`key`).

    Where neither a value nor that there were more is noted, no observation of the week has it. `week` is its Monday.
    """

    access: ClassVar[Access] = Access()

    pk = models.CompositePrimaryKey("workspace_id", "field", "key", "week", "kind", "value")
    workspace = models.ForeignKey(
        Workspace, models.CASCADE, related_name="+", db_constraint=False, db_index=False, editable=False
    )
    week = models.DateField(_("week"))
    field = models.TextField(_("field"))
    key = models.TextField(_("key"))
    kind = models.SmallIntegerField(_("kind"), choices=Knowledge.choices)
    value = models.TextField(_("value"))

    objects = KnownValueQuerySet.as_manager()

    class Meta:
        verbose_name = _("known value")
        verbose_name_plural = _("known values")
        indexes = [
            models.Index(
                fields=["workspace", "week"],
                condition=models.Q(kind__gt=Knowledge.VALUE),
                name="tracing_knownvalue_more",
            )
        ]

    def __str__(self) -> str:
        return f"{self.field} {self.key} {self.value}"
