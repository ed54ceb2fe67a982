"""Periodic work of tracing."""

from apps.core.jobs import periodic
from apps.tracing.services import forwarder, retention, rollup


@periodic("tracing.keep_partitions", seconds=3600)
def keep_partitions() -> None:
    """Make the partitions of the coming days and drop the expired ones."""
    retention.keep_partitions()
    retention.drop_expired()


@periodic("tracing.forward", seconds=5)
def forward() -> None:
    """Send new spans on to other back ends."""
    forwarder.forward_all()


@periodic("tracing.roll_up", seconds=10)
def roll_up() -> None:
    """Add up what has arrived for the dashboards."""
    rollup.roll_up()


@periodic("tracing.drop_old_rollups", seconds=3600)
def drop_old_rollups() -> None:
    """Delete rollups finer than anybody asks for."""
    rollup.drop_old()
