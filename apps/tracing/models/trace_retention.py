"""How long a workspace keeps its traces."""

from typing import ClassVar, Final

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.access import Access, Role
from apps.core.models import WorkspaceModel
from apps.tracing import conf
from apps.tracing.querysets import TraceRetentionQuerySet

MAX_DAYS: Final = 3650


class TraceRetention(WorkspaceModel):
    """One row per workspace, made when somebody sets it; until then the installation's limit holds."""

    access: ClassVar[Access] = Access(view=Role.VIEWER, add=Role.ADMIN, change=Role.ADMIN, delete=Role.ADMIN)

    days = models.PositiveSmallIntegerField(
        _("days that traces are kept"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_DAYS)],
        help_text=_("Empty: as long as this installation keeps them."),
    )

    objects = TraceRetentionQuerySet.as_manager()

    class Meta:
        verbose_name = _("retention of traces")
        verbose_name_plural = _("retentions of traces")
        constraints = [
            models.UniqueConstraint(fields=["workspace"], name="tracing_traceretention_once"),
            models.CheckConstraint(
                condition=models.Q(days__isnull=True) | models.Q(days__gte=1, days__lte=MAX_DAYS),
                name="tracing_traceretention_days",
            ),
        ]

    def __str__(self) -> str:
        return str(self._meta.verbose_name)

    @property
    def effective_days(self) -> int | None:
        """Days after which traces go: the shorter of the workspace's and the installation's; None keeps them."""
        limits = [days for days in (self.days, conf.retention_days()) if days is not None]
        return min(limits, default=None)
