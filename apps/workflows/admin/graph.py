"""A document as the drawing in the browser takes it: nodes with ports and icons, edges, and who contains whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _
from pydantic import ValidationError

from apps.core.exceptions import TooLarge
from apps.workflows import dsl
from apps.workflows.dsl.nodetype import ERROR, OUT, Catalogue, Port
from apps.workflows.exceptions import DocumentInvalidError
from apps.workflows.services.document import read_document

#: A drawing of more says nothing any more; also what a hostile text of aliases is cut to.
MAX_NODES = 2_000
MAX_DEPTH = 20


def graph_of(document: Mapping[str, Any], types: Catalogue) -> dict[str, Any]:
    """Nodes and edges of a document, also of one that is only half right.

    nodes: id, type, title, typeTitle, group, icon, container, parent (id or null), ports (name, title);
    edges: source, target, port.
    """
    nodes: list[dict[str, Any]] = []
    edges: list[dict[str, Any]] = []
    for parent, body in _bodies(document):
        for node in _objects(body.get("nodes")):
            if isinstance(node.get("id"), str) and len(nodes) < MAX_NODES:
                nodes.append(_node(node, parent, types))
        edges += [_edge(edge) for edge in _objects(body.get("edges")) if _is_edge(edge)]
    known = {node["id"] for node in nodes}
    return {
        "nodes": nodes,
        "edges": [edge for edge in edges if edge["source"] in known and edge["target"] in known],
    }


def read_loosely(text: str) -> tuple[dict[str, Any], bool]:
    """The document in a text and True; when its form is wrong, the plain data in it and False."""
    try:
        return read_document(text), True
    except (DocumentInvalidError, TooLarge):
        pass
    try:
        found = dsl.load(text).data
    except dsl.DocumentError:
        return {}, False
    return (found if isinstance(found, dict) else {}), False


def _bodies(document: Mapping[str, Any]) -> Iterator[tuple[str | None, Mapping[str, Any]]]:
    """The document and the bodies in it, with the id of the node that holds each."""
    stack: list[tuple[str | None, Mapping[str, Any], int]] = [(None, document, 0)]
    seen = 0
    while stack and seen <= MAX_NODES:
        parent, body, depth = stack.pop()
        seen += 1
        yield parent, body
        for node in _objects(body.get("nodes")):
            inner = node.get("body")
            if isinstance(inner, Mapping) and isinstance(node.get("id"), str) and depth < MAX_DEPTH:
                stack.append((node["id"], inner, depth + 1))


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _node(node: Mapping[str, Any], parent: str | None, types: Catalogue) -> dict[str, Any]:
    name = str(node.get("type") or "")
    kind = types.get(name)
    return {
        "id": node["id"],
        "type": name,
        "title": str(node.get("title") or node["id"]),
        "typeTitle": _(kind.title) if kind else name,
        "group": kind.group if kind else "other",
        "icon": kind.icon if kind else "help",
        "container": bool(kind.container) if kind else isinstance(node.get("body"), Mapping),
        "parent": parent,
        "ports": [{"name": port.name, "title": _titled(port)} for port in _ports(node, kind)],
    }


def _titled(port: Port) -> str:
    if port.name == ERROR and not port.title:
        return _("Error")
    return _(port.title) if port.title else ""


def _ports(node: Mapping[str, Any], kind: Any) -> tuple[Port, ...]:
    ports: tuple[Port, ...] = (Port(OUT),)
    if kind is not None:
        try:
            ports = tuple(kind.ports(kind.Config.model_validate(node.get("config") or {})))
        except (ValidationError, ValueError, TypeError, AttributeError, LookupError):
            ports = (Port(OUT),)  # the configuration is not right yet; the problems say so
    on_error = node.get("on_error")
    if isinstance(on_error, Mapping) and on_error.get("strategy") == "branch":
        ports = (*ports, Port(ERROR))
    return ports


def _is_edge(edge: Mapping[str, Any]) -> bool:
    return isinstance(edge.get("source"), str) and isinstance(edge.get("target"), str)


def _edge(edge: Mapping[str, Any]) -> dict[str, str]:
    return {"source": edge["source"], "target": edge["target"], "port": str(edge.get("port") or OUT)}
