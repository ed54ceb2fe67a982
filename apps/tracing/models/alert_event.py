"""What became of an alert, and who was told."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.access import Access, Role
from apps.core.json import JSONField
from apps.core.models import WorkspaceModel
from apps.tracing.models.alert import Alert
from apps.tracing.querysets import AlertEventQuerySet


class EventKind(models.TextChoices):
    """What happened."""

    FIRING = "firing", _("Began to fire")
    STILL_FIRING = "still_firing", _("Still firing")
    RESOLVED = "resolved", _("Resolved")
    NO_DATA = "no_data", _("No data")
    TEST = "test", _("Test")


class AlertEvent(WorkspaceModel):
    """One change of an alert. `number` counts an alert's events: no change is written, or told, twice.

    `deliveries` holds the result by channel; `due_at` is when the next attempt is made, None when there is none.
    """

    access: ClassVar[Access] = Access(add=Role.OWNER, change=Role.OWNER, delete=Role.OWNER)

    alert = models.ForeignKey(Alert, models.CASCADE, related_name="events", verbose_name=_("alert"))
    number = models.PositiveIntegerField(_("number"))
    kind = models.CharField(_("event"), max_length=12, choices=EventKind.choices)
    value = models.FloatField(_("figure"), null=True)
    at = models.DateTimeField(_("time"))
    muted = models.BooleanField(_("muted"), default=False)
    deliveries = JSONField(_("deliveries"), default=dict)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    due_at = models.DateTimeField(null=True)

    objects = AlertEventQuerySet.as_manager()

    class Meta:
        verbose_name = _("alert event")
        verbose_name_plural = _("alert events")
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["alert", "number"], name="tracing_alertevent_once")]
        indexes = [
            models.Index(
                fields=["due_at"], name="tracing_alertevent_due", condition=models.Q(due_at__isnull=False)
            )
        ]

    def __str__(self) -> str:
        return f"{self.alert_id} {self.number}"
