"""The REST API of workflows, runs and triggers."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.translation import trans_real

from apps.core.models import User, Workspace
from apps.workflows.models import RunMode, RunWait, Trigger, Workflow, WorkflowRun
from apps.workflows.services.run import cancel_run
from tests.factories.core import SYSTEM
from tests.factories.workflows import greeting, make_run, make_workflow


@pytest.fixture
def workflow(workspace: Workspace) -> Workflow:
    return make_workflow(workspace)


def path(workflow: Workflow, rest: str = "") -> str:
    return f"/api/v1/workflows/{workflow.pk}/{rest}"


def test_an_editor_creates_saves_publishes_and_exports(api: Any, editor: User) -> None:
    client = api(editor)
    made = client.post("/api/v1/workflows/", {"name": "Triage", "kind": "workflow"})
    assert made.status_code == 201
    at = f"/api/v1/workflows/{made.json()['id']}/"
    draft = client.get(f"{at}draft/").json()
    assert (draft["revision"], [p for p in draft["problems"] if p["severity"] == "error"]) == (1, [])

    saved = client.post(f"{at}draft/", {"document": greeting(), "revision": 1})
    assert (saved.status_code, saved.json()["revision"]) == (200, 2)
    late = client.post(f"{at}draft/", {"document": greeting(), "revision": 1})
    assert (late.status_code, late.json()["code"], late.json()["revision"]) == (409, "draft_changed", 2)

    published = client.post(f"{at}publish/", {"name": "First"})
    assert (published.status_code, published.json()["number"]) == (201, 1)
    assert client.get(f"{at}versions/").json()["results"][0]["name"] == "First"
    assert client.get(f"{at}versions/1/").json()["document"]["nodes"]
    assert client.get(f"{at}diff/").json() == []

    text = client.get(f"{at}export/?file_format=yaml")
    assert text["Content-Disposition"].endswith('.yaml"')
    again = client.post("/api/v1/workflows/import/", {"document": text.content.decode(), "name": "Again"})
    assert (again.status_code, again.json()["name"]) == (201, "Again")


@pytest.fixture
def chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two sentences of the validator, translated in the catalogue that the product uses."""
    catalogue = trans_real.translation("zh-hans")._catalog._catalogs[0]  # type: ignore[attr-defined]  # no setter
    monkeypatch.setitem(catalogue, "There is no node {name!r}.{hint}", "没有节点“{name}”。{hint}")
    monkeypatch.setitem(catalogue, " Known: {names}.", "已有：{names}。")


@pytest.mark.usefixtures("chinese")
def test_problems_are_said_in_the_language_of_the_request(api: Any, editor: User, workflow: Workflow) -> None:
    client = api(editor)
    broken = greeting()
    broken["edges"].append({"source": "hello", "target": "nowhere"})
    found = {}
    for language in ("en", "zh-Hans"):
        answer = client.post(path(workflow, "validate/"), {"document": broken}, HTTP_ACCEPT_LANGUAGE=language)
        (found[language],) = (p for p in answer.json()["problems"] if p["place"] == "edges[2].target")
    assert found["en"]["message"] == "There is no node 'nowhere'. Known: end, hello, start."
    assert found["zh-Hans"]["message"] == "没有节点“nowhere”。已有：end, hello, start。"


def test_problems_are_listed_with_their_places(api: Any, editor: User, workflow: Workflow) -> None:
    client = api(editor)
    broken = greeting()
    broken["edges"].append({"source": "hello", "target": "nowhere"})
    problems = client.post(path(workflow, "validate/"), {"document": broken}).json()["problems"]
    assert any(p["place"].startswith("edges") for p in problems)
    refused = client.post(path(workflow, "draft/"), {"document": "nodes: ["})
    assert (refused.status_code, refused.json()["code"]) == (422, "document_invalid")
    client.post(path(workflow, "draft/"), {"document": broken})
    publish = client.post(path(workflow, "publish/"), {})
    assert (publish.status_code, publish.json()["code"]) == (422, "not_publishable")
    assert publish.json()["problems"]


def test_secrets_are_entered_and_never_shown(api: Any, editor: User, workspace: Workspace) -> None:
    secret = {"name": "TOKEN", "type": "secret"}
    workflow = make_workflow(workspace, greeting(variables={"environment": [secret]}), published=False)
    client = api(editor)
    assert client.get(path(workflow, "secrets/")).json() == {"declared": ["TOKEN"], "missing": ["TOKEN"]}
    entered = client.post(path(workflow, "secrets/"), {"values": {"TOKEN": "s3cr3t-value"}})
    assert entered.json() == {"declared": ["TOKEN"], "missing": []}
    for rest in ("", "draft/", "export/", "secrets/"):
        assert b"s3cr3t-value" not in client.get(path(workflow, rest)).content


def test_viewers_look_and_do_not_change(api: Any, viewer: User, workflow: Workflow) -> None:
    client = api(viewer)
    assert client.get(path(workflow)).status_code == 200
    for method, rest, body in (
        ("patch", "", {"name": "Mine"}),
        ("delete", "", None),
        ("post", "draft/", {"document": greeting()}),
        ("post", "publish/", {}),
        ("post", "archive/", None),
        ("post", "secrets/", {"values": {}}),
    ):
        assert getattr(client, method)(path(workflow, rest), body).status_code == 403
    workflow.refresh_from_db()
    assert not workflow.archived


