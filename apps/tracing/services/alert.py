"""Writes on alerts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.core import audit, permissions
from apps.core.actors import Actor
from apps.core.mail import MAX_RECIPIENTS
from apps.core.models import Workspace
from apps.tracing.exceptions import InvalidAlert
from apps.tracing.models import Alert, AlertEvent, AlertState, EventKind, NoData, Operator, Severity
from apps.tracing.models.alert import MAX_WINDOW, MIN_WINDOW
from apps.tracing.rollups import MetricFilter, MetricQuery

MAX_NAME: Final = 100
MAX_URL: Final = 500
MAX_EVALUATIONS: Final = 60
MAX_MUTE: Final = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class AlertValues:
    """What an alert is told. `webhook_url` and `webhook_secret` None keep the stored ones, "" forgets them."""

    name: str
    metric: str
    threshold: float
    view: str = "traces"
    filters: Sequence[MetricFilter] = ()
    window_minutes: int = 15
    operator: str = Operator.GT
    evaluations: int = 1
    no_data: str = NoData.KEEP
    severity: str = Severity.WARNING
    renotify_minutes: int = 0
    description: str = ""
    enabled: bool = True
    emails: Sequence[str] = field(default_factory=tuple)
    webhook_url: str | None = None
    webhook_secret: str | None = None

    @property
    def query(self) -> MetricQuery:
        """The figure that is looked at."""
        return MetricQuery(self.view, (self.metric,), filters=tuple(self.filters))

    def apply(self, alert: Alert) -> None:
        """Put the values on a row."""
        for name in (
            "metric", "threshold", "view", "window_minutes", "operator", "evaluations", "no_data", "severity",
            "renotify_minutes", "description", "enabled",
        ):  # fmt: skip
            setattr(alert, name, getattr(self, name))
        alert.name = self.name.strip()
        alert.filters = [item.as_json() for item in self.filters]
        alert.emails = list(dict.fromkeys(self.emails))
        if self.webhook_url is not None:
            alert.webhook_url = self.webhook_url
        if self.webhook_secret is not None:
            alert.webhook_secret = self.webhook_secret


def create_alert(*, actor: Actor, workspace: Workspace, values: AlertValues) -> Alert:
    """Begin to watch a figure. Raises InvalidAlert, InvalidMetricQuery."""
    permissions.require_in(actor, "add", Alert, workspace)
    alert = Alert(workspace=workspace, webhook_url="", webhook_secret="")
    return _save(actor, alert, values, "tracing.alert.create", None)


@transaction.atomic
def update_alert(*, actor: Actor, alert: Alert, values: AlertValues) -> Alert:
    """Change an alert; it begins anew, as the figure it knew is another one now."""
    permissions.require(actor, "change", alert)
    stored = Alert.objects.select_for_update().select_related("workspace").get(pk=alert.pk)
    before = audit.snapshot(stored)
    stored.state, stored.breaches, stored.value, stored.told_at = AlertState.OK, 0, None, None
    stored.since = timezone.now()
    return _save(actor, stored, values, "tracing.alert.update", before)


@transaction.atomic
def delete_alert(*, actor: Actor, alert: Alert) -> None:
    """Delete an alert with its history."""
    permissions.require(actor, "delete", alert)
    audit.record(actor=actor, action="tracing.alert.delete", obj=alert, before=audit.snapshot(alert))
    alert.delete()


@transaction.atomic
def mute_alert(*, actor: Actor, alert: Alert, until: datetime | None) -> Alert:
    """Tell nobody until then (None: tell them again); what happens is still written down. Raises InvalidAlert."""
    permissions.require(actor, "change", alert)
    now = timezone.now()
    if until is not None and not now < until <= now + MAX_MUTE:
        raise InvalidAlert(_("An alert can be muted for up to a year from now."))
    stored = Alert.objects.select_for_update().select_related("workspace").get(pk=alert.pk)
    before = audit.snapshot(stored)
    stored.muted_until = until
    stored.save(update_fields=["muted_until", "updated_at"])
    audit.record(
        actor=actor, action="tracing.alert.mute", obj=stored, before=before, after=audit.snapshot(stored)
    )
    return stored


@transaction.atomic
def test_alert(*, actor: Actor, alert: Alert) -> AlertEvent:
    """Send a message as if something had happened. Raises InvalidAlert when nobody would be told."""
    permissions.require(actor, "change", alert)
    stored = Alert.objects.select_for_update().select_related("workspace").get(pk=alert.pk)
    if not channels_of(stored):
        raise InvalidAlert(_("Set a webhook or e-mail addresses first."))
    event = record_event(stored, EventKind.TEST, value=stored.value, at=timezone.now(), silent=False)
    stored.save(update_fields=["event_count"])
    audit.record(actor=actor, action="tracing.alert.test", obj=stored)
    return event


def record_event(
    alert: Alert, kind: EventKind, *, value: float | None, at: datetime, silent: bool
) -> AlertEvent:
    """Write down what happened, to be told at once unless `silent`. The caller holds the alert's lock and saves it.

    The number is unique: what one process has written another can't write again.
    """
    channels = [] if silent else channels_of(alert)
    alert.event_count += 1
    return AlertEvent.objects.create(
        workspace_id=alert.workspace_id,
        alert=alert,
        number=alert.event_count,
        kind=kind,
        value=value,
        at=at,
        muted=silent,
        deliveries={channel: {"state": "waiting"} for channel in channels},
        due_at=at if channels else None,
    )


def channels_of(alert: Alert) -> list[str]:
    """Where an alert's messages go."""
    return [*(["webhook"] if alert.webhook_host else []), *(["email"] if alert.emails else [])]


