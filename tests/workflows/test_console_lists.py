"""The console's lists: workflows, runs, waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.core.models import User, Workspace
from apps.workflows.admin.lists import first_id
from apps.workflows.models import RunState, WaitState, Workflow, WorkflowRun
from apps.workflows.services.workflow import archive_workflow, publish, save_draft
from tests.factories.core import SYSTEM
from tests.workflows.console import DOCUMENT, make_run, make_wait, make_workflow

pytestmark = pytest.mark.django_db
Console = Callable[[User], Client]

LIST = "/admin/workflows/"
RUNS = "/admin/workflows/runs/"
WAITS = "/admin/workflows/waits/"


def queries(client: Client, path: str) -> int:
    """How many queries a page takes when it is opened for the second time."""
    client.get(path)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


def names(client: Client, query: str = "") -> set[str]:
    """Names on the list."""
    page = client.get(f"{LIST}{query}").context["page"]
    return {workflow.name for workflow in page}


def test_list_says_what_each_workflow_is_and_does(workspace: Workspace, viewer: User, console: Console):
    published = make_workflow(workspace, "Published")
    publish(actor=SYSTEM, workflow=published)
    changed = make_workflow(workspace, "Changed")
    publish(actor=SYSTEM, workflow=changed)
    save_draft(
        actor=SYSTEM, workflow=changed, document=DOCUMENT.replace("Greeting", "Changed").replace("Hello", "Bye"),
        revision=None,
    )  # fmt: skip
    archive_workflow(actor=SYSTEM, workflow=make_workflow(workspace, "Old"))
    make_workflow(workspace, "Fresh")
    make_run(published, state=RunState.FAILED)
    make_run(published)
    client = console(viewer)
    text = client.get(LIST).content.decode()
    assert "Published v1" in text
    assert "Draft changed" in text
    assert "Old" not in names(client)
    assert names(client, "?state=changed") == {"Changed"}
    assert names(client, "?state=draft") == {"Fresh"}
    assert names(client, "?state=archived") == {"Old"}
    assert names(client, "?state=published") == {"Published", "Changed"}
    assert names(client, "?q=FRESH") == {"Fresh"}
    assert names(client, "?kind=chatflow") == set()
    row = next(w for w in client.get(LIST).context["page"] if w.name == "Published")
    assert (row.last_run_state, row.run_total, row.changed) == ("succeeded", 2, False)
    assert sum(row.series) == 2


def test_list_needs_the_same_queries_for_one_and_for_many(
    workspace: Workspace, viewer: User, console: Console
):
    client = console(viewer)
    make_run(make_workflow(workspace))
    few = queries(client, LIST)
    for _number in range(12):
        make_run(make_workflow(workspace))
    assert len(client.get(LIST).context["page"]) == 13
    assert queries(client, LIST) == few
    # the frame of every page, and a count, the rows, their series
    assert few <= queries(client, "/admin/profile/") + 3


def test_editor_creates_copies_archives_and_deletes(workspace: Workspace, owner: User, console: Console):
    client = console(owner)
    made = client.post(LIST, {"act": "create", "name": "New", "kind": "chatflow"})
    workflow = Workflow.objects.get()
    assert (workflow.kind, made.url) == ("chatflow", f"{LIST}{workflow.pk}/edit/")
    client.post(LIST, {"act": "duplicate", "workflow": str(workflow.pk)})
    assert Workflow.objects.count() == 2
    client.post(LIST, {"act": "archive", "workflow": str(workflow.pk)})
    workflow.refresh_from_db()
    assert workflow.archived
    client.post(LIST, {"act": "unarchive", "workflow": str(workflow.pk)})
    client.post(LIST, {"act": "delete", "workflow": str(workflow.pk)})
    assert not Workflow.objects.filter(pk=workflow.pk).exists()
    assert client.post(LIST, {"act": "create", "name": "  "}, follow=True).status_code == 200
    assert client.post(LIST, {"act": "nonsense"}).status_code == 403
    assert Workflow.objects.count() == 1


def test_import_takes_a_file_and_says_what_is_wrong_with_another(
    workspace: Workspace, editor: User, console: Console
):
    client = console(editor)
    good = SimpleUploadedFile("greeting.yaml", DOCUMENT.encode())
    client.post(LIST, {"act": "import", "file": good})
    assert Workflow.objects.get().name == "Greeting"
    for content in (b"", b"\xff\xfe", b"nodes: [", b"just a text", b"version: flywheel/v99\nnodes: []"):
        bad = SimpleUploadedFile("bad.yaml", content)
        page = client.post(LIST, {"act": "import", "file": bad}, follow=True)
        assert page.status_code == 200
        assert [str(message) for message in page.context["messages"]]
    assert Workflow.objects.count() == 1


def test_export_gives_back_what_was_imported(workspace: Workspace, viewer: User, console: Console):
    workflow = make_workflow(workspace, "Greeting")
    response = console(viewer).get(f"{LIST}{workflow.pk}/export/")
    assert response["Content-Disposition"].endswith('greeting.yaml"')
    again = make_workflow(workspace, "Greeting", response.content.decode())
    assert again.draft == workflow.draft


def test_viewers_change_nothing_and_strangers_see_nothing(
    workspace: Workspace, viewer: User, stranger: User, console: Console
):
    workflow = make_workflow(workspace, "Secret plan")
    client = console(viewer)
    for act in ("archive", "delete"):
        client.post(LIST, {"act": act, "workflow": str(workflow.pk)})
    client.post(LIST, {"act": "create", "name": "Mine"})
    workflow.refresh_from_db()
    assert not workflow.archived
    assert Workflow.objects.count() == 1
    outside = console(stranger)
    assert "Secret plan" not in outside.get(LIST).content.decode()
    for tab in ("", "edit/", "versions/", "triggers/", "settings/", "api/", "run/", "diff/", "export/"):
        assert outside.get(f"{LIST}{workflow.pk}/{tab}").status_code == 404, tab
    for door in ("edit/", "check/", "publish/", "run/", "triggers/"):
        sent = outside.post(f"{LIST}{workflow.pk}/{door}", "{}", content_type="application/json")
        assert sent.status_code == 404, door


def test_every_tab_opens(workspace: Workspace, editor: User, viewer: User, console: Console):
    workflow = make_workflow(workspace)
    publish(actor=SYSTEM, workflow=workflow, note="First </script><script>alert(1)</script>")
    make_run(workflow, editor)
    for user in (editor, viewer):
        client = console(user)
        for tab in ("", "edit/", "versions/", "triggers/", "settings/", "api/", "run/", "diff/"):
            response = client.get(f"{LIST}{workflow.pk}/{tab}")
            assert response.status_code == 200, tab
            assert b"<script>alert(1)" not in response.content
        assert client.get(f"{LIST}{workflow.pk}/chat/").status_code == 404
        assert client.get(f"{LIST}node-types/").status_code == 200


# -- runs


def shown(client: Client, query: str = "") -> list[str]:
    """Ids on the run list, in order."""
    return [str(run.pk) for run in client.get(f"{RUNS}{query}").context["runs"]]


def test_run_list_filters(workspace: Workspace, viewer: User, console: Console):
    first, second = make_workflow(workspace), make_workflow(workspace)
    failed = make_run(first, state=RunState.FAILED, trigger_kind="schedule")
    open_one = make_run(first, state=RunState.RUNNING)
    said = make_run(second, viewer, system={"query": "Where is my parcel?"})
    other = make_run(second, external_user="customer 7", inputs={"order": "Grandfather clock"})
    inner = make_run(second, trigger_kind="workflow", parent=said)
    client = console(viewer)
    assert shown(client) == [str(run.pk) for run in (other, said, open_one, failed)]
    assert shown(client, f"?workflow={first.pk}") == [str(open_one.pk), str(failed.pk)]
    assert shown(client, "?state=failed") == [str(failed.pk)]
    assert shown(client, "?state=open") == [str(open_one.pk)]
    assert shown(client, "?trigger=schedule") == [str(failed.pk)]
    assert shown(client, "?trigger=workflow") == [str(inner.pk)]
    assert shown(client, "?q=parcel") == [str(said.pk)]
    assert shown(client, "?q=CUSTOMER+7") == [str(other.pk)]
    assert shown(client, "?q=grandfather") == [str(other.pk)]
    assert shown(client, f"?q={viewer.email}") == [str(said.pk)]
    assert shown(client, f"?q={inner.pk}&inner=1") == [str(inner.pk)]
    assert len(shown(client, "?workflow=nonsense&state=nonsense&trigger=nonsense&range=nonsense")) == 4
    assert client.get(f"{RUNS}?q=%00&before=nonsense&after=nonsense").status_code == 200


def test_run_list_pages_by_key_and_needs_few_queries(workspace: Workspace, viewer: User, console: Console):
    workflow = make_workflow(workspace)
    make_run(workflow, viewer, ago_s=60)
    few = queries(console(viewer), RUNS)
    WorkflowRun.objects.all().delete()
    runs = [make_run(workflow, viewer) for _number in range(120)]
    newest = [str(run.pk) for run in reversed(runs)]
    client = console(viewer)
    first = client.get(RUNS)
    assert [str(run.pk) for run in first.context["runs"]] == newest[:50]
    assert queries(client, RUNS) == few
    assert few <= queries(client, "/admin/profile/") + 2
    older = first.context["page"].older
    second = client.get(f"{RUNS}?before={older}").context["page"]
    assert [str(run.pk) for run in second.rows] == newest[50:100]
    third = client.get(f"{RUNS}?before={second.older}").context["page"]
    assert ([str(run.pk) for run in third.rows], third.older) == (newest[100:], "")
    back = client.get(f"{RUNS}?after={third.newer}").context["page"]
    assert [str(run.pk) for run in back.rows] == newest[50:100]
    assert client.get(f"{RUNS}?after={second.newer}").context["page"].newer == ""


def test_a_time_range_is_a_range_of_ids(workspace: Workspace, viewer: User, console: Console):
    workflow = make_workflow(workspace)
    run = make_run(workflow)
    assert first_id(run.created_at.replace(microsecond=0)) < run.pk
    old = make_run(workflow, id=first_id(run.created_at.replace(year=run.created_at.year - 1)))
    client = console(viewer)
    assert shown(client, "?range=30d") == [str(run.pk)]
    assert shown(client, "?range=all") == [str(run.pk), str(old.pk)]


def test_rows_are_fetched_anew_by_id(workspace: Workspace, viewer: User, stranger: User, console: Console):
    run = make_run(make_workflow(workspace), state=RunState.RUNNING)
    query = f"?rows={run.pk},nonsense"
    assert f'data-run="{run.pk}"' in console(viewer).get(f"{RUNS}{query}").content.decode()
    assert str(run.pk) not in console(stranger).get(f"{RUNS}{query}").content.decode()


def test_runs_are_stopped_together_by_those_who_may(
    workspace: Workspace, editor: User, viewer: User, console: Console
):
    workflow = make_workflow(workspace)
    waiting = make_run(workflow, state=RunState.QUEUED)
    ended = make_run(workflow)
    data = {"run": [str(waiting.pk), str(ended.pk), "nonsense"]}
    console(viewer).post(RUNS, data)
    waiting.refresh_from_db()
    assert waiting.state == RunState.QUEUED
    console(editor).post(RUNS, data)
    states = dict(WorkflowRun.objects.values_list("pk", "state"))
    assert states == {waiting.pk: "stopped", ended.pk: "succeeded"}


# -- waits


def test_inbox_shows_what_the_person_was_asked(
    workspace: Workspace, editor: User, annotator: User, console: Console
):
    workflow = make_workflow(workspace)

    def ask(assignees: dict[str, Any] | None, **fields: Any) -> str:
        run = make_run(workflow, state=RunState.WAITING)
        payload = {} if assignees is None else {"assignees": {"roles": [], "users": [], **assignees}}
        return str(make_wait(run, payload, **fields).pk)

    everybody = ask(None)
    editors = ask({"roles": ["editor"]})
    named = ask({"users": [annotator.email]})
    done = ask(None, state=WaitState.ANSWERED, answer={"action": "approved", "values": {}})

    def inbox(user: User, query: str = "") -> set[str]:
        return {str(wait.pk) for wait in console(user).get(f"{WAITS}{query}").context["waits"]}

    assert inbox(editor) == {everybody, editors}
    assert inbox(annotator) == {everybody, named}
    assert inbox(annotator, "?state=all") == {everybody, named, done}
    assert 'class="fw-badge">2</span>' in console(editor).get("/admin/profile/").content.decode()


def test_inbox_needs_the_same_queries_for_one_and_for_many(
    workspace: Workspace, editor: User, console: Console
):
    client, workflow = console(editor), make_workflow(workspace)
    make_wait(make_run(workflow, state=RunState.WAITING))
    few = queries(client, WAITS)
    for _number in range(19):
        make_wait(make_run(workflow, state=RunState.WAITING))
    assert len(client.get(WAITS).context["waits"]) == 20
    assert queries(client, WAITS) == few


def test_answers_are_checked_and_taken_once(
    workspace: Workspace, editor: User, viewer: User, console: Console
):
    wait = make_wait(make_run(make_workflow(workspace), state=RunState.WAITING))

    def answer(user: User, **body: Any) -> Any:
        sent = {"wait": str(wait.pk), "values": {}, **body}
        return console(user).post(WAITS, sent, content_type="application/json")

    assert answer(viewer, action="approved").status_code == 403
    refused = answer(editor, action="rejected")
    assert (refused.status_code, list(refused.json()["errors"])) == (422, ["comment"])
    assert answer(editor, action="nonsense").status_code == 422
    assert answer(editor, action="approved", values=[]).status_code == 422
    assert answer(editor, action="approved", wait="nonsense").status_code == 404
    taken = answer(editor, action="rejected", values={"comment": "Too much."})
    assert taken.status_code == 200
    wait.refresh_from_db()
    assert (wait.state, wait.answer["action"], wait.answered_by) == ("answered", "rejected", editor)
    assert wait.answer["by"]["name"] == editor.email
    assert answer(editor, action="approved").status_code == 409
