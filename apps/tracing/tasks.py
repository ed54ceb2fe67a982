"""Periodic work of tracing."""

from apps.core.jobs import periodic
from apps.tracing.services import forwarder, retention


@periodic("tracing.keep_partitions", seconds=3600)
def keep_partitions() -> None:
    """Make the partitions of the coming days and drop the expired ones."""
    retention.keep_partitions()
    retention.drop_expired()


@periodic("tracing.forward", seconds=5)
def forward() -> None:
    """Send new spans on to other back ends."""
    forwarder.forward_all()
