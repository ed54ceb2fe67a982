"""Periodic work of agents."""

from __future__ import annotations

from apps.agents.services.lease import close_abandoned
from apps.agents.services.stream import purge_old_streams
from apps.core import jobs


@jobs.periodic("agents.close_abandoned_answers", seconds=5)
def close_abandoned_answers() -> int:
    """Give answers whose process died a true state."""
    return close_abandoned()


@jobs.periodic("agents.purge_streams", seconds=3600)
def purge_streams() -> int:
    """Drop token streams that nobody needs any more."""
    return purge_old_streams()
