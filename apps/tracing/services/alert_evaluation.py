"""Looking at the figures of alerts, again and again."""

import logging
import time
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import models, transaction
from django.utils import timezone

from apps.core.exceptions import FlywheelError
from apps.tracing.alerting import Rule, Status, advance
from apps.tracing.models import Alert, AlertEvent, RollupProgress
from apps.tracing.rollups import MetricFilter, MetricQuery, Question, TimeRange, answer
from apps.tracing.services.alert import record_event

logger = logging.getLogger(__name__)

#: Each alert is looked at about once a minute.
EVERY: Final = timedelta(seconds=55)
#: Figures that are this far behind say nothing about now: silence would look like the end of trouble.
MAX_LAG: Final = timedelta(minutes=10)
#: Seconds one run may take.
PATIENCE_S: Final = 45.0
KEPT_EVENTS: Final = timedelta(days=90)


def evaluate_alerts(*, now: datetime | None = None) -> int:
    """Look at all alerts whose turn it is; returns how many. Safe to run twice at once, and to be killed."""
    now = now or timezone.now()
    settled = RollupProgress.objects.values_list("received_before", flat=True).first()
    if settled is None or now - settled > MAX_LAG:
        return 0
    deadline, looked = time.monotonic() + PATIENCE_S, 0
    for pk in list(_due(now).values_list("pk", flat=True)):
        if time.monotonic() > deadline:
            break
        looked += _evaluate(pk, min(settled, now), now)
    return looked


def _due(now: datetime) -> models.QuerySet[Alert]:
    """Alerts whose turn it is, the longest waiting first."""
    waiting = models.Q(evaluated_at=None) | models.Q(evaluated_at__lte=now - EVERY)
    return Alert.objects.filter(waiting, enabled=True).order_by(
        models.F("evaluated_at").asc(nulls_first=True)
    )


@transaction.atomic
def _evaluate(pk: UUID, settled: datetime, now: datetime) -> bool:
    """One look: state and event are written together, under the alert's lock."""
    locked = _due(now).filter(pk=pk).select_for_update(of=("self",), skip_locked=True)
    # an address that can't be read any more keeps nobody from being told by mail
    alert = locked.select_related("workspace").defer("webhook_url", "webhook_secret").first()
    if alert is None:
        return False
    alert.evaluated_at = now
    try:
        alert.value = read_figure(alert, settled, now)
    except FlywheelError as error:
        logger.warning("Alert %s: %s", alert.pk, error)
        alert.save(update_fields=["evaluated_at"])
        return True
    muted = alert.muted_until is not None and alert.muted_until > now
    step = advance(_status(alert), alert.value, _rule(alert), now, muted=muted)
    alert.state, alert.breaches = step.status.state, step.status.breaches
    alert.since, alert.told_at = step.status.since, step.status.told_at
    if step.event is not None:
        record_event(alert, step.event, value=alert.value, at=now, silent=step.silent)
    alert.save(
        update_fields=["state", "breaches", "value", "since", "told_at", "evaluated_at", "event_count"]
    )
    return True


def read_figure(alert: Alert, settled: datetime, now: datetime) -> float | None:
    """The figure of the window that ends where everything has been added up; None without data."""
    filters = tuple(MetricFilter.read(item) for item in alert.filters)
    query = MetricQuery(alert.view, (alert.metric,), filters=filters).check()
    span = TimeRange.exact(settled - timedelta(minutes=alert.window_minutes), settled, now=now)
    return answer([Question(query, span)], alert.workspace)[0].total.value(alert.metric)


def _status(alert: Alert) -> Status:
    return Status(alert.state, alert.breaches, alert.since, alert.told_at)


def _rule(alert: Alert) -> Rule:
    renotify = timedelta(minutes=alert.renotify_minutes) if alert.renotify_minutes else None
    return Rule(alert.operator, alert.threshold, alert.evaluations, alert.no_data, renotify)


def drop_old_events(*, now: datetime | None = None) -> int:
    """Delete events of more than three months ago; returns how many."""
    old = AlertEvent.objects.filter(at__lt=(now or timezone.now()) - KEPT_EVENTS, due_at=None)
    return old._raw_delete(old.db)
