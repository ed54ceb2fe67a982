"""Schedules: each moment starts one run, whoever notices it first, however many look."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.core.exceptions import FlywheelError
from apps.workflows.models import Trigger
from apps.workflows.services.trigger import fire, note_skipped, settings_of
from apps.workflows.services.trigger_config import ScheduleSettings

logger = logging.getLogger(__name__)

_AT_ONCE: Final = 200
#: Missed moments that are looked at; a schedule of each minute that slept for a week has ten thousand.
_MOST_MISSED: Final = 1_000


def fire_due(now: datetime | None = None) -> int:
    """Start the runs of all schedules whose moment has come; returns how many."""
    moment = now or timezone.now()
    due = Trigger.objects.due(moment).order_by("next_fire_at").values_list("pk", flat=True)
    return sum(_fire_one(pk, moment) for pk in list(due[:_AT_ONCE]))


@transaction.atomic
def _fire_one(pk: UUID, now: datetime) -> int:
    """One schedule; another process that works on it is left to do so."""
    trigger = (
        Trigger.objects.due(now)
        .select_for_update(of=("self",), skip_locked=True)
        .select_related("workflow__published", "workflow__workspace", "workspace")
        .filter(pk=pk)
        .first()
    )
    if trigger is None or trigger.next_fire_at is None:
        return 0
    try:
        settings = settings_of(trigger)
    except FlywheelError:
        logger.exception("The settings of schedule %s can't be read; it is switched off.", trigger.pk)
        Trigger.objects.filter(pk=pk).update(enabled=False)
        return 0
    assert isinstance(settings, ScheduleSettings)  # noqa: S101 - by its kind
    moments = _moments(settings, trigger.next_fire_at, now)
    kept, left_out = chosen(settings, moments, now)
    for moment in left_out[-settings.most_missed :]:
        note_skipped(
            trigger=trigger, key=_key(moment), scheduled_for=moment, reason=_("Nothing ran at this time.")
        )
    started = sum(
        fire(trigger=trigger, key=_key(moment), known=_known(trigger, moment), scheduled_for=moment)
        is not None
        for moment in kept
    )
    Trigger.objects.filter(pk=pk).update(next_fire_at=settings.schedule().next_after(now))
    return started


def chosen(
    settings: ScheduleSettings, moments: Sequence[datetime], now: datetime
) -> tuple[list[datetime], list[datetime]]:
    """Which of the moments that have come start a run, and which are left out. Moments are in order."""
    limit = now - timedelta(seconds=settings.grace_s)
    missed = [moment for moment in moments if moment < limit]
    kept = [moment for moment in moments if moment >= limit]
    if settings.missed == "all":
        made_up = missed[-settings.most_missed :]
    elif settings.missed == "once" and not kept:
        made_up = missed[-1:]
    else:
        made_up = []
    return [*made_up, *kept], [moment for moment in missed if moment not in made_up]


def _moments(settings: ScheduleSettings, first: datetime, now: datetime) -> list[datetime]:
    found = [first]
    for moment in settings.schedule().between(first, now):
        found.append(moment)
        if len(found) > _MOST_MISSED:
            found = found[-_MOST_MISSED // 2 :]
    return found


def _key(moment: datetime) -> str:
    return moment.isoformat()


def _known(trigger: Trigger, moment: datetime) -> dict[str, Any]:
    return {
        "scheduled_for": moment.isoformat(),
        "trigger": {"id": str(trigger.pk), "name": trigger.name},
    }
