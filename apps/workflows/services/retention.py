"""Forgetting: ledgers of old runs go with their files, their rows stay; old firings go."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import connection, models, transaction
from django.db.models.functions import Coalesce, Least
from django.utils import timezone

from apps.core.actors import Actor
from apps.core.streams import purge
from apps.workflows.models import TriggerFiring, WorkflowRun
from apps.workflows.models.workflow import MAX_KEPT_DAYS
from apps.workflows.services.run_file import delete_unused_files

_BATCH: Final = 200
#: Batches of one call; the rest follows with the next.
_BATCHES: Final = 500
_FIRINGS_DAYS: Final = 90


def forget_old_runs(now: datetime | None = None) -> int:
    """Delete what nodes of runs did that ended longer ago than their workflow keeps it; returns how many runs."""
    moment = now or timezone.now()
    gone = 0
    for _ in range(_BATCHES):
        batch = _forget_batch(moment)
        gone += batch
        if batch < _BATCH:
            break
    if settings.RUN_RETENTION_DAYS > 0:
        before = moment - timedelta(days=settings.RUN_RETENTION_DAYS)
        delete_unused_files(actor=Actor.system("workflows"), before=before)
    TriggerFiring.objects.filter(created_at__lt=moment - timedelta(days=_FIRINGS_DAYS)).delete()
    return gone


@transaction.atomic
def _forget_batch(now: datetime) -> int:
    kept = Coalesce("workflow__keep_runs_days", models.Value(settings.RUN_RETENTION_DAYS))
    # no time lies so many days ahead that one workflow's wish keeps all the others' runs
    days = Least(kept, models.Value(MAX_KEPT_DAYS))
    old = (
        WorkflowRun.objects.filter(ledger_kept=True, finished_at__lt=now - timedelta(days=1))
        .annotate(days=days)
        .filter(days__gt=0)
        .annotate(
            until=models.ExpressionWrapper(
                models.F("finished_at") + models.F("days") * timedelta(days=1),
                output_field=models.DateTimeField(),
            )
        )
        .filter(until__lt=now)
        .order_by("finished_at")
    )
    ids = list(old.select_for_update(of=("self",), skip_locked=True).values_list("pk", flat=True)[:_BATCH])
    if ids:
        with connection.cursor() as cursor:
            purge(cursor, ids)
        WorkflowRun.objects.filter(pk__in=ids).update(ledger_kept=False)
    return len(ids)
