"""`manage.py down`: stop what `up` started, from another terminal."""

import os
import signal
import time
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from apps.core.postgres import EmbeddedPostgres
from apps.core.supervisor import RunFile

WAIT_SECONDS = 30


class Command(BaseCommand):
    """Stop the supervisor, or what a killed one left."""

    help = "Stops everything that `up` started."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask the supervisor to stop, wait for it, and tidy up after one that is gone."""
        runfile = RunFile(settings.VAR_DIR / "run")
        if not runfile.acquire():
            _stop(runfile)
        runfile.end_leftovers()
        if settings.EMBEDDED_POSTGRES:
            EmbeddedPostgres(settings.VAR_DIR / "postgres").stop()
        runfile.release()
        self.stdout.write("Flywheel is stopped.")


def _stop(runfile: RunFile) -> None:
    pid = runfile.read().pid
    if pid:
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + WAIT_SECONDS
    while not runfile.acquire():
        if time.monotonic() > deadline:
            raise CommandError(f"Process {pid} does not stop.")
        time.sleep(0.1)