def check_alert(values: AlertValues) -> None:
    """Raise InvalidAlert or InvalidMetricQuery for what can't work."""
    if not values.name.strip() or len(values.name) > MAX_NAME or "\0" in values.name + values.description:
        raise InvalidAlert(_("An alert needs a name of at most %(limit)d characters.") % {"limit": MAX_NAME})
    values.query.check()
    known = (
        (values.operator, Operator.values),
        (values.no_data, NoData.values),
        (values.severity, Severity.values),
    )
    for value, allowed in known:
        if value not in allowed:
            raise InvalidAlert(
                _("“%(value)s” is none of: %(known)s.") % {"value": value, "known": ", ".join(allowed)}
            )
    if not abs(values.threshold) < 1e15:
        raise InvalidAlert(_("The threshold is a finite number."))
    if not MIN_WINDOW <= values.window_minutes <= MAX_WINDOW:
        raise InvalidAlert(_("The window is 5 minutes to 7 days long."))
    if not (1 <= values.evaluations <= MAX_EVALUATIONS and 0 <= values.renotify_minutes <= MAX_WINDOW):
        raise InvalidAlert(_("Count 1 to 60 times in a row, and tell again within 7 days."))
    _check_channels(values)


def _check_channels(values: AlertValues) -> None:
    if len(values.emails) > MAX_RECIPIENTS:
        raise InvalidAlert(_("A message goes to 1 to %(limit)d addresses.") % {"limit": MAX_RECIPIENTS})
    for address in values.emails:
        try:
            validate_email(address)
        except ValidationError:
            raise InvalidAlert(_("“%(address)s” is no e-mail address.") % {"address": address}) from None
    for text in (values.webhook_url or "", values.webhook_secret or ""):
        if len(text) > MAX_URL or any(ord(letter) < 32 for letter in text):
            raise InvalidAlert(_("The address or the secret of the webhook can't be used."))
    if values.webhook_url:
        try:
            parts = urlsplit(values.webhook_url)
            fits = parts.scheme in {"http", "https"} and bool(parts.hostname)
        except ValueError:
            fits = False
        if not fits:
            raise InvalidAlert(_("The address of the webhook begins with http:// or https://."))


def _save(
    actor: Actor, alert: Alert, values: AlertValues, action: str, before: dict[str, Any] | None
) -> Alert:
    check_alert(values)
    values.apply(alert)
    try:
        with transaction.atomic():
            alert.save()
            audit.record(actor=actor, action=action, obj=alert, before=before, after=audit.snapshot(alert))
    except IntegrityError:
        raise InvalidAlert(_("There is an alert of this name already.")) from None
    return Alert.objects.select_related("workspace").get(pk=alert.pk)
