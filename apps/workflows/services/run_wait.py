"""Answers to what runs wait for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.core import audit, permissions
from apps.core.actors import Actor
from apps.core.exceptions import Invalid
from apps.core.streams import command_now
from apps.workflows.exceptions import WaitClosedError
from apps.workflows.models import RunState, RunWait, WaitState, WorkflowRun
from apps.workflows.services.run import ANSWER, wake_executors

_AT_ONCE = 100


@transaction.atomic
def answer_wait(*, actor: Actor, wait: RunWait, answer: Mapping[str, Any], by_token: bool = False) -> RunWait:
    """Answer a question, form or approval: its run goes on, on whichever process takes it.

    by_token: the actor came by the form's address, which is the permission. Raises WaitClosedError.
    """
    if not by_token:
        permissions.require(actor, "answer", wait)
    if not isinstance(answer, Mapping):
        raise Invalid(_("An answer is an object of names and values."))
    run = WorkflowRun.objects.select_for_update(of=("self",)).get(pk=wait.run_id)
    locked = RunWait.objects.select_for_update(of=("self",)).get(pk=wait.pk)
    now = timezone.now()
    if locked.state != WaitState.OPEN or run.is_final:
        raise WaitClosedError(_("It was answered already, or the run has ended."), state=locked.state)
    if locked.expires_at is not None and locked.expires_at <= now:
        raise WaitClosedError(_("The time to answer is over."), state=WaitState.EXPIRED)
    locked.state, locked.answer = WaitState.ANSWERED, dict(answer)
    locked.answered_by, locked.answered_at = actor.user, now
    locked.save(update_fields=["state", "answer", "answered_by", "answered_at", "updated_at"])
    audit.record(
        actor=actor, action="workflows.run_wait.answer", obj=locked, after={"run": str(run.pk), "path": wait.path}
    )  # fmt: skip
    resume(run)
    return locked


def expire_waits() -> int:
    """Go on with runs whose waits were not answered in time; returns how many waits that were."""
    overdue = RunWait.objects.overdue(timezone.now()).order_by("expires_at").values_list("pk", "run_id")
    return sum(_expire(wait_id, run_id) for wait_id, run_id in list(overdue[:_AT_ONCE]))


@transaction.atomic
def _expire(wait_id: Any, run_id: Any) -> int:
    run = WorkflowRun.objects.select_for_update(of=("self",), skip_locked=True).filter(pk=run_id).first()
    if run is None:
        return 0
    closed = (
        RunWait.objects.overdue(timezone.now())
        .filter(pk=wait_id)
        .update(state=WaitState.EXPIRED, answer={"timeout": True}, answered_at=timezone.now())
    )
    if closed:
        resume(run)
    return closed


def resume(run: WorkflowRun) -> None:
    """Have a run, whose row the caller has locked, take up its answers."""
    if run.state == RunState.WAITING:
        run.state, run.queued_at = RunState.QUEUED, timezone.now()
        run.save(update_fields=["state", "queued_at", "updated_at"])
        wake_executors(run.mode)
    elif run.state == RunState.RUNNING:
        with connection.cursor() as cursor:
            command_now(cursor, run.pk, ANSWER)
