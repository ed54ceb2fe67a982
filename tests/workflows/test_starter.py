"""The workflows of the starter workspace are valid, are published, and do what they say."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

import pytest
import yaml
from asgiref.sync import async_to_sync

from apps.workflows import dsl, engine
from apps.workflows.adapters.assemble import ports_for
from apps.workflows.engine.events import Event
from apps.workflows.models import DataTable, Workflow, WorkflowRun
from apps.workflows.nodes.registry import catalogue
from apps.workflows.services.data_table import place_of
from apps.workflows.services.starter_workspace import DOCUMENTS, load_starter_workflows
from apps.workflows.tables.rows import select_rows
from tests.factories.core import SYSTEM
from tests.factories.data_tables import drop_table_spaces
from tests.support.jobs import run_queued

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _no_spaces_left(transactional_db):
    yield
    drop_table_spaces()


@pytest.fixture
def loaded(workspace, owner):
    load_starter_workflows(SYSTEM, workspace)
    run_queued()
    return workspace


class Place:
    """A run as far as adapters look at it."""

    def __init__(self, workflow: Workflow) -> None:
        self.id = uuid4()
        self.workflow_id = workflow.pk
        self.workflow_name = workflow.name
        self.user_id: int | None = None
        self.external_user = ""
        self.conversation_id = None


def run(workspace, name: str, inputs: dict[str, Any] | None = None, **system: Any) -> list[Event]:
    """Execute the published version in memory; returns its events."""
    workflow = Workflow.objects.get(workspace=workspace, name=name)
    graph = engine.compile(dsl.parse(workflow.published.document), catalogue())
    place = Place(workflow)

    async def execute() -> list[Event]:
        running = engine.Run(
            graph, run_id=str(place.id), inputs=inputs or {},
            sys={"query": "", "files": [], "timestamp": int(time.time()), "conversation_id": "", **system},
            environment={}, conversation={}, ports=ports_for(place, workspace),
        )  # fmt: skip
        return [event async for event in running.events()]

    events = async_to_sync(execute)()
    assert events[-1].type == "run.completed", events[-1]
    return events


def answer(events: list[Event]) -> str:
    return "".join(event.data["text"] for event in events if event.type == "text.delta")


def rows(workspace, table: str) -> list[dict[str, Any]]:
    return select_rows(place_of(DataTable.objects.get(workspace=workspace, name=table)), {})


def test_every_document_is_valid():
    for path in DOCUMENTS.glob("*.yaml"):
        document = dsl.parse(path.read_text())
        assert dsl.validate(document, catalogue(), environment=None) == [], path.name
        assert yaml.safe_load(path.read_text())["version"] == "flywheel/v1"


def test_they_are_published_and_loading_again_adds_nothing(loaded, owner):
    load_starter_workflows(SYSTEM, loaded)
    found = Workflow.objects.filter(workspace=loaded)
    assert {workflow.name for workflow in found} == {"Support triage", "Order check", "Weekly digest"}
    assert all(workflow.published_id for workflow in found)
    started = WorkflowRun.objects.filter(workspace=loaded)
    assert {run.workflow.name for run in started.select_related("workflow")} == {
        "Order check",
        "Weekly digest",
    }
    assert {run.user_id for run in started} == {owner.pk}


def test_order_check_and_weekly_digest(loaded):
    checked = run(loaded, "Order check", {
        "orders": '[{"customer": "Ann", "amount": 120.5, "items": 2}, {"customer": "Bo", "amount": 2400}, {}]',
        "large": 1000,
    })[-1].data["outputs"]  # fmt: skip
    assert checked["kept"] == 2
    assert checked["report"].startswith("2 orders kept, 1 refused:")
    assert [row["customer"] for row in rows(loaded, "orders")] == ["Ann", "Bo"]
    large = run(loaded, "Order check", {"orders": '[{"customer": "Cem", "amount": 5000}]', "large": 1000})
    assert large[-1].data["outputs"]["report"] == "1 orders kept, 1 of them of 1000 or more."
    digest = run(loaded, "Weekly digest", {"days": 7})[-1].data["outputs"]
    assert digest["count"] == 3
    assert "3 orders, 7520.5 in all." in digest["digest"]
    assert "- Ann: 120.5 for 2 items" in digest["digest"]
    assert "- Cem: 5000 for 1 item\n" in digest["digest"]


def test_support_triage_answers_without_any_key(loaded):
    text = answer(run(loaded, "Support triage", query="When are you open on Saturday?"))
    assert "Saturday from 10 to 14" in text
    assert rows(loaded, "support_tickets") == []
    text = answer(run(loaded, "Support triage", query="How do I get a refund?"))
    assert text.startswith("I have noted this as ticket 1;")
    assert "14 days" in text
    assert [row["topic"] for row in rows(loaded, "support_tickets")] == ["refund"]
