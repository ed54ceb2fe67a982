"""What validation learns of the workspace: names that are not there, or can't be used, are found before a run."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from apps.workflows.exceptions import NotPublishableError
from apps.workflows.models import Workflow
from apps.workflows.services.environment import WorkspaceEnvironment
from apps.workflows.services.workflow import create_workflow, problems_of, publish
from tests.factories.core import SYSTEM, make_workspace
from tests.factories.data_tables import make_table
from tests.factories.knowledge import make_base
from tests.factories.providers import make_model

pytestmark = pytest.mark.django_db


def flow(workspace, name: str, *nodes: dict[str, Any]) -> Workflow:
    steps = [
        {"id": "start", "type": "start", "config": {}},
        *nodes,
        {"id": "end", "type": "end", "config": {}},
    ]
    edges = [{"source": a["id"], "target": b["id"]} for a, b in pairwise(steps)]
    document = {"version": "flywheel/v1", "kind": "workflow", "name": name, "nodes": steps, "edges": edges}
    return create_workflow(actor=SYSTEM, workspace=workspace, name=name, document=document)


def call(workflow: str) -> dict[str, Any]:
    return {"id": "call", "type": "sub_workflow", "config": {"workflow": workflow}}


def codes(workflow: Workflow) -> set[str]:
    return {problem["code"] for problem in problems_of(workflow) if problem["severity"] == "error"}


def test_things_are_found_by_id_and_by_name(workspace):
    model, base, table = (
        make_model(workspace, "http://x/v1"),
        make_base(workspace, name="B"),
        make_table(workspace),
    )
    environment = WorkspaceEnvironment(workspace)
    for kind, names in {
        "model": ["", str(model.pk), model.name, f"{model.provider.name}/{model.name}"],
        "knowledge_base": ["B", str(base.pk)],
        "table": [table.name, str(table.pk)],
    }.items():
        assert {environment.state(kind, name) for name in names} == {"ready"}
        assert environment.state(kind, "nothing") == "missing"
    assert environment.state("agent", "x") == "unknown"
    elsewhere = WorkspaceEnvironment(make_workspace())
    assert elsewhere.state("table", str(table.pk)) == "missing"


def test_a_model_that_is_switched_off_can_not_be_used(workspace):
    model = make_model(workspace, "http://x/v1", name="off", enabled=False)
    assert WorkspaceEnvironment(workspace).state("model", "off") == "unusable"
    assert model.pk


def test_a_workflow_that_names_what_is_not_there_is_not_published(workspace):
    missing = flow(
        workspace,
        "missing",
        {"id": "rows", "type": "table_query", "config": {"table": "nowhere"}},
        {"id": "find", "type": "knowledge_retrieval", "config": {"query": "x", "bases": ["nowhere"]}},
        {"id": "ask", "type": "llm", "config": {"text": "x", "model": "nobody"}},
    )
    assert codes(missing) == {"table_missing", "knowledge_base_missing", "model_missing"}
    with pytest.raises(NotPublishableError):
        publish(actor=SYSTEM, workflow=missing)


def test_names_that_are_known_only_in_a_run_are_let_through(workspace):
    free = flow(
        workspace, "free", {"id": "rows", "type": "table_query", "config": {"table": "{{ sys.run_id }}"}}
    )
    assert codes(free) == set()


def test_workflows_that_would_call_themselves_over_others_are_found(workspace):
    first = flow(workspace, "first")
    publish(actor=SYSTEM, workflow=first)
    second = flow(workspace, "second", call("first"))
    assert codes(second) == set()
    publish(actor=SYSTEM, workflow=second)
    first.draft = flow(workspace, "loop", call("second")).draft
    first.save()
    assert codes(first) == {"workflow_cycle"}
    assert codes(flow(workspace, "third", call("nobody"))) == {"workflow_missing"}
    assert codes(flow(workspace, "fourth", call("third"))) == {"workflow_unusable"}
