"""`manage.py up`: everything on one machine, until Ctrl-C."""

import os
import socket
import sys
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError
from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper

from apps.core.exceptions import FlywheelError
from apps.core.management import preparation
from apps.core.postgres import EmbeddedPostgres, PostgresError
from apps.core.services.first_start import NewInstallation, prepare_installation
from apps.core.supervisor import ChildSpec, Console, JsonConsole, RunFile, Supervisor
from config.celery import app as celery_app
from config.env import ROOT

EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound


class Command(BaseCommand):
    """Prepare the database and run web, worker, runner and beat under one supervisor."""

    help = "Starts everything: database, web server, worker and scheduler. Ctrl-C stops it."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        """Start, run, stop."""
        preparation.check_settings()
        preparation.share_metrics(settings.VAR_DIR / "metrics")
        json_lines = settings.LOG_FORMAT == "json"
        console = JsonConsole(sys.stdout) if json_lines else Console(sys.stdout, colour=sys.stdout.isatty())
        runfile = RunFile(settings.VAR_DIR / "run")
        if not runfile.acquire():
            raise CommandError(f"Flywheel already runs at {runfile.read().url}; `make down` stops it.")
        try:
            self._run(console, runfile)
        except (PostgresError, FlywheelError) as error:
            raise CommandError(str(error)) from None
        finally:
            runfile.release()

    def _run(self, console: Console, runfile: RunFile) -> None:
        for name in runfile.end_leftovers():
            console.line("flywheel", f"Ended the {name} that a killed run had left.")
        _require_free_port()
        database = EmbeddedPostgres(settings.VAR_DIR / "postgres") if settings.EMBEDDED_POSTGRES else None
        try:
            if database is not None and database.start() != settings.DATABASE_URL:
                _start_over()  # its port was taken meanwhile, and the settings still name the old one
            _supervise(console, runfile, database)
        except KeyboardInterrupt:
            console.line("flywheel", "Stopped before it was ready.")
        finally:
            if database is not None:
                database.stop()


def _supervise(console: Console, runfile: RunFile, database: EmbeddedPostgres | None) -> None:
    installation = _prepare(console)
    supervisor = Supervisor(
        children(), directory=ROOT, console=console, runfile=runfile, url=url(), database=database
    )
    try:
        supervisor.run(address=local_address(), ready=lambda: _announce(console, installation))
    finally:
        if not supervisor.ready:
            _tell(console, _credentials(installation))  # they are known here and nowhere else


def children() -> list[ChildSpec]:
    """The processes of the product on one machine."""
    # root is what a container usually has; the warning is about a message format that is not used
    quiet = ("-W", "ignore:You're running the worker")
    celery = (sys.executable, "-u", *quiet, "-m", "celery", "--quiet", "-A", "config.celery")
    return [
        ChildSpec("web", web_command()),
        ChildSpec(
            "worker",
            (
                *celery, "worker", "--pool", "prefork", "--concurrency", str(settings.WORKER_CONCURRENCY),
                "--queues", ",".join(settings.JOB_QUEUES), "--loglevel", settings.LOG_LEVEL.lower(),
                "--without-gossip", "--without-mingle", "--without-heartbeat",
            ),
        ),
        # runs of workflows; the command belongs to an app above
        ChildSpec("runner", (sys.executable, "-u", "manage.py", "runner")),
        ChildSpec("beat", (*celery, "beat", "--loglevel", "warning", "--pidfile=")),
        *([ChildSpec("sandbox", sandbox_command())] if not settings.SANDBOX_URL else []),
    ]  # fmt: skip


def sandbox_command() -> tuple[str, ...]:
    """The sandbox of this machine; one that refuses to start stays to say why."""
    return (sys.executable, "-u", "-m", "apps.core.management.commands.sandbox", "--stay")


def web_command() -> tuple[str, ...]:
    """The web server; its control socket would be the same for every installation of a user."""
    return (
        sys.executable, "-u", "-m", "gunicorn", "config.asgi:application", "--worker-class", "asgi",
        "--workers", str(settings.WEB_CONCURRENCY), "--bind", bind_address(),
        "--graceful-timeout", "5", "--no-control-socket", "--log-level", "warning",
    )  # fmt: skip


def bind_address() -> str:
    """Where the web server listens."""
    host = f"[{settings.HOST}]" if ":" in settings.HOST else settings.HOST
    return f"{host}:{settings.PORT}"


def local_address() -> tuple[str, int]:
    """Where this machine reaches the web server."""
    return EVERY_ADDRESS.get(settings.HOST, settings.HOST), settings.PORT


def url() -> str:
    """What to open in a browser on this machine."""
    host, port = local_address()
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def _require_free_port() -> None:
    family = socket.AF_INET6 if ":" in settings.HOST else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.HOST, settings.PORT))
        except OSError as error:
            message = f"Flywheel can't listen on {bind_address()} ({error.strerror}). Choose another port:"
            raise CommandError(f"{message} make up PORT={settings.PORT + 1}") from None


def _start_over() -> None:
    os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606 - this very command again


def _prepare(console: Console) -> NewInstallation | None:
    def say(text: str) -> None:
        console.line("flywheel", text)

    preparation.wait_for_database(say)
    preparation.migrate_if_needed(say)
    preparation.collect_static_if_changed(say)
    installation = prepare_installation(email=settings.ADMIN_EMAIL, password=settings.ADMIN_PASSWORD)
    # the supervisor itself needs no connection from here on, and none that would notice a restart
    celery_app.close()
    for wrapper in connections.all(initialized_only=True):
        wrapper.close()
        if isinstance(wrapper, DatabaseWrapper):
            wrapper.close_pool()
    return installation


def _announce(console: Console, installation: NewInstallation | None) -> None:
    lines = ["", f"Flywheel is ready: {url()}", *_credentials(installation)]
    if installation is not None and installation.job is not None:
        lines.append("The starter workspace is being filled in the background.")
    _tell(console, [*lines, "Ctrl-C stops it.", ""])


def _credentials(installation: NewInstallation | None) -> list[str]:
    """How to sign in for the first time; a password from the environment is not repeated."""
    if installation is None:
        return []
    lines = [f"Sign in as     {installation.administrator.email}"]
    if not settings.ADMIN_PASSWORD:
        lines.append(
            f"with password  {installation.password}   (shown this once; change it after signing in)"
        )
    return lines


def _tell(console: Console, lines: list[str]) -> None:
    for line in lines:
        console.line("flywheel", line)
