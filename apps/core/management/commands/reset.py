"""`manage.py reset`: back to an empty installation."""

import shutil
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser

from apps.core.postgres import EmbeddedPostgres
from apps.core.supervisor import RunFile

KEPT = {"run", "postgres", "test-postgres"}


class Command(BaseCommand):
    """Delete all data of a stopped installation."""

    help = "Deletes the embedded database, uploads and generated keys."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the switch that skips the question."""
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *args: Any, yes: bool, **options: Any) -> None:
        """Ask, then delete."""
        runfile = RunFile(settings.VAR_DIR / "run")
        if not runfile.acquire():
            raise CommandError("Flywheel is running; stop it first (make down).")
        try:
            if yes or self._confirmed():
                _delete()
                self.stdout.write("All data is deleted. `make up` starts anew.")
        finally:
            runfile.release()

    def _confirmed(self) -> bool:
        if not settings.EMBEDDED_POSTGRES:
            self.stdout.write("The database of DATABASE_URL is not touched; empty it yourself.")
        self.stdout.write(f"This deletes every document, conversation, trace and key in {settings.VAR_DIR}.")
        try:
            answer = input("Type “delete” to go on: ")
        except EOFError:
            answer = ""
        if answer.strip() == "delete":
            return True
        self.stdout.write("Nothing was deleted.")
        return False


def _delete() -> None:
    EmbeddedPostgres(settings.VAR_DIR / "postgres").reset()
    for path in settings.VAR_DIR.iterdir():
        if path.name in KEPT:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
