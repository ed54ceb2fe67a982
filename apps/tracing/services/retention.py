"""Keeping the span tables in shape: partitions ahead, old days dropped."""

import logging
from datetime import UTC, date, datetime, timedelta

from django.db import connection, transaction

from apps.tracing import conf
from apps.tracing.services.known_value import forget_values
from apps.tracing.writer import partitions

logger = logging.getLogger(__name__)

_TRACES_PER_STATEMENT = 100_000
# by their places in the table: a quarter of what finding each again by its key takes
_DELETE_SUMMARIES = """
DELETE FROM tracing_trace WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM tracing_trace WHERE end_time < %s LIMIT %s FOR UPDATE
))
"""


def keep_partitions(*, today: date | None = None) -> list[date]:
    """Make the partitions of the coming days; returns the days made."""
    with transaction.atomic(), connection.cursor() as cursor:
        return partitions.ensure(cursor, partitions.upcoming(today))


def drop_expired(*, today: date | None = None, days: int | None = None) -> list[date]:
    """Drop what is older than the retention (`days`, by default the setting); returns the days dropped."""
    days = days or conf.retention_days()
    if days is None:
        return []
    oldest = (today or datetime.now(UTC).date()) - timedelta(days=days)
    with transaction.atomic(), connection.cursor() as cursor:
        dropped = partitions.drop_before(cursor, oldest)
    midnight = datetime(oldest.year, oldest.month, oldest.day, tzinfo=UTC)
    removed = _delete_summaries(midnight)
    forget_values(before=midnight)
    if dropped or removed:
        logger.info("Retention dropped %d days of spans and %d traces.", len(dropped), removed)
    return dropped


def _delete_summaries(oldest: datetime) -> int:
    """Delete summaries of traces that ended before `oldest`, in statements of bounded size."""
    total = 0
    with connection.cursor() as cursor:
        while True:
            cursor.execute(_DELETE_SUMMARIES, [oldest, _TRACES_PER_STATEMENT])
            removed: int = cursor.rowcount
            total += removed
            if removed < _TRACES_PER_STATEMENT:
                return total
