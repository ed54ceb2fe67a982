"""The editor's server side: positions, checks, drafts, versions, and what it knows of node types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from django.test import Client
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from apps.core.models import User, Workspace
from apps.workflows import dsl
from apps.workflows.admin.graph import MAX_NODES, graph_of, read_loosely
from apps.workflows.admin.positions import Positions, form_problems
from apps.workflows.admin.version import text_hunks
from apps.workflows.models import Workflow
from apps.workflows.node_metadata import GROUPS, node_types
from apps.workflows.nodes.registry import catalogue
from apps.workflows.services.workflow import publish, save_draft
from tests.factories.core import SYSTEM
from tests.workflows.console import DOCUMENT, make_workflow

Console = Callable[[User], Client]
LINES = DOCUMENT.splitlines()


def line_of(text: str) -> int:
    """The number of the only line of the document that holds `text`."""
    [number] = [n for n, line in enumerate(LINES, 1) if text in line]
    return number


# -- positions


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("", "version:"),
        ("kind", "kind:"),
        ("variables.environment[1].value", "name: CITY"),
        ("nodes[0].config.inputs[1].default", "name: times"),
        ("nodes[1].body.nodes[0].config.template", "config: {template:"),
        ("nodes[2].config.template", "template: |"),
        ("nodes[2].config.not_there.deeper", "      template: |"),
        ("nodes[3].config.outputs[0]['value']", "name: text, value"),
        ("edges[2].target", "source: write, target: end"),
    ],
)
def test_places_stand_on_their_lines(place: str, text: str):
    found = Positions(DOCUMENT).find(place)
    expected = (
        line_of(text.strip()) if place != "nodes[2].config.not_there.deeper" else line_of("template: |") - 1
    )
    assert found.line == expected
    assert found.end >= found.line


def test_nodes_know_their_lines_bodies_included():
    nodes = {node.id: node for node in Positions(DOCUMENT).nodes()}
    assert list(nodes) == ["start", "each", "line", "write", "end"]
    assert nodes["each"].line < nodes["line"].line <= nodes["line"].end <= nodes["each"].end
    assert LINES[nodes["write"].line - 1].strip() == "- id: write"


def test_positions_of_json_and_of_nonsense():
    text = '{"nodes": [\n {"id": "a", "type": "start"},\n {"id": "b"}\n]}'
    assert Positions(text).find("nodes[1].id").line == 3
    for broken in ("a: [1", "\t", "a: b: c", "%", "", "- - -"):
        assert Positions(broken).find("nodes[0].config").line >= 1
        assert Positions(broken).nodes() == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb: [1, 2\n", 3),
        ("a: 1\n\tb: 2", 2),
        ("a: 1\nb: c: d", 2),
        ("a: 1\n---\nb: 2", 2),
        ("a: 1\na: 2", 2),
    ],
)
def test_a_text_that_is_no_plain_data_says_where(text: str, line: int):
    [problem] = form_problems(text)
    assert (problem.line, bool(problem.message)) == (line, True)
    assert form_problems(DOCUMENT) == []


def test_half_a_document_has_the_positions_of_its_half():
    half = "".join(f"{line}\n" for line in LINES[: line_of("id: write")]) + "    config: [1, {\n"
    assert Positions(half).find("nodes[1].body.nodes[0].type").line == line_of("id: line") + 1
    assert [node.id for node in Positions(half).nodes()] == ["start", "each", "line", "write"]


def test_deep_nesting_is_an_error_and_no_crash():
    deep = "[" * 50_000
    assert form_problems(deep)[0].code in {"too_deep", "yaml_syntax"}
    assert Positions(deep).find("nodes[0]").line == 1
    assert read_loosely(deep) == ({}, False)


@given(st.text(max_size=200), st.text(alphabet="abnodes.[]0123'", max_size=40))
def test_no_text_and_no_place_breaks_them(text: str, place: str):
    found = Positions(text).find(place)
    assert 1 <= found.line <= found.end


# -- the drawing


def test_the_drawing_has_ports_parents_and_edges():
    graph = graph_of(yaml.safe_load(DOCUMENT), catalogue())
    nodes = {node["id"]: node for node in graph["nodes"]}
    assert nodes["line"]["parent"] == "each"
    assert nodes["each"]["container"]
    assert nodes["start"]["group"] == "start"
    assert {"source": "start", "target": "each", "port": "out"} in graph["edges"]


def test_branches_give_their_ports_titles():
    document = {
        "nodes": [
            {"id": "ask", "type": "approval", "config": {}, "on_error": {"strategy": "branch"}},
            {"id": "odd", "type": "no_such_type", "body": {"nodes": []}},
            {"id": "bad", "type": "http_request", "config": {"nonsense": 1}},
        ],
        "edges": [{"source": "ask", "target": "nowhere"}, {"source": "ask"}, "text"],
    }
    graph = graph_of(document, catalogue())
    ask, odd, bad = graph["nodes"]
    assert [port["name"] for port in ask["ports"]] == ["approved", "rejected", "error"]
    assert ask["ports"][2]["title"] == "Error"
    assert (odd["container"], odd["group"]) == (True, "other")
    assert bad["ports"] == [{"name": "out", "title": ""}]
    assert graph["edges"] == []


def test_a_document_that_holds_itself_ends_somewhere():
    body: dict[str, Any] = {}
    body["nodes"] = [{"id": "x", "type": "loop", "body": body}] * 3
    assert len(graph_of(body, catalogue())["nodes"]) <= MAX_NODES


# -- node types


def test_the_catalogue_is_complete_for_a_canvas():
    described = {kind["type"]: kind for kind in node_types()}
    assert set(described) == set(catalogue())
    for name, kind in described.items():
        assert kind["title"], name
        assert kind["group"] in GROUPS, name
        assert kind["icon"], name
        assert kind["config_schema"]["type"] == "object", name
        [node] = yaml.safe_load(kind["snippet"])
        assert node["type"] == name
        for field, schema in kind["config_schema"].get("properties", {}).items():
            known = (
                kind["config_schema"]["$defs"][schema["$ref"].rpartition("/")[2]]
                if "$ref" in schema
                else schema
            )
            assert known.get("title"), f"{name}.{field} has no title for people"
    assert [port["name"] for port in described["approval"]["ports"]] == ["approved", "rejected"]
    assert described["iteration"]["body_outputs"][0]["name"] == "item"
    assert "output" in [output["name"] for output in described["template"]["outputs"]]
    with translation.override("zh-hans"):
        assert {kind["type"] for kind in node_types()} == set(described)


def test_snippets_are_nodes_that_parse():
    for kind in node_types():
        text = f"version: flywheel/v1\nkind: workflow\nname: x\nnodes:\n{kind['snippet']}edges: []\n"
        assert dsl.parse(text).nodes[0].type == kind["type"]


# -- drafts


def edit(client: Client, workflow: Workflow, **body: Any) -> Any:
    """Save by the editor."""
    return client.post(f"/admin/workflows/{workflow.pk}/edit/", body, content_type="application/json")


def check(client: Client, workflow: Workflow, **body: Any) -> dict[str, Any]:
    """Ask for the problems of a text."""
    sent = client.post(f"/admin/workflows/{workflow.pk}/check/", body, content_type="application/json")
    assert sent.status_code == 200
    answer: dict[str, Any] = sent.json()
    return answer


@pytest.mark.django_db
def test_checks_name_lines_and_nodes(workspace: Workspace, viewer: User, console: Console):
    workflow = make_workflow(workspace)
    client = console(viewer)
    good = check(client, workflow, text=DOCUMENT)
    assert (good["readable"], good["problems"]) == (True, [])
    assert [line["id"] for line in good["lines"]] == ["start", "each", "line", "write", "end"]
    wrong = check(
        client,
        workflow,
        text=DOCUMENT.replace("type: template\n    title: Write", "type: tempelate\n    title: Write"),
    )
    [problem] = [p for p in wrong["problems"] if p["code"] == "unknown_type"]
    assert (problem["line"], problem["node_id"]) == (line_of("id: write") + 1, "write")
    assert len(wrong["graph"]["nodes"]) == 5
    broken = check(client, workflow, text=DOCUMENT + "\nx: [")
    assert (broken["readable"], broken["graph"], broken["problems"][0]["code"]) == (
        False,
        None,
        "yaml_syntax",
    )
    for odd in ("", "- 1", "nodes: 3", "nodes: [{id: 4}]", "\x00"):
        assert not check(client, workflow, text=odd)["readable"]
    saved = check(client, workflow)
    assert (saved["revision"], saved["readable"]) == (workflow.draft_revision, True)


@pytest.mark.django_db
def test_drafts_are_saved_under_an_optimistic_lock(
    workspace: Workspace, editor: User, viewer: User, console: Console
):
    workflow = make_workflow(workspace)
    client = console(editor)
    first = edit(client, workflow, text=DOCUMENT.replace("Hello", "Hi"), revision=workflow.draft_revision)
    assert (first.status_code, first.json()["changed"]) == (200, True)
    late = edit(client, workflow, text=DOCUMENT, revision=workflow.draft_revision)
    assert (late.status_code, late.json()["code"]) == (409, "draft_changed")
    refused = edit(client, workflow, text="nodes: [", revision=first.json()["revision"])
    assert (refused.status_code, refused.json()["problems"][0]["line"]) == (422, 2)
    assert edit(console(viewer), workflow, text=DOCUMENT, revision=None).status_code == 403
    workflow.refresh_from_db()
    assert "Hi {{" in str(workflow.draft)
    assert (
        client.post(f"/admin/workflows/{workflow.pk}/edit/", "no json", content_type="text/plain").status_code
        == 422
    )


@pytest.mark.django_db
def test_comments_stay_where_they_were_typed_and_secrets_do_not(
    workspace: Workspace, editor: User, console: Console
):
    workflow = make_workflow(workspace)
    client = console(editor)
    path = f"/admin/workflows/{workflow.pk}"
    typed = DOCUMENT.replace("nodes:", "# what happens\nnodes:", 1)
    saved = edit(client, workflow, text=typed, revision=None).json()
    assert saved["text"] == typed
    assert client.get(f"{path}/edit/").context["data"]["text"] == typed
    assert client.get(f"{path}/export/").content.decode() == typed
    secret = typed.replace(
        "name: API_TOKEN, type: secret", "name: API_TOKEN, type: secret, value: s3cr3t-words"
    )
    saved = edit(client, workflow, text=secret, revision=None).json()
    workflow.refresh_from_db()
    assert workflow.secrets["API_TOKEN"] == "s3cr3t-words"
    assert "s3cr3t-words" not in saved["text"] + str(workflow.draft) + workflow.draft_text
    edit(client, workflow, text=typed, revision=None)
    client.post(f"{path}/settings/", {"name": "Renamed", "icon": "mail"})
    assert "name: Renamed" in client.get(f"{path}/edit/").context["data"]["text"]


@pytest.mark.django_db
def test_versions_are_published_compared_and_restored(workspace: Workspace, editor: User, console: Console):
    workflow = make_workflow(workspace)
    client = console(editor)
    path = f"/admin/workflows/{workflow.pk}"

    def send(**body: Any) -> Any:
        return client.post(f"{path}/publish/", body, content_type="application/json")

    assert send(name="One", note="First").json()["number"] == 1
    assert send(revision=999).status_code == 409
    save_draft(actor=SYSTEM, workflow=workflow, document=DOCUMENT.replace("Hello", "Bye"), revision=None)
    diff = client.get(f"{path}/diff/?from=1&to=draft")
    changes = {(change.title, change.place) for change in diff.context["changes"]}
    assert ("Node write changed", "config.template") in changes
    lines = [line for hunk in diff.context["hunks"] for line in hunk]
    assert [line.text.strip() for line in lines if line.kind == "new"][-1].startswith("Bye {{")
    assert client.get(f"{path}/diff/?from=1&to=1").context["hunks"] == []
    for unknown in ("7", "²", "9" * 5_000):
        assert client.get(f"{path}/diff/", {"from": unknown, "to": "draft"}).status_code == 404
        assert client.post(f"{path}/versions/", {"act": "restore", "version": unknown}).status_code == 404
        assert client.get(f"{path}/export/", {"version": unknown}).status_code == 200
        assert client.get(f"{path}/run/", {"source": unknown}).status_code in {200, 404}
    assert send(name="Two").json()["number"] == 2
    client.post(f"{path}/versions/", {"act": "rename", "version": "1", "name": "Start", "note": "Of all"})
    client.post(f"{path}/versions/", {"act": "restore", "version": "1"})
    workflow.refresh_from_db()
    assert "Hello" in str(workflow.draft)
    assert workflow.versions.get(number=1).name == "Start"
    text = client.get(f"{path}/versions/").content.decode()
    assert "Of all" in text
    save_draft(
        actor=SYSTEM, workflow=workflow, document=DOCUMENT.replace("type: iteration", "type: no_such"), revision=None
    )  # fmt: skip
    assert (send().status_code, send().json()["code"]) == (422, "not_publishable")


@pytest.mark.django_db
def test_settings_keep_secrets_to_themselves(workspace: Workspace, editor: User, console: Console):
    workflow = make_workflow(workspace)
    client = console(editor)
    path = f"/admin/workflows/{workflow.pk}/settings/"
    client.post(path, {"act": "secrets", "value:API_TOKEN": "very-secret"})
    workflow.refresh_from_db()
    assert workflow.secrets["API_TOKEN"] == "very-secret"
    page = client.get(path).content.decode()
    assert "very-secret" not in page
    assert "Delft" in page
    client.post(path, {"act": "secrets", "value:API_TOKEN": ""})
    workflow.refresh_from_db()
    assert workflow.secrets["API_TOKEN"] == "very-secret"
    client.post(path, {"act": "secrets", "clear:API_TOKEN": "on"})
    client.post(path, {"name": "Renamed", "icon": "mail", "concurrency": "3", "keep_runs_days": ""})
    workflow.refresh_from_db()
    assert (workflow.name, workflow.concurrency, dict(workflow.secrets)) == ("Renamed", 3, {})
    assert client.post(path, {"name": "", "icon": "mail", "concurrency": "0"}).status_code == 422


@pytest.mark.django_db
def test_a_workflow_is_shared_from_its_settings(
    workspace: Workspace, editor: User, viewer: User, console: Console
) -> None:
    workflow = make_workflow(workspace)
    path, share = (
        f"/admin/workflows/{workflow.pk}/settings/",
        f"/admin/share/workflows.workflow/{workflow.pk}/",
    )
    assert share in console(editor).get(path).content.decode()
    assert share not in console(viewer).get(path).content.decode()
    assert console(viewer).post(path, {"name": "Mine", "icon": "mail"}).status_code == 302
    workflow.refresh_from_db()
    assert workflow.name != "Mine"

    client = console(editor)
    assert f"/admin/workflows/{workflow.pk}/" in client.get(share).content.decode()
    client.post(share, {"person": viewer.pk, "actions": ["view", "change", "run"]})
    assert viewer.email in client.get(path).content.decode()
    console(viewer).post(path, {"name": "Mine", "icon": "mail"})
    workflow.refresh_from_db()
    assert workflow.name == "Mine"
    assert console(viewer).get(share).status_code == 403

    client.post(share, {"person": viewer.pk})
    assert viewer.email not in client.get(path).content.decode().partition("<main")[2]
    console(viewer).post(path, {"name": "Again", "icon": "mail"})
    workflow.refresh_from_db()
    assert workflow.name == "Mine"


@pytest.mark.django_db
def test_the_api_tab_calls_this_workflow_with_its_inputs(
    workspace: Workspace, viewer: User, console: Console
):
    workflow = make_workflow(workspace)
    publish(actor=SYSTEM, workflow=workflow)
    snippets = console(viewer).get(f"/admin/workflows/{workflow.pk}/api/").context["snippets"]
    assert [snippet["key"] for snippet in snippets] == ["blocking", "streaming", "async"]
    for snippet in snippets:
        assert f"/api/v1/workflows/{workflow.pk}/run'" in snippet["curl"]
        compile(snippet["python"], "snippet", "exec")
        assert '"times": 2' in snippet["python"]


def test_hunks_count_the_lines_of_both_texts():
    old = "\n".join(f"line {n}" for n in range(30))
    new = old.replace("line 20", "line twenty").replace("line 2\n", "")
    first, second = text_hunks(old, new)
    assert [(line.old, line.new) for line in first if line.kind == "old"] == [(3, "")]
    assert [(line.kind, line.old, line.new) for line in second if line.kind != "same"] == [
        ("old", 21, ""),
        ("new", "", 20),
    ]
