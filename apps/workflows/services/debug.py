"""Trying one node alone: with given values in the place of what it reads."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.core import audit, permissions
from apps.core.actors import Actor
from apps.core.exceptions import NotFound
from apps.workflows import dsl
from apps.workflows.exceptions import ArchivedError, NotPublishableError
from apps.workflows.models import RunMode, TriggerKind, Workflow, WorkflowRun
from apps.workflows.nodes.registry import catalogue
from apps.workflows.services.document import checksum_of, shown_problems
from apps.workflows.services.run import wake_executors


@transaction.atomic
def try_node(
    *,
    actor: Actor,
    workflow: Workflow,
    node_id: str,
    values: Mapping[str, Mapping[str, Any]],
    inputs: Mapping[str, Any],
) -> WorkflowRun:
    """Run a node of the draft alone, at once. values: outputs of the nodes it reads, by node id.

    It is a run like any other (durable, traced, to be stopped) of a document that holds the node, and a node of fixed
    values for each one it reads. Raises NotFound, NotPublishableError (what is wrong with the node).
    """
    permissions.require(actor, "change", workflow)
    if workflow.archived:
        raise ArchivedError(_("An archived workflow does not run."))
    document = trial_document(workflow.draft, node_id, values)
    _require_valid(document)
    run = WorkflowRun.objects.create(
        workspace_id=workflow.workspace_id,
        workflow=workflow,
        document=document,
        checksum=checksum_of(document),
        mode=RunMode.INTERACTIVE,
        inputs=dict(inputs),
        trigger_kind=TriggerKind.DEBUG,
        user=actor.user,
        queued_at=timezone.now(),
    )
    audit.record(actor=actor, action="workflows.run.try_node", obj=run, after={"node": node_id})
    wake_executors(run.mode)
    return run


def trial_document(
    document: Mapping[str, Any], node_id: str, values: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """A document in which a node stands alone behind the values it reads; its result is the run's."""
    found = next((node for node in _nodes(document) if node["id"] == node_id), None)
    if found is None:
        raise NotFound(_("The draft has no node with this id."))
    node = deepcopy(dict(found))
    node.pop("position", None)
    start = next((deepcopy(dict(n)) for n in _nodes(document) if n["type"] == "start"), None)
    start = start or {"id": "start", "type": "start", "config": {"inputs": []}}
    given = [
        {"id": name, "type": "fixed_values", "config": {"outputs": dict(outputs)}}
        for name, outputs in values.items()
        if name not in {node_id, start["id"]}
    ]
    chain = [start, *given] if node["id"] == start["id"] else [start, *given, node]
    edges = [{"source": a["id"], "target": b["id"]} for a, b in itertools.pairwise(chain)]
    kept = {
        name: document[name]
        for name in ("version", "kind", "name", "variables", "limits")
        if name in document
    }
    return {**kept, "kind": "workflow", "nodes": [*chain, *_end(node)], "edges": [*edges, *_end_edges(node)]}


def _end(node: Mapping[str, Any]) -> list[dict[str, Any]]:
    """An end that gives out what the node left behind."""
    kind = catalogue().get(node["type"])
    if kind is None or kind.ends or node["type"] == "start":
        return []
    outputs = kind.outputs(kind.Config.model_validate(node.get("config") or {}))
    name = "trial_end" if node["id"] != "trial_end" else "trial_end_2"
    return [
        {
            "id": name,
            "type": "end",
            "config": {
                "outputs": [{"name": output, "value": f"$.{node['id']}.{output}"} for output in outputs]
            },
        }
    ]


def _end_edges(node: Mapping[str, Any]) -> list[dict[str, Any]]:
    """From each of its ports."""
    kind = catalogue().get(node["type"])
    ends = _end(node)
    if kind is None or not ends:
        return []
    ports = [port.name for port in kind.ports(kind.Config.model_validate(node.get("config") or {}))]
    if (node.get("on_error") or {}).get("strategy") == "branch":
        ports.append("error")
    return [{"source": node["id"], "target": ends[0]["id"], "port": port} for port in ports]


def _nodes(block: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for node in block.get("nodes") or ():
        yield node
        if node.get("body"):
            yield from _nodes(node["body"])


def _require_valid(document: Mapping[str, Any]) -> None:
    try:
        problems = dsl.validate(dsl.parse(dict(document)), catalogue(), environment=None)
    except dsl.DocumentError as error:
        problems = list(error.problems)
    wrong = [problem for problem in shown_problems(problems) if problem["severity"] == "error"]
    if wrong:
        raise NotPublishableError(
            _("Correct the errors first: %(first)s") % {"first": wrong[0]["message"]}, problems=wrong
        )