def test_the_rest_of_a_workflow_is_changed(api: Any, editor: User, workflow: Workflow) -> None:
    client = api(editor)
    changed = client.patch(path(workflow), {"name": "Other", "concurrency": 2}).json()
    assert (changed["name"], changed["concurrency"]) == ("Other", 2)
    assert client.post(path(workflow, "duplicate/"), {}).status_code == 201
    assert client.post(path(workflow, "archive/")).json()["archived"] is True
    assert client.post(path(workflow, "unarchive/")).json()["archived"] is False
    assert client.post(path(workflow, "restore/"), {"number": 1}).json()["document"]["nodes"]
    assert client.get(path(workflow, "input-schema/")).json()["properties"]["name"]
    assert client.delete(path(workflow)).status_code == 204


def test_lists_need_the_same_queries_at_any_length(api: Any, editor: User, workspace: Workspace) -> None:
    client = api(editor)
    urls = ("/api/v1/workflows/", "/api/v1/runs/", "/api/v1/triggers/", "/api/v1/run-waits/")

    def counts() -> list[int]:
        found = []
        for url in urls:
            with CaptureQueriesContext(
                connection,
            ) as queries:
                assert client.get(url).status_code == 200
            found.append(len(queries))
        return found

    fill(workspace)
    counts()  # the first call of a key notes that it was used
    before = counts()
    for _ in range(3):
        fill(workspace)
    assert counts() == before


def fill(workspace: Workspace) -> None:
    from apps.workflows.services.trigger import create_trigger

    workflow = make_workflow(workspace)
    create_trigger(actor=SYSTEM, workflow=workflow, kind="webhook", config={})
    run = make_run(workflow)
    RunWait.objects.create(workspace=workspace, run=run, path=f"p{run.pk}", kind="approval")


def test_runs_are_listed_filtered_and_stopped(api: Any, editor: User, workflow: Workflow) -> None:
    client = api(editor)
    runs = [make_run(workflow) for _ in range(3)]
    cancel_run(actor=SYSTEM, run=runs[0])
    listed = client.get("/api/v1/runs/?state=queued").json()["results"]
    assert {run["id"] for run in listed} == {str(run.pk) for run in runs[1:]}
    assert client.get(f"/api/v1/runs/?workflow={workflow.pk}&trigger=api").json()["results"]

    stopped = client.post(f"/api/v1/runs/{runs[1].pk}/cancel/", {"reason": "Enough."})
    assert stopped.json()["state"] == "stopped"
    snapshot = client.get(f"/api/v1/runs/{runs[1].pk}/snapshot/").json()
    assert (snapshot["seq"], snapshot["nodes"]) == (1, [])
    again = client.post(f"/api/v1/runs/{runs[1].pk}/rerun/", {"inputs": {"name": "x"}})
    assert (again.status_code, again.json()["trigger"]) == (201, "rerun")


def test_a_write_sent_twice_is_done_once(api: Any, editor: User, workflow: Workflow) -> None:
    client = api(editor)
    cancel_run(actor=SYSTEM, run=make_run(workflow))
    run = WorkflowRun.objects.get()
    answers = [
        client.post(f"/api/v1/runs/{run.pk}/rerun/", {}, headers={"Idempotency-Key": "one"}).json()["id"]
        for _ in range(2)
    ]
    assert answers[0] == answers[1]
    assert WorkflowRun.objects.filter(mode=RunMode.INTERACTIVE).count() == 1


def test_triggers_are_made_changed_and_deleted(api: Any, editor: User, workflow: Workflow) -> None:
    client = api(editor)
    made = client.post(
        "/api/v1/triggers/", {"workflow": str(workflow.pk), "kind": "webhook", "config": {"window_s": 60}}
    )
    assert made.status_code == 201
    data = made.json()
    assert data["address"].startswith("/hooks/")
    at = f"/api/v1/triggers/{data['id']}/"
    assert "secret" not in client.get(at).json()
    assert client.post(f"{at}renew-secret/").json()["secret"] != data["secret"]
    assert client.patch(at, {"enabled": False}).json()["enabled"] is False
    bad = client.patch(at, {"config": {"window_s": 1}})
    assert (bad.status_code, bad.json()["code"]) == (422, "trigger_invalid")
    assert client.get(f"{at}firings/").json()["results"] == []
    assert client.delete(at).status_code == 204
    assert not Trigger.objects.exists()


def test_node_types_and_the_schema_of_documents_are_described(api: Any, viewer: User) -> None:
    client = api(viewer)
    types = {kind["type"]: kind for kind in client.get("/api/v1/node-types/").json()}
    assert types["llm"]["config_schema"]["properties"]
    assert client.get("/api/v1/workflow-schema/").json()["properties"]["nodes"]


@pytest.mark.parametrize(
    ("rest", "body"),
    [
        ("draft/", {"document": 3}),
        ("draft/", {}),
        ("publish/", {"revision": "x"}),
        ("restore/", {"number": 99}),
        ("secrets/", {"values": 3}),
    ],
)
def test_bad_input_never_is_a_server_error(
    api: Any, editor: User, workflow: Workflow, rest: str, body: dict[str, Any]
) -> None:
    assert api(editor).post(path(workflow, rest), body).status_code in {400, 404, 422}


@pytest.mark.parametrize("query", ["from=x", "from=99", "to=0x1", "from=draft&to=published"])
def test_versions_that_do_not_exist_are_said(api: Any, editor: User, workflow: Workflow, query: str) -> None:
    assert api(editor).get(path(workflow, f"diff/?{query}")).status_code in {200, 404, 422}
