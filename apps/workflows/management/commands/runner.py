"""`manage.py runner`: executes runs of workflows until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import signal
from typing import Any

from django.core.management import BaseCommand, CommandParser

from apps.core.streams import close_current_hub
from apps.tracing import export
from apps.workflows.runner import Executor
from apps.workflows.triggers.clock import Clock

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    """Host an executor for background runs, and keep the time of schedules."""

    help = "Executes runs of workflows. Several may work side by side; a run whose process dies goes on in another."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Slots, and the time that runs get to finish when the process is told to stop."""
        parser.add_argument("--slots", type=int, default=None, help="Runs executed at the same time.")
        parser.add_argument(
            "--drain", type=float, default=3.0, help="Seconds that runs get to finish at the end."
        )

    def handle(self, *args: Any, slots: int | None, drain: float, **options: Any) -> None:
        """Work until SIGTERM or SIGINT."""
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_main(slots, drain))
        export.flush()


def _loop_factory() -> Any:
    import uvloop

    return uvloop.new_event_loop


async def _main(slots: int | None, drain_s: float) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopped.set)
    executor = Executor(slots=slots)
    clock = Clock()
    executor.start()
    clock.start()
    try:
        await stopped.wait()
    finally:
        await clock.stop()
        await executor.stop(drain_s)
        await close_current_hub()
