"""The clock of schedules: starts runs in the second they are due.

Every runner has one. Whoever comes first fires; the periodic sweep fires what no runner was there for.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import datetime
from typing import Final

from django.db import DatabaseError
from django.utils import timezone

from apps.agents.threads import in_thread
from apps.workflows.models import Trigger
from apps.workflows.triggers.schedule import fire_due

logger = logging.getLogger(__name__)

#: How often the plan is read anew: a schedule may have been made or changed.
_LOOK_S: Final = 5.0


class Clock:
    """Sleeps until the next moment of any schedule, and fires it."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="schedules")

    async def stop(self) -> None:
        """End; a firing under way is completed by its transaction or not at all."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            pause = _LOOK_S
            try:
                moment = await in_thread(_next_moment)
                if moment is not None:
                    pause = min(max((moment - timezone.now()).total_seconds(), 0.0), _LOOK_S)
                await asyncio.sleep(pause)
                if pause < _LOOK_S:
                    await in_thread(fire_due)
            except DatabaseError:
                logger.warning("Schedules wait for the database.", exc_info=True)
                await asyncio.sleep(_LOOK_S)


def _next_moment() -> datetime | None:
    return (
        Trigger.objects.live()
        .filter(kind="schedule", next_fire_at__isnull=False)
        .order_by("next_fire_at")
        .values_list("next_fire_at", flat=True)
        .first()
    )
