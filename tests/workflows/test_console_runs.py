"""Starting, watching and answering runs in the console, triggers, the chat, and the public page of a form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from apps.agents.models import Conversation
from apps.core.models import User, Workspace
from apps.workflows.models import RunFile, RunState, Trigger, WaitState, WorkflowRun
from apps.workflows.services.workflow import publish
from tests.factories.core import SYSTEM
from tests.workflows.console import DOCUMENT, completed, make_run, make_wait, make_workflow, tell

pytestmark = pytest.mark.django_db
Console = Callable[[User], Client]

CHATFLOW = """\
version: flywheel/v1
kind: chatflow
name: Echo
features: {opening: "Hello, what is it?", suggested_questions: ["Who are you?"]}
nodes:
  - {id: start, type: start, title: Start, config: {inputs: []}}
  - {id: answer, type: answer, title: Answer, config: {answer: "{{ sys.query }}"}}
edges:
  - {source: start, target: answer}
"""


def send(client: Client, to: str, **body: Any) -> Any:
    """Post JSON."""
    return client.post(to, body, content_type="application/json")


def page_of(run: WorkflowRun) -> str:
    """The address of a run's page."""
    return f"/admin/workflows/runs/{run.pk}/"


# -- starting


def test_the_form_asks_for_the_inputs_of_what_is_run(
    workspace: Workspace, editor: User, viewer: User, console: Console
):
    workflow = make_workflow(workspace)
    path = f"/admin/workflows/{workflow.pk}/run/"
    form = console(editor).get(path).context
    assert form["source"] == "draft"
    assert list(form["data"]["schema"]["properties"]) == ["name", "times"]
    assert console(viewer).get(path).context["sources"] == []
    publish(actor=SYSTEM, workflow=workflow)
    assert console(viewer).get(path).context["source"] == "published"
    like = make_run(workflow, inputs={"name": "Grace"})
    again = console(editor).get(f"{path}?like={like.pk}").context
    assert (again["source"], again["data"]["values"]) == ("draft", {"name": "Grace"})
    assert console(editor).get(f"{path}?like=nonsense&source=99").status_code == 200


def test_runs_start_from_the_form(workspace: Workspace, editor: User, viewer: User, console: Console):
    workflow = make_workflow(workspace)
    path = f"/admin/workflows/{workflow.pk}/run/"
    started = send(console(editor), path, inputs={"name": "Ada"}, source="draft")
    run = WorkflowRun.objects.get()
    assert started.json()["url"] == page_of(run)
    assert (run.version, run.user, run.inputs, run.mode) == (None, editor, {"name": "Ada"}, "interactive")
    assert run.trigger_kind == "console"
    assert send(console(viewer), path, inputs={}, source="draft").status_code == 403
    assert send(console(viewer), path, inputs={"name": "x"}, source="published").status_code == 409
    assert send(console(editor), path, inputs=[], source="draft").status_code == 422
    assert send(console(editor), path, inputs={"name": "x"}, source="7").status_code == 404
    version = publish(actor=SYSTEM, workflow=workflow)
    send(console(viewer), path, inputs={"name": "Bo"}, source="1")
    assert WorkflowRun.objects.order_by("-id").first().version == version
    assert WorkflowRun.objects.count() == 2


# -- the page


@pytest.fixture
def run(workspace: Workspace, editor: User) -> WorkflowRun:
    """A run whose ledger tells of a loop, a long output and an end."""
    run = make_run(make_workflow(workspace), editor, inputs={"name": "Ada"}, outputs={"text": "Hello Ada"})
    tell(
        run,
        ("run.started", {"inputs": {"name": "Ada"}}),
        ("node.started", {"node": "start", "path": "start", "type": "start", "title": "Start", "attempt": 1}),
        completed("start", {"name": "Ada", "times": 2}),
        completed("each:1/line", {"output": "Line 1"}),
        completed("write", {"output": "x" * 10_000}),
        (
            "run.completed",
            {"status": "succeeded", "outputs": {"text": "Hello Ada"}, "usage": {}, "steps": 5, "ms": 9},
        ),
    )
    return run


def test_the_page_knows_the_graph_and_what_may_be_done(
    run: WorkflowRun, editor: User, viewer: User, annotator: User, stranger: User, console: Console
):
    data = console(editor).get(page_of(run)).context["data"]
    assert [node["id"] for node in data["graph"]["nodes"]][:2] == ["start", "each"]
    assert data["may"] == {"stop": True, "rerun": True, "answer": True}
    secret = next(one for one in data["environment"] if one["name"] == "API_TOKEN")
    assert secret == {"name": "API_TOKEN", "secret": True, "value": None}
    assert console(viewer).get(page_of(run)).context["data"]["may"] == {
        "stop": False,
        "rerun": False,
        "answer": False,
    }
    assert console(annotator).get(page_of(run)).context["data"]["may"]["answer"]
    assert console(stranger).get(page_of(run)).status_code == 404
    assert console(stranger).get(f"{page_of(run)}events/").status_code == 404


