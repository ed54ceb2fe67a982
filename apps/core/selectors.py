"""Reads of the platform."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connection
from django.db.models import Count, Min
from django.utils import timezone

from apps.core.ids import is_uuid
from apps.core.metrics import Reading
from apps.core.models import Job, User, Workspace
from apps.core.models.job import JobState


def may_watch_job(user: User, key: str) -> bool:
    """Tell whether `user` may see the job with this id."""
    return is_uuid(key) and Job.objects.visible_to(user).filter(pk=key).exists()


def may_watch_workspace(user: User, key: str) -> bool:
    """Tell whether `user` belongs to the workspace with this id."""
    return is_uuid(key) and Workspace.objects.visible_to(user).filter(pk=key).exists()


def workspaces_of(user: User) -> list[Workspace]:
    """Return the workspaces that `user` may enter, by name."""
    return list(Workspace.objects.visible_to(user).order_by("name").distinct())


def open_jobs() -> Iterator[Reading]:
    """Jobs that are not finished, by queue and state."""
    rows = Job.objects.open().values_list("queue", "state").annotate(count=Count("pk")).order_by()
    for queue, state, count in rows:
        yield Reading((queue, state), count)


def oldest_job_seconds() -> Iterator[Reading]:
    """How long the oldest waiting job of each queue has waited."""
    waiting = Job.objects.filter(state=JobState.QUEUED).values_list("queue").annotate(since=Min("created_at"))
    for queue, since in waiting.order_by():
        yield Reading((queue,), max((timezone.now() - since).total_seconds(), 0.0))


def database_connections() -> Iterator[Reading]:
    """Connections of this installation's database user, by state."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(state, 'other'), count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND usename = current_user GROUP BY 1"
        )
        for state, count in cursor.fetchall():
            yield Reading((state,), count)
