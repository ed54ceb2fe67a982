"""One chart, number or table of a dashboard."""

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.access import Access
from apps.core.json import JSONField
from apps.core.models import WorkspaceModel
from apps.tracing.models.dashboard import Dashboard
from apps.tracing.querysets import WidgetQuerySet

#: Columns of a dashboard's grid.
COLUMNS = 12
MAX_HEIGHT = 4


class MetricView(models.TextChoices):
    """What is counted."""

    TRACES = "traces", _("Traces")
    OBSERVATIONS = "observations", _("Steps")
    SCORES = "scores", _("Scores")


class Chart(models.TextChoices):
    """How a widget is drawn."""

    LINE = "line", _("Lines over time")
    STACKED = "stacked", _("Stacked bars over time")
    BAR = "bar", _("Bars by value")
    NUMBER = "number", _("Number")
    TABLE = "table", _("Table")
    HISTOGRAM = "histogram", _("Distribution")


class Widget(WorkspaceModel):
    """A question to the rollups and how its answer is drawn; `rollups.query` knows what can be asked."""

    access: ClassVar[Access] = Access()

    dashboard = models.ForeignKey(
        Dashboard, models.CASCADE, related_name="widgets", verbose_name=_("dashboard")
    )
    position = models.PositiveSmallIntegerField(_("position"))
    title = models.CharField(_("title"), max_length=100)
    chart = models.CharField(_("chart"), max_length=12, choices=Chart.choices)
    view = models.CharField(_("what is counted"), max_length=12, choices=MetricView.choices)
    metrics = JSONField(_("metrics"), default=list)
    dimension = models.CharField(_("by"), max_length=20, blank=True, default="")
    filters = JSONField(_("filters"), default=list, blank=True)
    limit = models.PositiveSmallIntegerField(_("values at most"), default=8)
    width = models.PositiveSmallIntegerField(
        _("width"), default=6, validators=[MinValueValidator(1), MaxValueValidator(COLUMNS)]
    )
    height = models.PositiveSmallIntegerField(
        _("height"), default=2, validators=[MinValueValidator(1), MaxValueValidator(MAX_HEIGHT)]
    )

    objects = WidgetQuerySet.as_manager()

    class Meta:
        verbose_name = _("widget")
        verbose_name_plural = _("widgets")
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return self.title
