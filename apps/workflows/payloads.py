"""Runs and waits as JSON, the same at every door."""

from __future__ import annotations

from typing import Any

from apps.workflows.models import RunWait, WorkflowRun


def run_payload(run: WorkflowRun) -> dict[str, Any]:
    """A run with its result, as the API, callbacks and streams show it."""
    return {
        "id": str(run.pk),
        "workflow_id": str(run.workflow_id),
        "version_id": str(run.version_id) if run.version_id else None,
        "state": run.state,
        "inputs": run.inputs,
        "outputs": run.outputs,
        "error": run.error,
        "trigger": run.trigger_kind,
        "conversation_id": str(run.conversation_id) if run.conversation_id else None,
        "trace_id": run.trace_id,
        "usage": {
            "input_tokens": run.input_tokens,
            "output_tokens": run.output_tokens,
            "cost": format(run.cost, "f"),
        },
        "steps": run.steps,
        "elapsed_ms": run.elapsed_ms,
        "queued_at": _moment(run.queued_at),
        "started_at": _moment(run.started_at),
        "finished_at": _moment(run.finished_at),
    }


def wait_payload(wait: RunWait) -> dict[str, Any]:
    """What a run waits for, as its API and its watchers see it."""
    return {
        "id": str(wait.pk),
        "run_id": str(wait.run_id),
        "path": wait.path,
        "kind": wait.kind,
        "payload": wait.payload,
        "state": wait.state,
        "answer": wait.answer,
        "form_path": f"/runs/forms/{wait.token}/",
        "expires_at": _moment(wait.expires_at),
        "created_at": _moment(wait.created_at),
    }


def _moment(value: Any) -> str | None:
    return value.isoformat() if value is not None else None
