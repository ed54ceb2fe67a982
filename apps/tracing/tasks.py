"""Periodic work of tracing."""

from apps.core.jobs import periodic
from apps.tracing.services import retention


@periodic("tracing.keep_partitions", seconds=3600)
def keep_partitions() -> None:
    """Make the partitions of the coming days and drop the expired ones."""
    retention.keep_partitions()
    retention.drop_expired()
