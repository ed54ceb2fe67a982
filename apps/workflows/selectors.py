"""Reads of workflows for the console and the API."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from django.db.models import Count, Max
from django.utils.text import slugify

from apps.core.exceptions import NotFound
from apps.core.metrics import Reading
from apps.core.models import StreamEvent, User, Workspace
from apps.core.numbers import whole_number
from apps.workflows import dsl
from apps.workflows.models import RunState, RunWait, Workflow, WorkflowRun, WorkflowVersion


def get_workflow(workspace: Workspace, user: User, pk: UUID, action: str = "view") -> Workflow:
    """One workflow of a workspace, with its published version; raises NotFound."""
    found = (
        Workflow.objects.in_workspace(workspace)
        .visible_to(user, action)
        .select_related("published", "workspace")
        .filter(pk=pk)
        .first()
    )
    if found is None:
        raise NotFound
    return found


def get_version(workflow: Workflow, number: int) -> WorkflowVersion:
    """A version of a workflow by its number; raises NotFound."""
    found = workflow.versions.filter(number=number).first()
    if found is None:
        raise NotFound
    return found


def version_called(workflow: Workflow, text: str) -> WorkflowVersion | None:
    """A version of a workflow by its number as an address writes it; None when there is none of that number."""
    number = whole_number(text)
    return None if number is None else workflow.versions.filter(number=number).first()


def get_run(workspace: Workspace, user: User, pk: UUID) -> WorkflowRun:
    """One run of a workspace, with workflow and version; raises NotFound."""
    found = (
        WorkflowRun.objects.in_workspace(workspace)
        .visible_to(user)
        .select_related("workflow", "version", "trigger", "workspace")
        .filter(pk=pk)
        .first()
    )
    if found is None:
        raise NotFound
    return found


def wait_by_token(token: str) -> RunWait:
    """The wait whose form has this address, whatever became of it; raises NotFound."""
    found = (
        RunWait.objects.select_related("run__workflow", "workspace").filter(token=token).first()
        if token
        else None
    )
    if found is None:
        raise NotFound
    return found


def watched_run(user: User, pk: UUID) -> WorkflowRun:
    """One run of any workspace of the person, for its websocket; raises NotFound."""
    found = (
        WorkflowRun.objects.visible_to(user)
        .select_related("workflow", "version", "workspace")
        .filter(pk=pk)
        .first()
    )
    if found is None:
        raise NotFound
    return found


def watched_runs(user: User, pks: Sequence[UUID]) -> dict[UUID, int]:
    """Which of these runs the person may see and have not ended, with the number of the latest event of each."""
    open_runs_of = WorkflowRun.objects.visible_to(user).open().filter(pk__in=pks)
    found = dict.fromkeys(open_runs_of.values_list("pk", flat=True), 0)
    newest = StreamEvent.objects.filter(stream_id__in=found).values("stream_id").annotate(seq=Max("seq"))
    return found | dict(newest.order_by().values_list("stream_id", "seq"))


def document_diff(old: dict[str, Any], new: dict[str, Any]) -> list[Any]:
    """What changed from one document to another, see `dsl.diff`."""
    return list(dsl.diff(dsl.parse(dict(old)), dsl.parse(dict(new))))


def export_document(workflow: Workflow, document: dict[str, Any], file_format: str) -> tuple[str, str]:
    """A document as a file: its text, and a name for it. file_format: yaml or json. It never holds secrets."""
    parsed = dsl.parse(dict(document))
    text = dsl.dump_json(parsed) if file_format == "json" else dsl.dump_yaml(parsed)
    return text, f"{slugify(workflow.name) or 'workflow'}.{file_format}"


@dataclass(slots=True)
class NodeState:
    """How far one execution of a node is. state: running, waiting, retrying, completed, handled, failed, stopped."""

    node: str
    path: str
    type: str = ""
    title: str = ""
    state: str = "running"
    attempts: int = 0
    outputs: Any = None
    truncated: bool = False
    port: str = ""
    ms: float | None = None
    error: dict[str, Any] | None = None
    usage: dict[str, Any] | None = None
    reused: bool = False


@dataclass(slots=True)
class GraphState:
    """Where a run stands: its nodes by path, and the number of the last event that was read."""

    seq: int = 0
    nodes: dict[str, NodeState] = field(default_factory=dict)
    text: str = ""
    variables: dict[str, Any] = field(default_factory=dict)


#: Longest output, as JSON, that a snapshot carries; the whole one is in the event.
PREVIEW_CHARS = 4_000


def run_graph_state(run: WorkflowRun, *, whole: bool = False) -> GraphState:
    """The states of a run's nodes, read from its ledger; outputs are cut to a preview unless `whole`."""
    state = GraphState()
    events = StreamEvent.objects.filter(stream_id=run.pk).order_by("seq").values_list("seq", "type", "data")
    for seq, kind, data in events.iterator(chunk_size=2_000):
        state.seq = seq
        if kind.startswith("node."):
            _apply_node(state, kind, data, whole=whole)
        elif kind == "text.delta":
            state.text += data["text"]
        elif kind == "text.reset":
            state.text = state.text[: data["length"]]
        elif kind == "variable.set":
            state.variables[f"{data['namespace']}.{data['name']}"] = data["value"]
        elif kind in {"run.stopped", "run.failed"}:
            for node in state.nodes.values():
                if node.state in {"running", "retrying", "waiting"}:
                    node.state = "stopped"
    return state


def _apply_node(state: GraphState, kind: str, data: dict[str, Any], *, whole: bool) -> None:
    if kind in {"node.delta", "node.log"}:
        return
    node = state.nodes.get(data["path"])
    if node is None:
        node = state.nodes[data["path"]] = NodeState(data["node"], data["path"])
    if kind == "node.started":
        node.type, node.title = data.get("type", ""), data.get("title", "")
        node.attempts, node.state = data.get("attempt", node.attempts + 1), "running"
    elif kind == "node.waiting":
        node.state = "waiting"
    elif kind == "node.retrying":
        node.state, node.error = "retrying", data.get("error")
    elif kind == "node.completed":
        node.error = data.get("handled")
        node.state = "handled" if node.error else "completed"
        node.port, node.ms, node.usage = data.get("port", ""), data.get("ms"), data.get("usage")
        node.reused = bool(data.get("reused"))
        node.outputs, node.truncated = _preview(data.get("outputs"), whole=whole)
    elif kind == "node.failed":
        node.state, node.error, node.ms = "failed", data.get("error"), data.get("ms")


def _preview(value: Any, *, whole: bool) -> tuple[Any, bool]:
    if whole:
        return value, False
    text = orjson.dumps(value).decode()
    return (value, False) if len(text) <= PREVIEW_CHARS else (text[:PREVIEW_CHARS], True)


def open_runs() -> Iterator[Reading]:
    """Runs of the installation that have not ended, by state, for Prometheus."""
    states = [RunState.QUEUED, RunState.RUNNING, RunState.WAITING]
    rows = WorkflowRun.objects.filter(state__in=states).values_list("state").annotate(count=Count("pk"))
    for state, count in rows.order_by():
        yield Reading((state,), count)