def test_events_come_with_times_and_long_outputs_cut(
    run: WorkflowRun, viewer: User, console: Console, django_assert_max_num_queries: Any
):
    client = console(viewer)
    events = client.get(f"{page_of(run)}events/").json()["events"]
    assert [event["seq"] for event in events] == [1, 2, 3, 4, 5, 6]
    assert all(event["at"] >= 0 for event in events)
    long = events[4]["data"]
    assert (len(long["outputs"]), long["outputs_cut"] > 10_000) == (4_000, True)
    with django_assert_max_num_queries(5):
        client.get(f"{page_of(run)}events/")
    whole = send(client, page_of(run), act="step", path="write").json()
    assert whole["outputs"] == {"output": "x" * 10_000}


def test_inputs_of_a_step_are_looked_up_in_the_ledger(run: WorkflowRun, viewer: User, console: Console):
    client = console(viewer)
    write = send(client, page_of(run), act="step", path="write").json()
    assert write["inputs"] == {"$.start.name": "Ada", "$.env.CITY": "Delft"}
    line = send(client, page_of(run), act="step", path="each:1/line").json()
    assert line["inputs"] == {"$.each.index": 1}
    nobody = send(client, page_of(run), act="step", path="no/such:x/path").json()
    assert nobody == {"inputs": {}, "outputs": None, "from": "ledger"}
    assert send(client, page_of(run), act="nonsense").status_code == 422


def test_runs_are_stopped_and_repeated_by_those_who_may(
    run: WorkflowRun, workspace: Workspace, editor: User, viewer: User, console: Console
):
    waiting = make_run(run.workflow, editor, state=RunState.QUEUED)
    assert send(console(viewer), page_of(waiting), act="cancel").status_code == 403
    assert send(console(editor), page_of(waiting), act="cancel", reason="No need").json() == {
        "state": "stopped"
    }
    waiting.refresh_from_db()
    assert waiting.stop_reason == "No need"
    assert send(console(viewer), page_of(run), act="rerun").status_code == 403
    edited = {"inputs.name": "Grace", "start.times": 5}
    answer = send(console(editor), page_of(run), act="rerun", **{"from": "write"}, edited=edited).json()
    again = WorkflowRun.objects.get(rerun_of=run)
    assert answer["url"] == page_of(again)
    assert (again.rerun_from, again.inputs) == ("write", {"name": "Grace"})
    assert again.rerun_edits == {"start.times": 5, "start.name": "Grace"}


def test_waits_are_answered_on_the_page(run: WorkflowRun, editor: User, viewer: User, console: Console):
    asking = make_run(run.workflow, editor, state=RunState.WAITING)
    wait = make_wait(asking)
    answer = {"action": "approved", "values": {"comment": "Fine."}}
    assert send(console(viewer), page_of(asking), act="answer", path="ask", answer=answer).status_code == 403
    assert (
        send(console(editor), page_of(asking), act="answer", path="other", answer=answer).status_code == 404
    )
    assert send(console(editor), page_of(asking), act="answer", path="ask", answer=answer).status_code == 200
    wait.refresh_from_db()
    assert (wait.state, wait.answer["values"]) == ("answered", {"comment": "Fine."})


# -- the public form


def test_the_form_page_shows_only_what_concerns_its_reader(run: WorkflowRun):
    asking = make_run(run.workflow, state=RunState.WAITING)
    wait = make_wait(asking, {"assignees": {"roles": ["owner"], "users": ["boss@example.org"]}})
    path = f"/runs/forms/{wait.token}/"
    client = Client()
    page = client.get(path).content.decode()
    assert "Approve it?" in page
    assert "boss@example.org" not in page
    assert run.workflow.name not in page
    assert client.get("/runs/forms/nothing/").status_code == 404
    assert send(client, path, action="rejected", values={}).status_code == 422
    assert client.post(path, "no json", content_type="application/json").status_code == 422
    assert send(client, path, action="approved", values={}).json() == {"state": "answered"}
    wait.refresh_from_db()
    assert (wait.state, wait.answered_by) == ("answered", None)
    gone = client.get(path)
    assert (gone.status_code, "answered already" in gone.content.decode()) == (410, True)
    assert send(client, path, action="approved", values={}).status_code == 409


