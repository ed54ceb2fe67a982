"""Background work that survives its process.

The `Job` row is the truth. A Celery message is only a wake-up: whoever receives it claims the row under a lease; when
the process dies the lease runs out and the sweeper wakes another worker. Handlers must therefore be resumable.
"""

from __future__ import annotations

from apps.core.jobs.context import JobCancelled, JobContext, JobFailed, JobLost
from apps.core.jobs.periodic import PeriodicTask, periodic, periodic_tasks
from apps.core.jobs.queue import cancel, enqueue
from apps.core.jobs.registry import JobDefinition, definitions, task
from apps.core.jobs.runner import run_job
from apps.core.jobs.sweeper import sweep

__all__ = [
    "JobCancelled",
    "JobContext",
    "JobDefinition",
    "JobFailed",
    "JobLost",
    "PeriodicTask",
    "cancel",
    "definitions",
    "enqueue",
    "periodic",
    "periodic_tasks",
    "run_job",
    "sweep",
    "task",
]
