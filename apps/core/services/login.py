"""Slowing down those who guess passwords."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.core.exceptions import RateLimited
from apps.core.models import LoginFailure


def check_login_allowed(*, account: str, address: str | None) -> None:
    """Raise `RateLimited` when too many logins failed lately for this account from here, or from this address."""
    since = _window_start()
    counts = LoginFailure.objects.filter(created_at__gt=since, address=address).aggregate(
        account=Count("pk", filter=Q(account=_digest(account))), address=Count("pk")
    )
    if (
        counts["account"] >= settings.LOGIN_FAILURES_PER_ACCOUNT
        or counts["address"] >= settings.LOGIN_FAILURES_PER_ADDRESS
    ):
        minutes = settings.LOGIN_FAILURE_WINDOW_S // 60
        raise RateLimited(
            _("Too many failed logins. Try again in %(minutes)d minutes.") % {"minutes": minutes},
            retry_after=settings.LOGIN_FAILURE_WINDOW_S,
        )


def record_login_failure(*, account: str, address: str | None) -> None:
    """Count one wrong password, and forget those that no longer matter."""
    LoginFailure.objects.filter(created_at__lt=_window_start()).delete()
    LoginFailure.objects.create(account=_digest(account), address=address)


def forget_login_failures(*, account: str, address: str | None) -> None:
    """Start anew after a successful login."""
    LoginFailure.objects.filter(account=_digest(account), address=address).delete()


def _window_start() -> datetime:
    return timezone.now() - timedelta(seconds=settings.LOGIN_FAILURE_WINDOW_S)


def _digest(account: str) -> str:
    return hashlib.sha256(account.strip().lower().encode()).hexdigest()
