"""What the tests of the console's workflow pages share: a document, workflows, runs with a ledger, waits."""

from __future__ import annotations

import time
from datetime import timedelta
from itertools import count
from typing import Any

from django.db import connection
from django.utils import timezone

from apps.core.ids import uuid7
from apps.core.models import User, Workspace
from apps.core.streams import append_now
from apps.workflows.models import RunState, RunWait, Workflow, WorkflowRun
from apps.workflows.services.workflow import create_workflow, set_secrets
from tests.factories.core import SYSTEM

DOCUMENT = """\
version: flywheel/v1
kind: workflow
name: Greeting
description: Says hello.
variables:
  environment:
    - {name: API_TOKEN, type: secret}
    - {name: CITY, type: string, value: Delft}
nodes:
  - id: start
    type: start
    title: Start
    config:
      inputs:
        - {name: name, type: text, label: Name}
        - {name: times, type: integer, label: Times, required: false, default: 2}
  - id: each
    type: iteration
    title: Each time
    config: {items: [1, 2]}
    body:
      nodes:
        - id: line
          type: template
          title: Line
          config: {template: "Line {{ each.index }}"}
  - id: write
    type: template
    title: Write
    config:
      template: |
        Hello {{ start.name }} from {{ env.CITY }}
  - id: end
    type: end
    title: End
    config:
      outputs:
        - {name: text, value: $.write.output}
edges:
  - {source: start, target: each}
  - {source: each, target: write}
  - {source: write, target: end}
"""

PAYLOAD = {
    "title": "Approve it?",
    "content": "It costs **12 €**.",
    "form": {
        "type": "object",
        "properties": {"comment": {"type": "string", "title": "Comment", "x-widget": "paragraph"}},
        "required": [],
    },
    "actions": [
        {"id": "approved", "title": "Approve", "style": "primary", "validates": True, "requires": []},
        {"id": "rejected", "title": "Reject", "style": "danger", "validates": True, "requires": ["comment"]},
    ],
    "assignees": {"roles": [], "users": []},
    "errors": {},
    "attempt": 1,
}

_numbers = count(1)


def make_workflow(workspace: Workspace, name: str = "", document: str = DOCUMENT) -> Workflow:
    """A workflow with a draft that runs."""
    name = name or f"Workflow {next(_numbers)}"
    workflow = create_workflow(actor=SYSTEM, workspace=workspace, name=name, document=document)
    if "API_TOKEN" in document:
        set_secrets(actor=SYSTEM, workflow=workflow, values={"API_TOKEN": "t0ken-of-tests"})
    return workflow


def make_run(workflow: Workflow, user: User | None = None, *, ago_s: int = 0, **fields: Any) -> WorkflowRun:
    """A run of the draft that nobody executes; by default it has ended well."""
    time.sleep(0.001)  # ids are ordered to the millisecond, and tests count on the order
    when = timezone.now() - timedelta(seconds=ago_s)
    fields = {"state": RunState.SUCCEEDED, "inputs": {"name": "Ada"}, "trigger_kind": "api", **fields}
    return WorkflowRun.objects.create(
        id=fields.pop("id", None) or uuid7(), workspace=workflow.workspace, workflow=workflow, document=workflow.draft,
        checksum="0" * 64, user=user, queued_at=when, started_at=when, **fields,
    )  # fmt: skip


def tell(run: WorkflowRun, *events: tuple[str, dict[str, Any]]) -> None:
    """Write events into a run's ledger."""
    with connection.cursor() as cursor:
        for kind, data in events:
            append_now(cursor, run.pk, kind, data)


def completed(path: str, outputs: dict[str, Any], **data: Any) -> tuple[str, dict[str, Any]]:
    """The event of a node's end."""
    node = path.rpartition("/")[2]
    return "node.completed", {"node": node, "path": path, "port": "out", "outputs": outputs, "ms": 1, **data}


def make_wait(run: WorkflowRun, payload: dict[str, Any] | None = None, **fields: Any) -> RunWait:
    """An approval that `run` waits for."""
    return RunWait.objects.create(
        workspace=run.workspace, run=run, path="ask", kind="approval", payload={**PAYLOAD, **(payload or {})}, **fields
    )  # fmt: skip
