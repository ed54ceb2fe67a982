"""Waking jobs whose message or process got lost."""

from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.utils import timezone

from apps.core.jobs.queue import wake
from apps.core.models import Job, JobState

UNHEARD_AFTER_S = 20.0  # a queued job this old may have lost its message


def sweep() -> int:
    """Send a new wake-up for each stranded job; returns how many."""
    now = timezone.now()
    stranded = Job.objects.filter(
        models.Q(state=JobState.RUNNING, lease_until__lt=now)
        | models.Q(state=JobState.QUEUED, updated_at__lt=now - timedelta(seconds=UNHEARD_AFTER_S))
    )[:500]
    jobs = list(stranded)
    for job in jobs:
        wake(job)
    # a job that is still queued is not woken on every sweep, or a backlog would multiply its messages
    Job.objects.filter(pk__in=[job.pk for job in jobs]).update(updated_at=now)
    return len(jobs)
