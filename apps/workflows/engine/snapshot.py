"""Where a run is, for somebody who begins to watch it now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apps.workflows.engine.execution import Execution
    from apps.workflows.engine.frames import Frame
    from apps.workflows.engine.scheduler import Scheduler


def snapshot(scheduler: Scheduler) -> dict[str, Any]:
    """The nodes of all frames that run, by path, the open waits, and the answer so far, as plain JSON.

    States: pending, running, waiting, retrying, completed, skipped.
    """
    nodes: dict[str, dict[str, Any]] = {}
    active = {execution.path: execution for execution in scheduler.active}
    _read(scheduler.root, active, nodes)
    for execution in active.values():
        if execution.nest is not None:
            for frame in execution.nest.frames.values():
                _read(frame, active, nodes)
    return {
        "state": _state(scheduler),
        "nodes": nodes,
        "waits": [_wait(execution) for execution in scheduler.waits.open.values()],
        "answer": scheduler.voice.said.text(),
    }


def _state(scheduler: Scheduler) -> str:
    if scheduler.ending is not None:
        return scheduler.ending.type.removeprefix("run.")
    return "waiting" if scheduler.paused else "running"


def _read(frame: Frame, active: dict[str, Execution], nodes: dict[str, dict[str, Any]]) -> None:
    for spec in frame.block.specs:
        path = frame.prefix + spec.id
        execution = active.get(path)
        node: dict[str, Any] = {"node": spec.id, "state": "pending"}
        if execution is not None:
            node["state"] = _activity(execution)
            node["attempt"] = execution.attempt
        elif spec.id in frame.values:
            node["state"] = "completed"
            node["outputs"] = frame.values[spec.id]
        elif frame.skipped(spec.index):
            node["state"] = "skipped"
        nodes[path] = node


def _activity(execution: Execution) -> str:
    if execution.waiting is not None:
        return "waiting"
    return "retrying" if execution.resting else "running"


def _wait(execution: Execution) -> dict[str, Any]:
    waiting = execution.waiting
    told: dict[str, Any] = {"wait": execution.path, "path": execution.path}
    if waiting is not None:
        told |= {
            "kind": waiting.wait.kind,
            "payload": waiting.wait.payload,
            "expires_at": waiting.expires_at,
        }
    return told
