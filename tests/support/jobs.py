"""Running queued jobs inside a test."""

from __future__ import annotations

from apps.core import jobs
from apps.core.models import Job, JobState


def run_queued(*, limit: int = 100) -> list[Job]:
    """Run all queued jobs, also those that they enqueue; returns them with their final state."""
    finished: list[Job] = []
    for _ in range(limit):
        job = Job.objects.filter(state=JobState.QUEUED).order_by("created_at").first()
        if job is None:
            return finished
        jobs.run_job(job.pk)
        job.refresh_from_db()
        finished.append(job)
    raise AssertionError(f"More than {limit} jobs were queued.")
