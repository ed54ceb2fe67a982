"""Adding up what has arrived.

Each run takes the observations received since the last one, by the time they were received: late spans are added to
the hour they belong to. The progress moves in the same transaction as the sums, so nothing is counted twice. Scores may
change: the minutes in which they did are noted by a trigger, and counted anew. Steps are counted under the tags of
their trace as well, also under those that it gets later.
"""

import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from apps.tracing.models import (
    CountedTags,
    Grain,
    Owner,
    Rollup,
    RollupProgress,
    RollupTag,
    ScoreRollup,
    SessionRollup,
    TagRollup,
    UserRollup,
)
from apps.tracing.rollups import KEPT_HOURS, KEPT_MINUTES, owners, sql, tag_sql
from apps.tracing.rollups.timerange import floor
from apps.tracing.writer import partitions

#: Received time that one transaction adds up: also after a long break it stays short.
WINDOW: Final = timedelta(hours=1)
#: Seconds one run may take.
PATIENCE_S: Final = 20.0
#: How long after its transaction began a writer is sure to be seen by `_SETTLED`. A little more than that, because the
#: root of a trace arrives last, and it says whose the other steps are.
_MARGIN_S: Final = 4
#: Changed minutes of scores that one transaction takes.
_CHANGES: Final = 5_000
#: Traces with changed tags that one transaction takes: each may have many steps.
_TAG_CHANGES: Final = 500

# `received_at` is when a writer's transaction began: what an open one has written will be seen later, but with an
# earlier time. So the window ends before the oldest open one.
_SETTLED = """
SELECT least(
    now() - make_interval(secs => %s),
    (SELECT min(xact_start) FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = 'flywheel-spans' AND xact_start IS NOT NULL)
)
"""


def roll_up() -> int:
    """Add up what has arrived since the last run; returns how many windows that took."""
    deadline, windows = time.monotonic() + PATIENCE_S, 0
    while time.monotonic() < deadline:
        if not _roll_window():
            break
        windows += 1
    # what an upgrade finds stored is added up by tag last: everything else is up to date meanwhile
    for catch_up in (_count_scores, _count_changed_tags, _tag_window):
        while time.monotonic() < deadline and catch_up():
            windows += catch_up is _tag_window
    return windows


@transaction.atomic
def _roll_window() -> bool:
    """One window; False when all that is settled is added up, or another process is at it."""
    progress = RollupProgress.objects.select_for_update(skip_locked=True).first()
    if progress is None:
        if RollupProgress.objects.exists():
            return False
        beginning = _beginning()
        progress = RollupProgress(received_before=beginning, tagged_before=beginning)
    start = progress.received_before
    with connection.cursor() as cursor:
        cursor.execute(_SETTLED, [_MARGIN_S])
        settled: datetime = cursor.fetchone()[0]
        end = min(start + WINDOW, settled)
        if end <= start:
            return False
        cursor.execute(sql.ADD, _values(start, end))
        tagged: list[tuple[UUID, UUID]] = cursor.fetchall()
    if progress.tagged_before == start:
        _add_tags(tagged, start, end)
        progress.tagged_before = end
    progress.received_before = end
    progress.save()
    return end < settled


@transaction.atomic
def _tag_window() -> bool:
    """One window of what was added up before tags were; False when there is none, or another process is at it."""
    progress = RollupProgress.objects.select_for_update(skip_locked=True).first()
    if progress is None or progress.tagged_before == progress.received_before:
        return False
    start = progress.tagged_before or min(_beginning(), progress.received_before)
    end = min(start + WINDOW, progress.received_before)
    with connection.cursor() as cursor:
        cursor.execute(tag_sql.FIND_TAGGED, {"start": start, "end": end})
        tagged: list[tuple[UUID, UUID]] = cursor.fetchall()
    _add_tags(tagged, start, end)
    progress.tagged_before = end
    progress.save(update_fields=["tagged_before"])
    return True


@transaction.atomic
def _count_changed_tags() -> bool:
    """Count steps under the tags that their traces got meanwhile; False when there are none, or as `_tag_window`."""
    progress = RollupProgress.objects.select_for_update(skip_locked=True).first()
    if progress is None or progress.tagged_before is None:
        return False
    with connection.cursor() as cursor:
        cursor.execute(tag_sql.TAKE_TAG_CHANGES, {"limit": _TAG_CHANGES})
        changed: list[tuple[UUID, UUID]] = cursor.fetchall()
    _add_tags(changed, progress.tagged_before, progress.tagged_before)
    return bool(changed)


