"""Keeping a workspace's traces for a shorter time than the installation does."""

import logging
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.core import audit, permissions
from apps.core.actors import Actor
from apps.core.models import Workspace
from apps.tracing import conf
from apps.tracing.exceptions import InvalidRetention
from apps.tracing.models import Observation, ObservationPayload, Trace, TraceRetention
from apps.tracing.services.known_value import forget_values
from apps.tracing.services.trace import erase

logger = logging.getLogger(__name__)

#: Observations that one transaction deletes.
BATCH: Final = 5_000
#: Seconds after which a run begins no other batch; the next run goes on.
BUDGET_S: Final = 30.0


@transaction.atomic
def change_trace_retention(*, actor: Actor, workspace: Workspace, days: int | None) -> TraceRetention:
    """Keep the traces of `workspace` for `days`; None: as long as the installation does.

    Raises NotAllowed, and InvalidRetention for less than a day or more than the installation keeps.
    """
    permissions.require_in(actor, "change", TraceRetention, workspace)
    TraceRetention.objects.get_or_create(workspace=workspace)
    retention = TraceRetention.objects.select_for_update().get(workspace=workspace)
    before = audit.snapshot(retention, ["days"])
    retention.days = days
    check_retention(retention)
    retention.save(update_fields=["days", "updated_at"])
    after = audit.snapshot(retention, ["days"])
    audit.record(
        actor=actor, action="tracing.trace_retention.update", obj=retention, before=before, after=after
    )
    return retention


def check_retention(retention: TraceRetention) -> None:
    """Raise InvalidRetention when the days can't be kept."""
    try:
        retention.full_clean(exclude=["workspace"], validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        raise InvalidRetention(errors=error.message_dict) from None
    limit = conf.retention_days()
    if limit is not None and retention.days is not None and retention.days > limit:
        sentence = _("This installation keeps traces for %(days)d days; a workspace can't keep them longer.")
        raise InvalidRetention(errors={"days": [sentence % {"days": limit}]})


def expire_traces(*, now: datetime | None = None, batch: int = BATCH, budget_s: float = BUDGET_S) -> int:
    """Delete what workspaces no longer keep, oldest first; returns how many rows of traces and observations.

    Workspaces take turns, one transaction each. A run that was killed has deleted whole batches; the next goes on
    with what is there.
    """
    now, deadline = now or timezone.now(), time.monotonic() + budget_s
    # in no order, so that the one with the most to delete does not always come first
    waiting = list(
        TraceRetention.objects.filter(days__isnull=False).select_related("workspace").order_by("?")
    )
    for retention in waiting:
        if retention.effective_days is not None:
            age = timedelta(days=retention.effective_days)
            forget_values(before=now - age, workspace=retention.workspace)
    removed = 0
    while waiting:
        unfinished = []
        for retention in waiting:
            rows = _expire_batch(retention, now, batch)
            removed += rows
            if rows:
                unfinished.append(retention)
            if time.monotonic() >= deadline:
                return _told(removed)
        waiting = unfinished
    return _told(removed)


def _told(removed: int) -> int:
    if removed:
        logger.info("Retention of workspaces deleted %d rows of traces and observations.", removed)
    return removed


@transaction.atomic
def _expire_batch(retention: TraceRetention, now: datetime, batch: int) -> int:
    """Delete the oldest expired traces, of about `batch` observations together."""
    days = retention.effective_days
    if days is None:
        return 0
    traces = _oldest(retention.workspace, now - timedelta(days=days), batch)
    if not traces:
        return 0
    if len(traces) == 1 and (rows := _erase_steps(traces[0], batch)) == batch:
        return rows
    _keep_rollups(True)
    removed = erase(retention.workspace, traces)
    _keep_rollups(False)
    return removed + sum(trace.observation_count for trace in traces)


def _oldest(workspace: Workspace, before: datetime, batch: int) -> Sequence[Trace]:
    """Traces over before `before`, locked: as many as have `batch` observations together, but at least one.

    A trace that the writer is adding to is left for the next run.
    """
    found = list(expired(workspace, before).values_list("pk", "observation_count")[:batch])
    sums = accumulate(count for _pk, count in found)
    chosen = [pk for (pk, _count), total in zip(found, sums, strict=True) if total <= batch]
    chosen = chosen or [pk for pk, _count in found[:1]]
    return list(
        Trace.objects.filter(pk__in=chosen)
        .select_for_update(skip_locked=True)
        .only("trace_id", "workspace_id", "start_time", "end_time", "observation_count")
    )


def expired(workspace: Workspace, before: datetime) -> Any:
    """Traces that started and ended before `before`, oldest first, in the order of the list's index."""
    return (
        Trace.objects.in_workspace(workspace)
        .filter(start_time__lt=before, end_time__lt=before)
        .order_by("start_time", "id")
    )


def _erase_steps(trace: Trace, batch: int) -> int:
    """Delete the first `batch` observations of a trace that has more than that; returns how many."""
    if trace.observation_count <= batch:
        return 0
    span = {"workspace_id": trace.workspace_id, "trace_id": trace.trace_id}
    steps = list(
        Observation.objects.filter(**span, start_time__gte=trace.start_time, start_time__lte=trace.end_time)
        .order_by("start_time", "span_id")
        .values_list("start_time", "span_id")[:batch]
    )
    if len(steps) < batch:
        return 0
    span |= {
        "start_time__gte": steps[0][0],
        "start_time__lte": steps[-1][0],
        "span_id__in": [span_id for _start, span_id in steps],
    }
    ObservationPayload.objects.filter(**span)._raw_delete(ObservationPayload.objects.db)
    return Observation.objects.filter(**span)._raw_delete(Observation.objects.db)


def _keep_rollups(keep: bool) -> None:
    """Whether the trigger on scores passes over deleted ones: dashboards go on counting what has expired."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('flywheel.keep_rollups', %s, true)", ["on" if keep else ""])
