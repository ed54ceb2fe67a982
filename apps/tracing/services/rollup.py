"""Adding up what has arrived.

Each run takes the observations received since the last one, by the time they were received: late spans are added to
the hour they belong to. The progress moves in the same transaction as the sums, so nothing is counted twice.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db import connection, transaction
from django.utils import timezone

from apps.tracing.models import Grain, Rollup, RollupProgress, UserRollup
from apps.tracing.rollups.histogram import SLOT_SQL
from apps.tracing.writer import partitions

#: Received time that one transaction adds up: also after a long break it stays short.
WINDOW: Final = timedelta(hours=1)
#: Seconds one run may take.
PATIENCE_S: Final = 20.0
#: Rows by the minute are kept so long; those by the hour and by six hours
#: a quarter of a year, those by the day for good.
KEPT_MINUTES: Final = timedelta(days=2)
KEPT_HOURS: Final = timedelta(days=100)
#: How long after its transaction began a writer is sure to be seen by `_SETTLED`.
_MARGIN_S: Final = 2

# `received_at` is when a writer's transaction began: what an open one has written will be seen later, but with an
# earlier time. So the window ends before the oldest open one.
_SETTLED = """
SELECT least(
    now() - make_interval(secs => %s),
    (SELECT min(xact_start) FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = 'flywheel-spans' AND xact_start IS NOT NULL)
)
"""

#: Where the row of a length begins that a minute belongs to.
_BUCKET = "date_bin(make_interval(mins => grain), minute, '2000-01-01 00:00:00+00')"
_SUMS = "count, errors, input_tokens, output_tokens, cost"
_KEY = "workspace_id, grain, bucket, measure, type, model, environment, name, slot"

_ADD = f"""
WITH fresh AS MATERIALIZED (
    SELECT
        workspace_id, date_trunc('minute', start_time) AS minute, type, left(model, 200) AS model,
        left(environment, 100) AS environment,
        CASE WHEN parent_id IS NULL THEN left(name, 200) ELSE '' END AS name,
        parent_id IS NULL AS is_root, status = 'error' AS failed, coalesce(input_tokens, 0) AS input_tokens,
        coalesce(output_tokens, 0) AS output_tokens, coalesce(cost, 0) AS cost, ttft_ms, left(user_id, 200) AS user_id,
        extract(epoch FROM end_time - start_time)::double precision * 1000 AS ms
    FROM tracing_observation
    WHERE received_at >= %(start)s AND received_at < %(end)s
),
cell AS (
    SELECT
        workspace_id, minute, 0 AS measure, type, model, environment, name, {SLOT_SQL % {"ms": "ms"}} AS slot,
        count(*) AS count, count(*) FILTER (WHERE failed) AS errors, sum(input_tokens) AS input_tokens,
        sum(output_tokens) AS output_tokens, sum(cost) AS cost
    FROM fresh
    GROUP BY workspace_id, minute, type, model, environment, name, slot
    UNION ALL
    SELECT
        workspace_id, minute, 1, type, model, environment, name, {SLOT_SQL % {"ms": "ttft_ms"}} AS slot,
        count(*), 0, 0, 0, 0
    FROM fresh
    WHERE ttft_ms IS NOT NULL
    GROUP BY workspace_id, minute, type, model, environment, name, slot
),
person AS (
    INSERT INTO tracing_userrollup AS r (workspace_id, grain, bucket, user_id, traces, errors, tokens, cost)
    SELECT
        workspace_id, grain, {_BUCKET} AS bucket, user_id, count(*) FILTER (WHERE is_root),
        count(*) FILTER (WHERE failed), sum(input_tokens + output_tokens), sum(cost)
    FROM fresh CROSS JOIN (VALUES (60), (1440)) AS length (grain)
    WHERE user_id <> ''
    GROUP BY workspace_id, grain, bucket, user_id
    ORDER BY workspace_id, grain, bucket, user_id
    ON CONFLICT (workspace_id, grain, bucket, user_id) DO UPDATE SET
        traces = r.traces + excluded.traces, errors = r.errors + excluded.errors,
        tokens = r.tokens + excluded.tokens, cost = r.cost + excluded.cost
)
INSERT INTO tracing_rollup AS r ({_KEY}, {_SUMS})
SELECT
    workspace_id, grain, {_BUCKET} AS bucket, measure, type, model, environment, name, slot,
    sum(count), sum(errors), sum(input_tokens), sum(output_tokens), sum(cost)
FROM cell CROSS JOIN (VALUES (1), (60), (360), (1440)) AS length (grain)
WHERE grain > 1 OR minute >= %(minutes_from)s
GROUP BY {_KEY}
ORDER BY {_KEY}
ON CONFLICT ({_KEY}) DO UPDATE SET
    count = r.count + excluded.count, errors = r.errors + excluded.errors,
    input_tokens = r.input_tokens + excluded.input_tokens, output_tokens = r.output_tokens + excluded.output_tokens,
    cost = r.cost + excluded.cost
"""  # noqa: S608 - constant names


def roll_up() -> int:
    """Add up what has arrived since the last run; returns how many windows that took."""
    deadline, windows = time.monotonic() + PATIENCE_S, 0
    while time.monotonic() < deadline:
        if not _roll_window():
            break
        windows += 1
    return windows


@transaction.atomic
def _roll_window() -> bool:
    """One window; False when all that is settled is added up, or another process is at it."""
    progress = RollupProgress.objects.select_for_update(skip_locked=True).first()
    if progress is None:
        if RollupProgress.objects.exists():
            return False
        progress = RollupProgress(received_before=_beginning())
    start = progress.received_before
    with connection.cursor() as cursor:
        cursor.execute(_SETTLED, [_MARGIN_S])
        settled: datetime = cursor.fetchone()[0]
        end = min(start + WINDOW, settled)
        if end <= start:
            return False
        minutes_from = timezone.now() - KEPT_MINUTES
        cursor.execute(_ADD, {"start": start, "end": end, "minutes_from": minutes_from})
    progress.received_before = end
    progress.save()
    return end < settled


def _beginning() -> datetime:
    """Where the oldest stored day begins: what was received before rollups existed is added up as well."""
    with connection.cursor() as cursor:
        days = partitions.existing_days(cursor)
    oldest = min(days, default=timezone.now().date())
    return datetime(oldest.year, oldest.month, oldest.day, tzinfo=UTC)


def drop_old(*, now: datetime | None = None) -> int:
    """Delete rows of the finer grains that dashboards no longer read; returns how many."""
    now = now or timezone.now()
    limits = {Grain.MINUTE: now - KEPT_MINUTES, Grain.HOUR: now - KEPT_HOURS, Grain.QUARTER: now - KEPT_HOURS}
    removed = 0
    for grain, oldest in limits.items():
        for model in (Rollup, UserRollup):
            found = model._default_manager.filter(grain=grain, bucket__lt=oldest)
            removed += found._raw_delete(found.db)
    return removed
