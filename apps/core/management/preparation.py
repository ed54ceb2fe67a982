"""What has to be true before the processes of the product may start; each step is cheap when it is."""

import hashlib
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core import checks
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from config.env import hand_down

Say = Callable[[str], None]

OLDEST_POSTGRES = 16
DATABASE_WAIT_SECONDS = 60
DATABASE_RETRY_SECONDS = 2


def check_settings() -> None:
    """End with the sentences of the system checks when a setting is wrong."""
    errors = [message for message in checks.run_checks() if message.is_serious()]
    if errors:
        raise CommandError("\n".join(f"{error.msg} {error.hint or ''}".strip() for error in errors))


def share_metrics(directory: Path) -> None:
    """Have the processes that are started from here add up their figures in `directory`, beginning at nothing."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    hand_down("PROMETHEUS_MULTIPROC_DIR", str(directory))


def wait_for_database(say: Say) -> None:
    """Wait until the database answers, and refuse one that can't hold the product."""
    deadline = time.monotonic() + DATABASE_WAIT_SECONDS
    while problem := _connection_problem():
        if time.monotonic() > deadline:
            raise CommandError(f"The database of DATABASE_URL does not answer: {problem}")
        say(f"Waiting for the database: {problem}")
        time.sleep(DATABASE_RETRY_SECONDS)


def _connection_problem() -> str:
    """Why the database can't be used now, or "". Django's pool would wait and hide the reason."""
    try:
        with psycopg.connect(settings.DATABASE_URL, connect_timeout=5) as database:
            query = "select count(*) from pg_available_extensions where name = 'vector'"
            row = database.execute(query).fetchone()
            version = database.info.server_version // 10_000
    except psycopg.OperationalError as error:
        return str(error).strip().splitlines()[0]
    if version < OLDEST_POSTGRES or row == (0,):
        raise CommandError(
            f"DATABASE_URL needs PostgreSQL {OLDEST_POSTGRES} or later with pgvector installed."
        )
    return ""


def migrate_if_needed(say: Say) -> None:
    """Bring the tables up to date."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        say(f"Preparing the database ({len(plan)} steps).")
        call_command("migrate", interactive=False, verbosity=0)


def collect_static_if_changed(say: Say) -> None:
    """Gather style sheets, scripts and images when one of them has changed since the last time."""
    if settings.DEBUG:
        return
    stamp = Path(settings.STATIC_ROOT) / ".fingerprint"
    fingerprint = _static_fingerprint()
    if stamp.exists() and stamp.read_text() == fingerprint:
        return
    say("Gathering the files for the browser.")
    call_command("collectstatic", interactive=False, verbosity=0)
    stamp.write_text(fingerprint)


def _static_fingerprint() -> str:
    lines = sorted(_static_files())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _static_files() -> Iterator[str]:
    for finder in get_finders():
        for path, storage in finder.list(None):
            stats = Path(storage.path(path)).stat()
            yield f"{path} {stats.st_size} {stats.st_mtime_ns}"
