"""Telling people when a figure leaves its bounds."""

from typing import ClassVar
from urllib.parse import urlsplit

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.access import Access
from apps.core.json import JSONField
from apps.core.models import WorkspaceModel
from apps.core.secrets import EncryptedTextField, Undecryptable
from apps.tracing.models.widget import MetricView
from apps.tracing.querysets import AlertQuerySet

MIN_WINDOW = 5
MAX_WINDOW = 7 * 24 * 60


class Operator(models.TextChoices):
    """How the figure is compared with the threshold."""

    GT = "gt", ">"
    GTE = "gte", "≥"
    LT = "lt", "<"
    LTE = "lte", "≤"


class AlertState(models.TextChoices):
    """Where an alert stands."""

    OK = "ok", _("OK")
    PENDING = "pending", _("Pending")
    FIRING = "firing", _("Firing")
    NO_DATA = "no_data", _("No data")


class NoData(models.TextChoices):
    """What a window without any data means."""

    KEEP = "keep", _("Nothing: the state stays")
    OK = "ok", _("All is well")
    ALERT = "alert", _("Tell it")


class Severity(models.TextChoices):
    """How urgent it is."""

    INFO = "info", _("Information")
    WARNING = "warning", _("Warning")
    CRITICAL = "critical", _("Critical")


class Alert(WorkspaceModel):
    """A figure of the rollups over a window, its bound, whom to tell; and how it stands, kept by the evaluation."""

    access: ClassVar[Access] = Access()

    name = models.CharField(_("name"), max_length=100)
    description = models.TextField(
        _("description"), blank=True, default="", help_text=_("Sent along: what to do about it.")
    )
    enabled = models.BooleanField(_("switched on"), default=True)
    severity = models.CharField(
        _("severity"), max_length=10, choices=Severity.choices, default=Severity.WARNING
    )
    view = models.CharField(
        _("what is counted"), max_length=12, choices=MetricView.choices, default=MetricView.TRACES
    )
    metric = models.CharField(_("metric"), max_length=20)
    filters = JSONField(_("filters"), default=list, blank=True)
    window_minutes = models.PositiveIntegerField(
        _("window (minutes)"),
        default=15,
        validators=[MinValueValidator(MIN_WINDOW), MaxValueValidator(MAX_WINDOW)],
        help_text=_("The figure is taken over the last so many minutes: 5 to 10080 (7 days)."),
    )
    operator = models.CharField(_("comparison"), max_length=4, choices=Operator.choices, default=Operator.GT)
    threshold = models.FloatField(
        _("threshold"), help_text=_("Rates and shares: 0 to 1. Times: milliseconds. Cost: US dollars.")
    )
    evaluations = models.PositiveSmallIntegerField(
        _("times in a row"),
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(60)],
        help_text=_("It fires when the bound was passed so many minutes in a row."),
    )
    no_data = models.CharField(_("without data"), max_length=6, choices=NoData.choices, default=NoData.KEEP)
    renotify_minutes = models.PositiveIntegerField(
        _("tell again after (minutes)"),
        default=0,
        validators=[MaxValueValidator(MAX_WINDOW)],
        help_text=_("While it is firing; 0: never."),
    )
    muted_until = models.DateTimeField(_("muted until"), null=True, blank=True)
    # the address of a webhook is often all that is needed to use it
    webhook_url = EncryptedTextField(_("webhook"), null=True, blank=True, editable=False)
    webhook_secret = EncryptedTextField(_("secret of the webhook"), null=True, blank=True, editable=False)
    emails = JSONField(_("e-mail addresses"), default=list, blank=True)

    state = models.CharField(
        _("state"), max_length=10, choices=AlertState.choices, default=AlertState.OK, editable=False
    )
    breaches = models.PositiveSmallIntegerField(default=0, editable=False)
    value = models.FloatField(_("last figure"), null=True, editable=False)
    since = models.DateTimeField(_("since"), default=timezone.now, editable=False)
    told_at = models.DateTimeField(null=True, editable=False)
    evaluated_at = models.DateTimeField(_("looked at"), null=True, editable=False)
    # of the last event: the next one has the number after it
    event_count = models.PositiveIntegerField(default=0, editable=False)

    objects = AlertQuerySet.as_manager()

    class Meta:
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="tracing_alert_name")]
        indexes = [
            models.Index(fields=["evaluated_at"], name="tracing_alert_due", condition=models.Q(enabled=True))
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def webhook_host(self) -> str:
        """Where the webhook lies, which is all of it that is shown; "?" when no key opens the address any more."""
        try:
            url = self.webhook_url
        except Undecryptable:
            return "?"
        return urlsplit(url.reveal()).netloc.rpartition("@")[2] if url else ""

    def get_absolute_url(self) -> str:
        """The page of the alert."""
        return reverse("admin:tracing_alert_change", args=[self.pk])
