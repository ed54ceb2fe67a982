"""Running one job under its lease."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta
from types import TracebackType
from typing import Self
from uuid import UUID, uuid4

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, models
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.core.exceptions import FlywheelError
from apps.core.jobs.context import JobCancelled, JobContext, JobFailed, JobLost, publish_job
from apps.core.jobs.registry import definitions
from apps.core.models import Job, JobState

logger = logging.getLogger(__name__)


def run_job(job_id: str | UUID) -> bool:
    """Claim and run a job; False when it is finished, cancelled, or held by another worker."""
    token = uuid4()
    job = claim(job_id, token)
    if job is None:
        return False
    publish_job(job)
    try:
        with Heartbeat(job, token):
            state, error = _execute(job, token)
    except (OperationalError, InterfaceError):
        # The database went away: nothing can be written now, and the work is not at fault. The lease runs out and the
        # sweeper has the job run again.
        logger.warning("Job %s lost the database; it will be taken up again.", job.pk, exc_info=True)
        return False
    except JobLost:
        logger.warning("Job %s is held by another worker now.", job.pk)
        return False
    _finish(job, token, state, error)
    return True


def claim(job_id: str | UUID, token: UUID) -> Job | None:
    """Take the lease of a job that waits or whose lease has run out; None when there is nothing to take."""
    now = timezone.now()
    free = models.Q(state=JobState.QUEUED) | models.Q(state=JobState.RUNNING, lease_until__lt=now)
    taken = Job.objects.filter(free, pk=job_id).update(
        state=JobState.RUNNING,
        lease_token=token,
        lease_until=now + timedelta(seconds=settings.JOB_LEASE_S),
        attempts=models.F("attempts") + 1,
        started_at=Coalesce("started_at", now),
    )
    return Job.objects.select_related("workspace", "created_by").get(pk=job_id) if taken else None


def _execute(job: Job, token: UUID) -> tuple[JobState, str]:
    definition = definitions.get(job.task)
    if definition is None:
        return JobState.FAILED, _("This version does not know the task “%(task)s”.") % {"task": job.task}
    if job.cancel_requested:
        return JobState.CANCELLED, ""
    if job.attempts > definition.max_attempts:
        return JobState.FAILED, _("Its process died %(count)d times while working on it.") % {
            "count": job.attempts - 1
        }
    try:
        definition.run(JobContext(job, token))
    except JobCancelled:
        return JobState.CANCELLED, ""
    except JobFailed as failure:
        return JobState.FAILED, str(failure)
    except FlywheelError as failure:
        return JobState.FAILED, str(failure.detail)
    except (OperationalError, InterfaceError, JobLost):
        raise
    except Exception:
        logger.exception("Job %s (%s) failed.", job.pk, job.task)
        return JobState.FAILED, _("An unexpected error; the worker's log tells more (job %(id)s).") % {
            "id": job.pk
        }
    return JobState.SUCCEEDED, ""


def _finish(job: Job, token: UUID, state: JobState, error: str) -> None:
    job.state, job.error, job.finished_at = state, error, timezone.now()
    written = Job.objects.filter(pk=job.pk, lease_token=token).update(
        state=state, error=error, finished_at=job.finished_at, lease_token=None, lease_until=None
    )
    if written:
        publish_job(job)


class Heartbeat:
    """Keeps the lease of a running job in the future from a thread of its own."""

    def __init__(self, job: Job, token: UUID) -> None:
        self._job_id = job.pk
        self._token = token
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"heartbeat-{job.pk}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join(timeout=settings.JOB_HEARTBEAT_S)

    def _beat(self) -> None:
        while not self._stopped.wait(settings.JOB_HEARTBEAT_S):
            try:
                Job.objects.filter(pk=self._job_id, lease_token=self._token).update(
                    lease_until=timezone.now() + timedelta(seconds=settings.JOB_LEASE_S)
                )
            except (OperationalError, InterfaceError):
                logger.warning("The heartbeat of job %s missed a beat.", self._job_id)
            finally:
                connection.close()
