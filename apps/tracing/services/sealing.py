"""Indexing the days that are over.

While spans come in, their day has the two indexes it needs; those that answer every filter are built when the day is
over, beside the writers and once for all of it: a third of the time that keeping them up to date would have taken.
"""

import logging
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from django.db import connection

from apps.tracing import terms
from apps.tracing.writer import partitions

logger = logging.getLogger(__name__)

#: After midnight (UTC), so that most late spans of the day are there.
AFTER: Final = timedelta(minutes=30)
_LOCK: Final = 0x666C_7774  # any constant; two processes don't build the same index

#: By the end of its name; the search index comes last, for a day that has it counts as indexed.
_BUILDS: Final[Mapping[str, str]] = {
    "by_latency": f"(workspace_id, ({terms.LATENCY_SQL}))",
    **{
        f"by_{column}": f"(workspace_id, {column}) WHERE {column} IS NOT NULL"
        for column in ("input_tokens", "output_tokens", "cost", "ttft_ms")
    },
    partitions.SEARCH: f"""
USING gin (
    ({terms.terms_sql(terms.OBSERVATION_TERMS)}),
    tags, metadata jsonb_path_ops, attributes jsonb_path_ops,
    (tracing_words({terms.TEXT_SQL}))
)""",
}
_FIGURES: Final = """
SELECT inhrelid::regclass FROM pg_inherits JOIN pg_index ON indexrelid = inhrelid
WHERE inhparent = ANY (ARRAY['tracing_observation_figures'::regclass, 'tracing_observation_received'::regclass])
    AND indrelid = ANY (%s::regclass[])
"""


def seal(*, now: datetime | None = None) -> list[date]:
    """Index the days that are over and are not indexed yet, the newest first; returns them.

    One process at a time does it.
    """
    now = now or datetime.now(UTC)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
        if cursor.fetchone() != (True,):
            return []
        try:
            days = sorted(partitions.existing_days(cursor))
            _summarize(cursor, [day for day in days if abs((now.date() - day).days) <= 1])
            over = [day for day in reversed(days) if _end(day) + AFTER <= now]
            return [day for day in over if _index(cursor, day)]
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def _end(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)


def _index(cursor: Any, day: date) -> bool:
    """Build a day's indexes unless they are there; says whether one was built."""
    table = partitions.partition_name("tracing_observation", day)
    built = [_build(cursor, table, f"{table}_{name}", build) for name, build in _BUILDS.items()]
    if not any(built):
        return False
    _summarize(cursor, [day])
    cursor.execute(f"ANALYZE {table}")
    logger.info("The spans of %s are indexed.", day)
    return True


def _build(cursor: Any, table: str, name: str, build: str) -> bool:
    """Build one index unless it is there; what an interrupted build has left is built anew."""
    cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [name])
    valid = cursor.fetchone()
    if valid == (True,):
        return False
    if valid is not None:
        cursor.execute(f"DROP INDEX {name}")
    # writers go on meanwhile; a transaction can't do that, and only tests have one
    concurrently = "" if connection.in_atomic_block else "CONCURRENTLY"
    cursor.execute(f"CREATE INDEX {concurrently} {name} ON {table} {build}")
    return True


def _summarize(cursor: Any, days: list[date]) -> None:
    """Let the indexes by page ranges know the pages that have come."""
    tables = [partitions.partition_name("tracing_observation", day) for day in days]
    cursor.execute(_FIGURES, [tables])
    for (index,) in cursor.fetchall():
        cursor.execute("SELECT brin_summarize_new_values(%s::regclass)", [index])
    cursor.execute("SELECT brin_summarize_new_values('tracing_trace_figures'::regclass)")
