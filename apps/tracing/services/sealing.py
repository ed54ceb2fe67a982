"""Building the search indexes of observations.

While spans come in, their day has the indexes it needs; the one that answers every filter is built when the day is
over, beside the writers and once for all of it: a third of the time that keeping it up to date would have taken. A day
with much in it gets indexes of its parts while it runs, so that what is not indexed stays little.
"""

import logging
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from django.db import connection

from apps.tracing import terms
from apps.tracing.writer import partitions
from apps.tracing.writer.coverage import SEARCH, Slice, read_coverage

logger = logging.getLogger(__name__)

#: After midnight (UTC), so that most late spans of the day are there.
AFTER: Final = timedelta(minutes=30)
#: A slice ends so long ago: most of its spans are there.
LAG: Final = timedelta(minutes=5)
#: A slice is indexed when the day's table has grown by so much since the last one: some 150,000 spans, …
SLICE_BYTES: Final = 128 * 2**20
#: … and by this part of it, for each index reads the whole table.
SLICE_SHARE: Final = 0.15
_LOCK: Final = 0x666C_7774  # any constant; two processes don't build the same index
_ROWS: Final = f"""
USING gin (
    ({terms.OBSERVATIONS.sql}),
    tags, metadata jsonb_path_ops, attributes jsonb_path_ops,
    (tracing_words({terms.TEXT_SQL})),
    {", ".join(f"({array})" for array in terms.OBSERVATIONS.objects_sql)}
)"""
_FIGURES: Final = """
SELECT inhrelid::regclass FROM pg_inherits JOIN pg_index ON indexrelid = inhrelid
WHERE inhparent = ANY (ARRAY['tracing_observation_figures'::regclass, 'tracing_observation_received'::regclass])
    AND indrelid = ANY (%s::regclass[])
"""


def seal(*, now: datetime | None = None) -> list[date]:
    """Index the days that are over and are not indexed yet, the newest first, and slices of the others.

    Returns the days that got their index. One process at a time does it.
    """
    now = now or datetime.now(UTC)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
        if cursor.fetchone() != (True,):
            return []
        try:
            days = sorted(partitions.existing_days(cursor), reverse=True)
            _summarize(cursor, [day for day in days if abs((now.date() - day).days) <= 1])
            begun = [day for day in days if _midnight(day) < now < _end(day) + AFTER]
            for day in begun:
                _slice(cursor, day, now)
            return [day for day in days if _end(day) + AFTER <= now and _index(cursor, day)]
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _end(day: date) -> datetime:
    return _midnight(day) + timedelta(days=1)


def _index(cursor: Any, day: date) -> bool:
    """Build a day's index unless it is there, in place of those of its slices; says whether it was built."""
    table = partitions.partition_name("tracing_observation", day)
    if not _build(cursor, f"{table}_{SEARCH}", f"ON {table} {_ROWS}"):
        return False
    cursor.execute(
        "SELECT indexrelid::regclass::text FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid "
        "WHERE indrelid = %s::regclass AND starts_with(relname, %s)",
        [table, f"{table}_{SEARCH}_"],
    )
    for (name,) in cursor.fetchall():
        cursor.execute(f"DROP INDEX {_concurrently()} {name}")
    _summarize(cursor, [day])
    cursor.execute(f"ANALYZE {table}")
    logger.info("The spans of %s are indexed.", day)
    return True


def _slice(cursor: Any, day: date, now: datetime) -> None:
    """Index what has come of a day since its last slice, when it is much."""
    table = partitions.partition_name("tracing_observation", day)
    cursor.execute("SELECT pg_relation_size(%s::regclass)", [table])
    size = cursor.fetchone()[0]
    last = max(read_coverage(cursor).plain.get(day, ()), default=None)
    grown = size - (_size_at(cursor, last) if last else 0)
    end = min(now - LAG, _end(day)).replace(second=0, microsecond=0)
    start = last.end if last else _midnight(day)
    if grown < max(SLICE_BYTES, size * SLICE_SHARE) or start >= end:
        return
    one = Slice(start, end)
    condition = f"start_time >= '{start.isoformat()}' AND start_time < '{end.isoformat()}'"
    if _build(cursor, one.name, f"ON {table} {_ROWS} WHERE {condition}"):
        cursor.execute(f"COMMENT ON INDEX {one.name} IS '{size}'")
        # how frequent values are decides whether the list asks the index
        cursor.execute(f"ANALYZE {table}")
        logger.info("The spans of %s from %s to %s are indexed.", day, f"{start:%H:%M}", f"{end:%H:%M}")


def _size_at(cursor: Any, one: Slice) -> int:
    """Bytes that the day's table had when a slice was indexed; none when that was interrupted before it was noted."""
    cursor.execute("SELECT obj_description(to_regclass(%s), 'pg_class')", [one.name])
    return int(cursor.fetchone()[0] or 0)


def _build(cursor: Any, name: str, definition: str) -> bool:
    """Build one index unless it is there; what an interrupted build has left is built anew."""
    cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [name])
    valid = cursor.fetchone()
    if valid == (True,):
        return False
    if valid is not None:
        cursor.execute(f"DROP INDEX {name}")
    cursor.execute(f"CREATE INDEX {_concurrently()} {name} {definition}")
    return True


def _concurrently() -> str:
    """Writers go on meanwhile; a transaction can't do that, and only tests have one."""
    return "" if connection.in_atomic_block else "CONCURRENTLY"


def _summarize(cursor: Any, days: list[date]) -> None:
    """Let the indexes by page ranges know the pages that have come."""
    tables = [partitions.partition_name("tracing_observation", day) for day in days]
    cursor.execute(_FIGURES, [tables])
    for (index,) in cursor.fetchall():
        cursor.execute("SELECT brin_summarize_new_values(%s::regclass)", [index])
    cursor.execute("SELECT brin_summarize_new_values('tracing_trace_figures'::regclass)")
