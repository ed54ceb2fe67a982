"""A page of charts over the rollups."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from apps.core.access import Access
from apps.core.models import WorkspaceModel
from apps.tracing.querysets import DashboardQuerySet


class Dashboard(WorkspaceModel):
    """Widgets under a name; one that is not shared is seen by its owner alone."""

    access: ClassVar[Access] = Access()

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("owner"),
        editable=False,
    )
    name = models.CharField(_("name"), max_length=100)
    description = models.TextField(_("description"), blank=True, default="")
    shared = models.BooleanField(_("shared with the workspace"), default=True)

    objects = DashboardQuerySet.as_manager()

    class Meta:
        verbose_name = _("dashboard")
        verbose_name_plural = _("dashboards")
        ordering = ["name", "id"]
        indexes = [models.Index(fields=["workspace", "name", "id"], name="tracing_dashboard_list")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """The page of the dashboard."""
        return reverse("admin:tracing_dashboard", args=[self.pk])