def _add_tags(traces: Sequence[tuple[UUID, UUID]], start: datetime, end: datetime) -> None:
    """Add up the steps of traces by tag: those received from `start` to `end`, and earlier ones under new tags."""
    if not traces:
        return
    of = {
        "workspaces": [workspace_id for workspace_id, _id in traces],
        "traces": [trace_id for _id, trace_id in traces],
    }
    with connection.cursor() as cursor:
        cursor.execute(tag_sql.ADD_TAGS, _values(start, end) | of)


def _values(start: datetime, end: datetime) -> dict[str, Any]:
    """What the statements that add up are told."""
    return {
        "start": start,
        "end": end,
        "minutes_from": timezone.now() - KEPT_MINUTES,
        "agents": owners.sources_of(Owner.AGENT),
        "workflows": owners.sources_of(Owner.WORKFLOW),
    }


def _beginning() -> datetime:
    """Where the oldest stored day begins: what was received before rollups existed is added up as well."""
    oldest = _oldest_day()
    return datetime(oldest.year, oldest.month, oldest.day, tzinfo=UTC)


def _oldest_day() -> date:
    with connection.cursor() as cursor:
        return min(partitions.existing_days(cursor), default=timezone.now().date())


@transaction.atomic
def _count_scores() -> bool:
    """Count the noted minutes anew; False when none was noted, or another process is at it."""
    if RollupProgress.objects.select_for_update(skip_locked=True).first() is None:
        return False
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(sql.TAKE_SCORE_CHANGES, {"limit": _CHANGES})
        changed: list[tuple[UUID, datetime]] = cursor.fetchall()
    # hours that are dropped can't be added up to days any more
    changed = [(workspace, minute) for workspace, minute in changed if minute >= now - KEPT_HOURS]
    _recount(Grain.MINUTE, [item for item in changed if item[1] >= now - KEPT_MINUTES], sql.COUNT_SCORES)
    _recount(Grain.HOUR, changed, sql.COUNT_SCORES)
    for grain in (Grain.QUARTER, Grain.DAY):
        _recount(grain, changed, sql.ADD_SCORE_HOURS)
    return bool(changed)


def _recount(grain: Grain, changed: Sequence[tuple[UUID, datetime]], statement: str) -> None:
    """Replace the rows that the changed minutes belong to."""
    length = timedelta(minutes=grain)
    touched = sorted({(workspace, floor(minute, length)) for workspace, minute in changed})
    if not touched:
        return
    values: dict[str, Any] = {
        "grain": grain.value,
        "workspaces": [workspace for workspace, _bucket in touched],
        "buckets": [bucket for _workspace, bucket in touched],
        "agents": owners.sources_of(Owner.AGENT),
        "workflows": owners.sources_of(Owner.WORKFLOW),
    }
    with connection.cursor() as cursor:
        cursor.execute(sql.DROP_SCORES, values)
        cursor.execute(statement, values)


def drop_old(*, now: datetime | None = None) -> int:
    """Delete rows of the finer grains that dashboards no longer read; returns how many."""
    now = now or timezone.now()
    limits = {Grain.MINUTE: now - KEPT_MINUTES, Grain.HOUR: now - KEPT_HOURS, Grain.QUARTER: now - KEPT_HOURS}
    removed = 0
    for grain, oldest in limits.items():
        for model in (Rollup, TagRollup, UserRollup, SessionRollup, ScoreRollup):
            found = model._default_manager.filter(grain=grain, bucket__lt=oldest)
            removed += found._raw_delete(found.db)
    # sessions come and go: the days of those of a quarter of a year ago are asked for by nobody
    for old in (
        SessionRollup.objects.filter(grain=Grain.DAY, bucket__lt=now - KEPT_HOURS),
        RollupTag.objects.filter(day__lt=(now - KEPT_HOURS).date()),
        CountedTags.objects.filter(day__lt=_oldest_day()),
    ):
        removed += old._raw_delete(old.db)
    return removed
