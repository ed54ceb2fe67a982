"""Daily partitions of the two span tables: made ahead, made on demand, dropped by retention."""

import logging
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol

logger = logging.getLogger(__name__)

TABLES = ("tracing_observation", "tracing_observationpayload")
DAYS_AHEAD = 7
#: Older spans than this go to the default partition, so that odd clocks can't make thousands of tables.
MAX_DAYS_BACK = 400

_LOCK = 0x666C_7773  # any constant; keeps two processes from making the same table
_SUFFIX = re.compile(r"_p(\d{8})$")


class Cursor(Protocol):
    """What psycopg's and Django's cursors have in common."""

    def execute(self, query: Any, params: Any = None, /) -> Any:
        """Run a statement."""

    def fetchall(self) -> list[Any]:
        """Rows of the last statement."""


def partition_name(table: str, day: date) -> str:
    """The name of a day's partition."""
    return f"{table}_p{day:%Y%m%d}"


def day_of(name: str) -> date | None:
    """The day of a partition by its name; None for the default partition."""
    match = _SUFFIX.search(name)
    return datetime.strptime(match[1], "%Y%m%d").replace(tzinfo=UTC).date() if match else None


def upcoming(today: date | None = None) -> list[date]:
    """Yesterday, today and the days that are made ahead."""
    today = today or datetime.now(UTC).date()
    return [today + timedelta(days=offset) for offset in range(-1, DAYS_AHEAD + 1)]


def existing_days(cursor: Cursor) -> set[date]:
    """Days for which both tables have a partition."""
    cursor.execute(
        "SELECT child.relname FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid "
        "WHERE inhparent = ANY (ARRAY[%s::regclass, %s::regclass])",
        TABLES,
    )
    days = [day for (name,) in cursor.fetchall() if (day := day_of(name)) is not None]
    return {day for day in days if days.count(day) == len(TABLES)}


def ensure(cursor: Cursor, days: Iterable[date]) -> list[date]:
    """Make the missing partitions of `days`, inside one transaction of the caller; returns the days made.

    Days further back than MAX_DAYS_BACK are left to the default partition.
    """
    oldest = datetime.now(UTC).date() - timedelta(days=MAX_DAYS_BACK)
    wanted = {day for day in days if day >= oldest}
    if not wanted - existing_days(cursor):
        return []
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    made = sorted(wanted - existing_days(cursor))
    for day in made:
        for table in TABLES:
            _make(cursor, table, day)
    return made


def _make(cursor: Cursor, table: str, day: date) -> None:
    """Make and attach one partition: ATTACH lets readers and writers of the other partitions go on."""
    name = partition_name(table, day)
    bounds = f"FROM ('{day} 00:00:00+00') TO ('{day + timedelta(days=1)} 00:00:00+00')"
    cursor.execute(f"CREATE TABLE IF NOT EXISTS {name} (LIKE {table} INCLUDING ALL)")
    cursor.execute("SELECT 1 FROM pg_inherits WHERE inhrelid = %s::regclass", [name])
    if cursor.fetchall():
        return
    # rows that arrived before their day had a partition move over
    cursor.execute(
        f"WITH moved AS (DELETE FROM {table}_default WHERE start_time >= %s AND start_time < %s RETURNING *) "  # noqa: S608 - constant names
        f"INSERT INTO {name} SELECT * FROM moved",
        [f"{day} 00:00:00+00", f"{day + timedelta(days=1)} 00:00:00+00"],
    )
    cursor.execute(f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES {bounds}")


def drop_before(cursor: Cursor, day: date) -> list[date]:
    """Drop the partitions of all days before `day` and the older rows of the default partitions."""
    old = sorted(found for found in existing_days(cursor) if found < day)
    for table in TABLES:
        for found in old:
            cursor.execute(f"DROP TABLE IF EXISTS {partition_name(table, found)}")
        cursor.execute(f"DELETE FROM {table}_default WHERE start_time < %s", [day])  # noqa: S608 - constant names
    return old
