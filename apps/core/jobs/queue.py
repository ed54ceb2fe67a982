"""Starting and cancelling jobs."""

from __future__ import annotations

from typing import Any

from celery import current_app
from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from apps.core import audit, permissions
from apps.core.actors import Actor
from apps.core.jobs.context import publish_job
from apps.core.jobs.registry import definitions
from apps.core.models import Job, JobState, Workspace

WAKE_UP = "core.run_job"


def enqueue(
    name: str,
    *,
    actor: Actor,
    workspace: Workspace,
    args: dict[str, Any] | None = None,
    subject: models.Model | None = None,
    title: str = "",
) -> Job:
    """Create a job and wake a worker when the transaction commits.

    The caller has checked that `actor` may do this. `args` must be JSON and is handed to the handler by keyword.
    """
    definition = definitions[name]
    job = Job.objects.create(
        workspace=workspace,
        task=name,
        title=title[:200],
        queue=definition.queue,
        args=args or {},
        subject_type=subject._meta.label_lower if subject is not None else "",
        subject_id=str(subject.pk) if subject is not None else "",
        created_by=actor.user,
    )
    wake(job)
    return job


def wake(job: Job) -> None:
    """Send the wake-up message of `job` on commit. A lost message costs time only: the sweeper sends another."""
    if settings.JOBS_DISPATCH == "celery":
        transaction.on_commit(
            lambda: current_app.send_task(WAKE_UP, args=[str(job.pk)], queue=job.queue), robust=True
        )


@transaction.atomic
def cancel(*, actor: Actor, job: Job) -> Job:
    """Ask a job to stop. One that still waits is cancelled at once; a running one stops at its next checkpoint."""
    permissions.require(actor, "change", job)
    locked = Job.objects.select_for_update().get(pk=job.pk)
    if JobState(locked.state).is_final or locked.cancel_requested:
        return locked
    locked.cancel_requested = True
    if locked.state == JobState.QUEUED:
        locked.state = JobState.CANCELLED
        locked.finished_at = timezone.now()
    locked.save(update_fields=["cancel_requested", "state", "finished_at", "updated_at"])
    audit.record(actor=actor, action="core.job.cancel", obj=locked)
    publish_job(locked)
    return locked