def test_a_form_that_nobody_answered_in_time_is_closed(run: WorkflowRun):
    asking = make_run(run.workflow, state=RunState.WAITING)
    late = make_wait(asking, expires_at=timezone.now() - timezone.timedelta(seconds=1))
    assert send(Client(), f"/runs/forms/{late.token}/", action="approved", values={}).status_code == 409
    late.state = WaitState.EXPIRED
    late.save()
    assert "time to answer is over" in Client().get(f"/runs/forms/{late.token}/").content.decode()


def test_files_are_left_at_an_open_form(run: WorkflowRun):
    asking = make_run(run.workflow, state=RunState.WAITING)
    wait = make_wait(asking)
    path = f"/runs/forms/{wait.token}/files/"
    kept = Client().post(path, {"file": SimpleUploadedFile("../a plan.txt", b"draw")})
    assert (kept.status_code, kept.json()["name"]) == (201, "a plan.txt")
    assert RunFile.objects.get().run == asking
    assert Client().post(path, {}).status_code == 422
    wait.state = WaitState.ANSWERED
    wait.save()
    assert Client().post(path, {"file": SimpleUploadedFile("b.txt", b"x")}).status_code == 409


# -- triggers


def test_triggers_are_made_tried_and_deleted(
    workspace: Workspace, editor: User, viewer: User, console: Console
):
    workflow = make_workflow(workspace)
    path = f"/admin/workflows/{workflow.pk}/triggers/"
    client = console(editor)
    cron = {"cron": "0 8 * * mon-fri", "timezone": "Europe/Berlin"}
    assert len(send(client, path, act="preview", config=cron).json()["times"]) == 5
    wrong = send(client, path, act="preview", config={"cron": "99 * * * *"})
    assert (wrong.status_code, "minute" in wrong.json()["detail"]) == (422, True)
    assert send(console(viewer), path, act="create", kind="schedule", config=cron).status_code == 403
    made = send(client, path, act="create", kind="schedule", name="Mornings", config=cron).json()
    hook = send(client, path, act="create", kind="webhook", config={}).json()
    assert hook["address"].endswith(f"/hooks/{Trigger.objects.get(pk=hook['id']).token}/")
    assert len(hook["secret"]) > 20
    page = client.get(path).content.decode()
    assert "Mornings" in page
    assert hook["secret"] not in page
    assert send(client, path, act="renew", trigger=hook["id"]).json()["secret"] != hook["secret"]
    assert send(client, path, act="switch", trigger=made["id"], enabled=False).json()["enabled"] is False
    changed = {"cron": "@daily", "timezone": "UTC"}
    send(client, path, act="update", trigger=made["id"], name="Nights", config=changed)
    assert Trigger.objects.get(pk=made["id"]).config["cron"] == "@daily"
    assert send(client, path, act="create", kind="event", config={"event": "no_such"}).status_code == 422
    assert send(client, path, act="update", trigger="nonsense", config={}).status_code == 404
    send(client, path, act="delete", trigger=hook["id"])
    assert Trigger.objects.count() == 1


# -- the chat


def test_each_message_of_a_chat_is_a_run(workspace: Workspace, editor: User, viewer: User, console: Console):
    workflow = make_workflow(workspace, document=CHATFLOW)
    path = f"/admin/workflows/{workflow.pk}/chat/"
    client = console(editor)
    data = client.get(path).context["data"]
    assert (data["opening"], data["suggestions"]) == ("Hello, what is it?", ["Who are you?"])
    first = send(client, path, query="Hello", source="draft").json()
    conversation = Conversation.objects.get()
    assert (str(conversation.pk), conversation.workflow_id) == (first["conversation"], workflow.pk)
    send(client, path, query="Again", source="draft", conversation=first["conversation"])
    runs = WorkflowRun.objects.filter(conversation_id=conversation.pk).order_by("id")
    assert [run.system["query"] for run in runs] == ["Hello", "Again"]
    # a page that is opened meanwhile goes on with the run that still answers
    assert client.get(f"{path}?conversation={conversation.pk}").context["data"]["running"] == str(runs[1].pk)
    runs.update(state=RunState.SUCCEEDED)
    assert client.get(f"{path}?conversation={conversation.pk}").context["data"]["running"] == ""
    assert send(client, path, query="  ", source="draft").status_code == 422
    assert send(client, path, query="x", source="draft", conversation="nonsense").status_code == 404
    publish(actor=SYSTEM, workflow=workflow)
    other = console(viewer)
    assert other.get(f"{path}?conversation={conversation.pk}").status_code == 404
    assert send(other, path, query="x", conversation=first["conversation"]).status_code == 404
    assert other.get(path).context["conversations"] == []


def test_a_workflow_that_is_no_chatflow_can_not_be_talked_to(
    workspace: Workspace, editor: User, console: Console
):
    workflow = make_workflow(workspace, document=DOCUMENT)
    assert console(editor).get(f"/admin/workflows/{workflow.pk}/chat/").status_code == 404
