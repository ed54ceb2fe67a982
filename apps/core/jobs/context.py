"""What a job's handler sees."""

from __future__ import annotations

import time
from uuid import UUID

from apps.core import events
from apps.core.models import Job, JobState


class JobCancelled(Exception):
    """Somebody asked the job to stop. Handlers let it pass after tidying up."""


class JobFailed(Exception):
    """The job cannot succeed; the message is shown to the person who waits."""


class JobLost(Exception):
    """Another worker holds the job now; this one must stop without writing anything."""


class JobContext:
    """Progress, cancellation and the lease of one running job."""

    PROGRESS_INTERVAL_S = 0.25  # a progress bar needs no more

    def __init__(self, job: Job, token: UUID) -> None:
        self.job = job
        self.token = token
        self._reported_at = 0.0

    def progress(self, done: int, total: int, message: str = "") -> None:
        """Report `done` of `total` units. Cheap enough to call per unit; raises like `checkpoint`."""
        now = time.monotonic()
        changed = message != self.job.message or done >= total
        self.job.done, self.job.total, self.job.message = done, total, message[:300]
        if not changed and now - self._reported_at < self.PROGRESS_INTERVAL_S:
            return
        self._reported_at = now
        self._write()
        publish_job(self.job)
        self.checkpoint()

    def checkpoint(self) -> None:
        """Raise `JobCancelled` when asked to stop, `JobLost` when the lease went to another worker."""
        row = Job.objects.filter(pk=self.job.pk).values("lease_token", "cancel_requested").first()
        if row is None or row["lease_token"] != self.token:
            raise JobLost
        if row["cancel_requested"]:
            raise JobCancelled

    def _write(self) -> None:
        Job.objects.filter(pk=self.job.pk, lease_token=self.token).update(
            done=self.job.done, total=self.job.total, message=self.job.message
        )


def publish_job(job: Job) -> None:
    """Tell open pages how the job stands, on its own topic and on its subject's."""
    data = {
        "id": str(job.pk),
        "task": job.task,
        "title": job.title,
        "state": job.state,
        "done": job.done,
        "total": job.total,
        "percent": job.percent,
        "message": job.message,
        "error": job.error,
        "final": JobState(job.state).is_final,
    }
    events.publish(f"job:{job.pk}", "job", data)
    if job.subject_type:
        events.publish(f"{job.subject_type}:{job.subject_id}", "job", data)
