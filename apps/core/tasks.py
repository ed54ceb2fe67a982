"""Celery shims of the platform."""

from __future__ import annotations

from celery import shared_task

from apps.core import jobs


@shared_task(name="core.run_job")
def run_job(job_id: str) -> bool:
    """Run one job; see `apps.core.jobs`."""
    return jobs.run_job(job_id)


@shared_task(name="core.run_periodic")
def run_periodic(name: str) -> None:
    """Run one periodic task by name."""
    jobs.periodic_tasks[name].handler()


@jobs.periodic("core.sweep_jobs", seconds=5)
def sweep_jobs() -> int:
    """Wake jobs whose worker died."""
    return jobs.sweep()
