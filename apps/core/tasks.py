"""Celery shims of the platform."""

from __future__ import annotations

from celery import shared_task

from apps.core import hooks, jobs
from apps.core.actors import Actor


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


@jobs.task("core.first_start", queue="default")
def first_start(ctx: jobs.JobContext) -> None:
    """Run what every app does for a new installation. Hooks are idempotent: a killed worker starts them again."""
    steps = list(hooks.first_start)
    for done, (name, hook) in enumerate(steps):
        ctx.progress(done, len(steps), name)
        hook(Actor.system("setup"), ctx.job.workspace)
    ctx.progress(len(steps), len(steps))
