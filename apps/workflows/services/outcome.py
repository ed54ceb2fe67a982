"""How a run ends outside its execution, and what follows from an end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection, models, transaction
from django.db.models.functions import Cast
from django.utils import timezone

from apps.core import hooks, jobs
from apps.core.actors import Actor
from apps.core.streams import append_now
from apps.workflows.models import RunState, RunWait, Trigger, TriggerFiring, WaitState, WorkflowRun

CALLBACK_JOB: Final = "workflows.deliver_callback"
RUN_FAILED: Final = "run_failed"
_AT_ONCE: Final = 100
_LOOK_BACK: Final = timedelta(minutes=2)


def stop_now(run: WorkflowRun) -> None:
    """End a run that nobody executes; the caller has locked its row, in a transaction."""
    end_now(run, RunState.STOPPED, "run.stopped", {"reason": run.stop_reason})
    run_ended(run.pk)


@transaction.atomic
def fail_held(run_id: UUID, owner: str, data: Mapping[str, Any]) -> bool:
    """End a run that `owner` holds with a failure; False when somebody else holds it by now."""
    run = (
        WorkflowRun.objects.select_for_update(of=("self",))
        .filter(pk=run_id, lease_owner=owner, state=RunState.RUNNING)
        .first()
    )
    if run is None:
        return False
    run.error = data["error"]
    end_now(run, RunState.FAILED, "run.failed", data)
    return True


def end_now(run: WorkflowRun, state: RunState, event: str, data: Mapping[str, Any]) -> None:
    """Write the end of a run whose row the caller has locked."""
    run.state = state
    run.finished_at = timezone.now()
    run.lease_owner, run.lease_until = "", None
    run.save()
    RunWait.objects.open().filter(run=run).update(state=WaitState.CANCELLED)
    usage = {"input_tokens": run.input_tokens, "output_tokens": run.output_tokens, "cost": str(run.cost)}
    told = {"usage": usage, "steps": run.steps, "ms": run.elapsed_ms, **data}
    with connection.cursor() as cursor:
        append_now(cursor, run.pk, event, told)


@transaction.atomic
def run_ended(run_id: UUID) -> None:
    """Do what an end asks for: tell the caller's address, and those who listen for failures. Safe to call twice."""
    run = WorkflowRun.objects.select_related("workspace", "workflow").filter(pk=run_id).first()
    if run is None or not run.is_final:
        return
    if run.callback_state == "pending":
        _send_callback(run)
    if run.state == RunState.FAILED:
        _tell_failure(run)


def finish_ends() -> int:
    """Do the same for runs whose process died right after their end; returns how many that were."""
    pending = WorkflowRun.objects.ended().filter(callback_state="pending").order_by("finished_at")
    ids = list(pending.values_list("pk", flat=True)[:_AT_ONCE])
    ids += _untold_failures()
    for run_id in ids:
        run_ended(run_id)
    return len(ids)


def _untold_failures() -> list[UUID]:
    """Recent failures in workspaces that listen to failures, of which no trigger has fired. Telling twice does
    nothing: a firing has a key."""
    listening = Trigger.objects.live().filter(
        kind="event", event=RUN_FAILED, workspace=models.OuterRef("workspace")
    )
    fired = TriggerFiring.objects.filter(
        trigger__event=RUN_FAILED,
        workspace=models.OuterRef("workspace"),
        key=Cast(models.OuterRef("pk"), models.CharField()),
    )
    recent = WorkflowRun.objects.filter(
        models.Exists(listening),
        ~models.Exists(fired),
        state=RunState.FAILED,
        finished_at__gte=timezone.now() - _LOOK_BACK,
    )
    return list(recent.order_by("-finished_at").values_list("pk", flat=True)[:_AT_ONCE])


def _send_callback(run: WorkflowRun) -> None:
    if not WorkflowRun.objects.filter(pk=run.pk, callback_state="pending").update(callback_state="sending"):
        return
    jobs.enqueue(
        CALLBACK_JOB,
        actor=Actor.system("workflows"),
        workspace=run.workspace,
        args={"run_id": str(run.pk)},
        subject=run,
        title=run.callback_url[:200],
    )


def _tell_failure(run: WorkflowRun) -> None:
    hooks.tell(
        hooks.Happening(
            name=RUN_FAILED,
            workspace=run.workspace,
            key=str(run.pk),
            data={
                "run_id": str(run.pk),
                "workflow_id": str(run.workflow_id),
                "workflow": run.workflow.name,
                "trigger": run.trigger_kind,
                "error": run.error or {},
                "inputs": run.inputs,
            },
        )
    )
