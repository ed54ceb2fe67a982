"""Jobs and periodic work of workflows. Executing runs is the runner's; this keeps what nobody is there for."""

from __future__ import annotations

from uuid import UUID

from apps.core import jobs
from apps.core.exceptions import FlywheelError
from apps.workflows.models import RunWait
from apps.workflows.services import data_table, outcome, retention, run_wait
from apps.workflows.services.callback import deliver
from apps.workflows.services.wait_mail import MAIL_JOB, send_announcement
from apps.workflows.triggers.schedule import fire_due


@jobs.periodic("workflows.sweep", seconds=5)
def sweep() -> None:
    """Expire waits, fire schedules that no runner fired, and finish what dead processes left after an end."""
    run_wait.expire_waits()
    fire_due()
    outcome.finish_ends()


@jobs.periodic("workflows.forget", seconds=3600)
def forget() -> int:
    """Delete what nodes of old runs did, and the keys of old inserts; returns how many runs."""
    data_table.forget_keys()
    return retention.forget_old_runs()


@jobs.task(outcome.CALLBACK_JOB, queue="runs")
def deliver_callback(ctx: jobs.JobContext, run_id: str) -> None:
    """Tell a run's callback address of its end."""
    deliver(ctx, UUID(run_id))


@jobs.task(MAIL_JOB, queue="default")
def mail_wait(ctx: jobs.JobContext, wait_id: str) -> None:
    """Tell people by mail that a run waits for them."""
    wait = RunWait.objects.filter(pk=wait_id).first()
    if wait is None:
        return
    try:
        send_announcement(wait)
    except FlywheelError as error:
        raise jobs.JobFailed(str(error.detail)) from error
