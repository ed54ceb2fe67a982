"""Telling people what became of their alerts."""

import asyncio
import logging
import time
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from apps.core import mail
from apps.core.exceptions import FlywheelError
from apps.core.secrets import Undecryptable
from apps.tracing.alerting import message, webhook
from apps.tracing.models import Alert, AlertEvent

logger = logging.getLogger(__name__)

#: Waits before the next attempts; after the last one it is given up.
WAITS: Final = tuple(timedelta(seconds=seconds) for seconds in (30, 120, 600, 1_800, 3_600))
#: Seconds one run may take.
PATIENCE_S: Final = 45.0


def deliver_alerts(*, now: datetime | None = None) -> int:
    """Send what is due; returns how many events were tried."""
    deadline, tried = time.monotonic() + PATIENCE_S, 0
    while time.monotonic() < deadline:
        event = _claim(now or timezone.now())
        if event is None:
            break
        _deliver(event)
        tried += 1
    return tried


@transaction.atomic
def _claim(now: datetime) -> AlertEvent | None:
    """Take an event and say when it is tried again, before anything is sent: who dies meanwhile loses nothing."""
    event = (
        AlertEvent.objects.select_for_update(of=("self",), skip_locked=True)
        .select_related("alert", "alert__workspace")
        .defer("alert__webhook_url", "alert__webhook_secret")
        .filter(due_at__lte=now)
        .order_by("due_at")
        .first()
    )
    if event is None:
        return None
    event.due_at = now + WAITS[min(event.attempts, len(WAITS) - 1)]
    event.attempts += 1
    event.save(update_fields=["due_at", "attempts"])
    return event


def _deliver(event: AlertEvent) -> None:
    """Try the channels that have not taken the message yet, and write down what they said."""
    for channel, state in event.deliveries.items():
        if state["state"] != "sent":
            event.deliveries[channel] = _send(channel, event)
    waiting = [state for state in event.deliveries.values() if state["state"] != "sent"]
    given_up = event.attempts > len(WAITS)
    if not waiting or given_up:
        event.due_at = None
        for state in waiting:
            state["state"] = "failed"
    # another process may have taken the event, when this one was very slow
    claimed = AlertEvent.objects.filter(pk=event.pk, attempts=event.attempts)
    claimed.update(deliveries=event.deliveries, due_at=event.due_at)


def _send(channel: str, event: AlertEvent) -> dict[str, Any]:
    """One attempt: its result as it is kept."""
    at = timezone.now().isoformat(timespec="seconds")
    try:
        detail = _CHANNELS[channel](event.alert, event)
    except (webhook.WebhookError, FlywheelError, Undecryptable) as error:
        logger.warning("Alert event %s, %s: %s", event.pk, channel, error)
        return {"state": "waiting", "error": str(error)[:500].replace("\0", ""), "at": at}
    return {"state": "sent", "detail": detail, "at": at}


def _to_webhook(alert: Alert, event: AlertEvent) -> str:
    url, secret = _plain(alert.webhook_url), _plain(alert.webhook_secret)
    if not url:
        raise webhook.WebhookError("The alert has no webhook any more.")
    allow_private = alert.workspace.allow_private_network
    status = asyncio.run(
        webhook.send(url, secret, message.document(alert, event), allow_private=allow_private)
    )
    return str(status)


def _to_mail(alert: Alert, event: AlertEvent) -> str:
    mail.send_mail(to=alert.emails, subject=message.subject(alert, event), text=message.text(alert, event))
    return str(len(alert.emails))


def _plain(secret: Any) -> str:
    return secret.reveal() if secret else ""


_CHANNELS: Final = {"webhook": _to_webhook, "email": _to_mail}
