"""How a run ends outside its execution: written once, together with its ledger's last event."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.utils import timezone

from apps.core.streams import append_now
from apps.workflows.models import RunState, RunWait, WaitState, WorkflowRun


def stop_now(run: WorkflowRun) -> None:
    """End a run that nobody executes; the caller has locked its row, in a transaction."""
    end_now(run, RunState.STOPPED, "run.stopped", {"reason": run.stop_reason})


def fail_now(run: WorkflowRun, message: str, code: str) -> None:
    """The same for one that can't go on."""
    run.error = {"message": message, "code": code}
    end_now(run, RunState.FAILED, "run.failed", {"error": run.error})


def end_now(run: WorkflowRun, state: RunState, event: str, data: dict[str, Any]) -> None:
    """Write the end of a run whose row the caller has locked."""
    run.state = state
    run.finished_at = timezone.now()
    run.lease_owner, run.lease_until = "", None
    run.save()
    RunWait.objects.open().filter(run=run).update(state=WaitState.CANCELLED)
    usage = {"input_tokens": run.input_tokens, "output_tokens": run.output_tokens, "cost": str(run.cost)}
    with connection.cursor() as cursor:
        append_now(cursor, run.pk, event, {**data, "usage": usage, "steps": run.steps, "ms": run.elapsed_ms})
