"""Short ways to write documents for tests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from apps.workflows import dsl
from apps.workflows.dsl import Inventory

START = {
    "id": "start",
    "type": "start",
    "config": {"inputs": {"name": "string", "age_in_years": "number", "names": "array[string]"}},
}
END = {"id": "end", "type": "end"}

#: A workspace with few things in it. The workflow `me` is the one at hand; `billing` calls `report`, which calls it.
ENVIRONMENT = Inventory(
    resources={
        "model": {"mini"},
        "knowledge_base": {"handbook"},
        "workflow": {"me", "billing"},
        "language": {"python"},
    },
    unusable={"model": {"locked"}},
    secrets={"TOKEN"},
    workflow="w1",
    workflow_ids={"me": "w1", "billing": "w2"},
    workflow_calls={"w2": ["w3"], "w3": ["w1"]},
)


def edge(text: str | dict[str, Any]) -> dict[str, Any]:
    """``a:port > b`` as an edge."""
    if isinstance(text, dict):
        return text
    source, _, target = text.partition(" > ")
    node, _, port = source.partition(":")
    return {"source": node, "target": target, **({"port": port} if port else {})}


def document(
    nodes: Iterable[Any], edges: Iterable[Any], kind: str = "workflow", **more: Any
) -> dict[str, Any]:
    """A document of nodes (S and E are a plain start and end) and short edges."""
    plain = {"S": START, "E": END}
    return {
        "version": dsl.VERSION,
        "kind": kind,
        "nodes": [plain[node] if isinstance(node, str) else node for node in nodes],
        "edges": [edge(text) for text in edges],
        **more,
    }
