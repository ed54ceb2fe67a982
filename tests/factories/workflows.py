"""Workflows, their versions and runs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count, pairwise
from typing import Any

from apps.core.models import Workspace
from apps.workflows.models import Workflow, WorkflowRun
from apps.workflows.services.run import start_run
from apps.workflows.services.workflow import create_workflow, publish
from tests.factories.core import SYSTEM

_numbers = count(1)


def node(id_: str, type_: str, config: dict[str, Any] | None = None, **rest: Any) -> dict[str, Any]:
    """A node of a document."""
    return {"id": id_, "type": type_, "config": config or {}, **rest}


def document(
    nodes: Sequence[dict[str, Any]],
    edges: Sequence[tuple[str, ...]] | None = None,
    *,
    inputs: Sequence[dict[str, Any]] = (),
    outputs: dict[str, Any] | None = None,
    kind: str = "workflow",
    **rest: Any,
) -> dict[str, Any]:
    """A start, the given nodes and an end; without `edges` they are a chain. An edge: source, target, port."""
    end = node("end", "end", {"outputs": [{"name": n, "value": v} for n, v in (outputs or {}).items()]})
    last = [] if any(each["type"] == "answer" for each in nodes) else [end]
    whole = [node("start", "start", {"inputs": list(inputs)}), *nodes, *last]
    if edges is None:
        edges = [(a["id"], b["id"]) for a, b in pairwise(whole)]
    return {
        "version": "flywheel/v1",
        "kind": kind,
        "name": f"Workflow {next(_numbers)}",
        "nodes": whole,
        "edges": [
            {"source": edge[0], "target": edge[1], **({"port": edge[2]} if len(edge) > 2 else {})} for edge in edges
        ],
        **rest,
    }  # fmt: skip


def greeting(**rest: Any) -> dict[str, Any]:
    """Says hello to an input."""
    return document(
        [node("hello", "template", {"template": "Hello {{ start.name }}"})],
        inputs=[{"name": "name", "type": "text", "required": False, "default": "World"}],
        outputs={"text": "$.hello.output"},
        **rest,
    )


def asking(answer_within_s: float | None = None, approvals: int = 1, **rest: Any) -> dict[str, Any]:
    """Asks people, and goes on with what they decide."""
    config: dict[str, Any] = {"content": "May it go on?", "approvals": approvals}
    ports = ["approved", "rejected"]
    if answer_within_s is not None:
        config["answer_within_s"] = answer_within_s
        ports.append("timeout")
    return document(
        [node("ask", "approval", config)],
        [("start", "ask"), *(("ask", "end", port) for port in ports)],
        outputs={"decision": "$.ask.decision"},
        **rest,
    )


def make_workflow(
    workspace: Workspace, content: dict[str, Any] | None = None, *, published: bool = True, **fields: Any
) -> Workflow:
    """A published workflow that says hello."""
    content = content or greeting()
    workflow = create_workflow(
        actor=SYSTEM, workspace=workspace, name=fields.pop("name", content["name"]), document=content
    )
    if fields:
        Workflow.objects.filter(pk=workflow.pk).update(**fields)
    if published:
        publish(actor=SYSTEM, workflow=workflow)
    workflow.refresh_from_db()
    return workflow


def make_run(workflow: Workflow, **fields: Any) -> WorkflowRun:
    """A queued run."""
    return start_run(actor=SYSTEM, workflow=workflow, **fields)
