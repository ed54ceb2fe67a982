"""How the installation is doing."""

from __future__ import annotations

import platform
import shutil
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import django
from django.conf import settings
from django.db import connection
from django.db.models import Count, Min, Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django_celery_beat.models import PeriodicTask

from apps.core.admin.installation import InstallationPage
from apps.core.jobs import periodic_tasks
from apps.core.models import Job, JobState
from config.env import ROOT

SCHEDULER_LATE_AFTER_S = 300.0  # beat writes down what it sent every three minutes
QUEUE_LATE_AFTER_S = 60.0
DISK_LOW_BELOW = 0.1  # share of the disk that is free
TASK_LATENESS = 3.0  # a task is late when it was not sent for this many of its intervals


@dataclass(frozen=True, slots=True)
class Check:
    """One line: is it well, and a sentence about it."""

    title: str | Promise
    text: str | Promise
    tone: str


@dataclass(frozen=True, slots=True)
class Queue:
    """How full a queue is."""

    name: str
    waiting: int
    running: int
    stranded: int
    oldest: datetime | None


class SystemPage(InstallationPage):
    """Versions, database, scheduler, queues and disk."""

    title = _("System")
    template_name = "core/system.html"

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """Everything is read afresh."""
        queues = read_queues()
        return {
            "versions": versions(),
            "checks": [check_scheduler(), check_workers(queues), check_disk()],
            "queues": queues,
            "database": database_facts(),
        }


@cache
def product_version() -> str:
    """Return the version in `pyproject.toml`."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        version: str = tomllib.load(file)["project"]["version"]
    return version


def versions() -> list[tuple[str, str]]:
    """Return (what, version) of the product and what it stands on."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('server_version'), extversion FROM pg_extension WHERE extname = 'vector'"
        )
        server, vector = cursor.fetchone() or ("?", "?")
    return [
        ("Flywheel", product_version()),
        ("Python", platform.python_version()),
        ("Django", django.get_version()),
        ("PostgreSQL", server),
        ("pgvector", vector),
    ]


def database_facts() -> dict[str, Any]:
    """Return size in bytes, connections in use and allowed, and the largest tables."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_database_size(current_database()), current_setting('max_connections')::int,"
            " (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database())"
        )
        size, allowed, used = cursor.fetchone() or (0, 0, 0)
        cursor.execute(
            "SELECT relname, pg_total_relation_size(oid) FROM pg_class"
            " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 2 DESC LIMIT 8"
        )
        tables = cursor.fetchall()
    return {
        "size": size,
        "allowed": allowed,
        "used": used,
        "tables": tables,
        "embedded": settings.EMBEDDED_POSTGRES,
    }


def read_queues() -> list[Queue]:
    """Return each queue with its open jobs; a stranded job is one whose worker let its lease run out."""
    now = timezone.now()
    rows = {
        row["queue"]: row
        for row in Job.objects.open()
        .order_by()
        .values("queue")
        .annotate(
            waiting=Count("pk", filter=Q(state=JobState.QUEUED)),
            running=Count("pk", filter=Q(state=JobState.RUNNING)),
            stranded=Count("pk", filter=Q(state=JobState.RUNNING, lease_until__lt=now)),
            oldest=Min("created_at", filter=Q(state=JobState.QUEUED)),
        )
    }
    return [_queue(name, rows.get(name, {})) for name in settings.JOB_QUEUES]


def _queue(name: str, row: Mapping[str, Any]) -> Queue:
    return Queue(
        name, row.get("waiting", 0), row.get("running", 0), row.get("stranded", 0), row.get("oldest")
    )


def check_scheduler() -> Check:
    """Is beat sending its most frequent task?"""
    every = {name: task.seconds for name, task in periodic_tasks}
    last = (
        PeriodicTask.objects.filter(enabled=True, last_run_at__isnull=False).order_by("-last_run_at").first()
    )
    title = _("Scheduler")
    if last is None:
        return Check(
            title,
            _("No run is recorded yet. It reports every three minutes; it runs as the process “beat”."),
            "warn",
        )
    late = max(SCHEDULER_LATE_AFTER_S, min(every.values(), default=SCHEDULER_LATE_AFTER_S) * TASK_LATENESS)
    if timezone.now() - last.last_run_at > timedelta(seconds=late):
        return Check(title, _("It has stopped: nothing was sent lately. Start the process “beat”."), "error")
    return Check(title, _("It sends its tasks on time."), "ok")


def check_workers(queues: list[Queue]) -> Check:
    """Do waiting jobs get taken?"""
    title = _("Workers")
    now = timezone.now()
    if any(queue.stranded for queue in queues):
        return Check(title, _("A worker died; its jobs are being taken up by another one."), "warn")
    if any(queue.oldest and (now - queue.oldest).total_seconds() > QUEUE_LATE_AFTER_S for queue in queues):
        if any(queue.running for queue in queues):
            return Check(
                title, _("They are busy: jobs wait for more than a minute. Start more workers."), "warn"
            )
        return Check(title, _("Jobs wait and nobody takes them. Start the process “worker”."), "error")
    return Check(title, _("Waiting jobs are taken at once."), "ok")


def check_disk() -> Check:
    """Is there room for data and uploads?"""
    usage = shutil.disk_usage(settings.VAR_DIR)
    free_gb, total_gb = usage.free / 2**30, usage.total / 2**30
    text = _("%(free).1f GB of %(total).1f GB are free.") % {"free": free_gb, "total": total_gb}
    return Check(_("Disk"), text, "ok" if usage.free / usage.total > DISK_LOW_BELOW else "warn")
