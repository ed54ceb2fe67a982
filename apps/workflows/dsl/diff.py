"""What changed between two documents: nodes, edges, variables and the rest, with configurations compared in depth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from apps.workflows.dsl.document import Document, Edge, NodeModel
from apps.workflows.dsl.problems import join_place
from apps.workflows.dsl.writing import dump

Kind = Literal["added", "removed", "changed", "moved"]
Subject = Literal["document", "node", "edge", "environment", "conversation"]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference.

    subject and id: what it is about; an edge's id is ``source:port → target``.
    path: where in it, such as ``config.prompt[0].text``; "" is the whole.
    ``moved`` is a node whose position on the canvas changed, or (path ``body``) that stands in another body.
    """

    kind: Kind
    subject: Subject
    id: str
    path: str = ""
    old: Any = None
    new: Any = None

    @property
    def layout(self) -> bool:
        """Whether it only concerns how the graph is drawn."""
        return self.kind == "moved" and self.path == "position"

    def as_dict(self) -> dict[str, Any]:
        """The change as plain JSON."""
        return {
            "kind": self.kind,
            "subject": self.subject,
            "id": self.id,
            "path": self.path,
            "old": self.old,
            "new": self.new,
        }


def diff(old: Document, new: Document, *, layout: bool = True) -> list[Change]:
    """All changes, in the order of the documents; with `layout` false, moves on the canvas are left out."""
    changes = [*_document(old, new), *_variables(old, new), *_nodes(old, new), *_edges(old, new)]
    return changes if layout else [change for change in changes if not change.layout]


def _document(old: Document, new: Document) -> Iterator[Change]:
    before, after = dump(old), dump(new)
    for data in (before, after):
        for key in ("nodes", "edges", "variables"):
            data.pop(key, None)
    for kind, path, was, now in _deep(before, after, ""):
        yield Change(kind, "document", "", path, was, now)


def _variables(old: Document, new: Document) -> Iterator[Change]:
    sections: tuple[tuple[Subject, Any, Any], ...] = (
        ("environment", old.variables.environment, new.variables.environment),
        ("conversation", old.variables.conversation, new.variables.conversation),
    )
    for subject, before, after in sections:
        was = {variable.name: variable.model_dump(exclude_defaults=True) for variable in before}
        now = {variable.name: variable.model_dump(exclude_defaults=True) for variable in after}
        yield from _members(subject, was, now)


def _members(subject: Subject, was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Change]:
    for name, data in was.items():
        if name not in now:
            yield Change("removed", subject, name, old=data)
        else:
            for kind, path, old, new in _deep(data, now[name], ""):
                yield Change(kind, subject, name, path, old, new)
    for name, data in now.items():
        if name not in was:
            yield Change("added", subject, name, new=data)


@dataclass(frozen=True, slots=True)
class _Placed:
    """A node with the container it stands in; "" at the top."""

    node: NodeModel
    container: str

    def data(self) -> dict[str, Any]:
        """Everything that is compared in depth."""
        return self.node.model_dump(exclude={"id", "body", "position"}, exclude_defaults=True)


def _placed(document: Document) -> dict[str, _Placed]:
    found: dict[str, _Placed] = {}
    pending = [(node, "") for node in reversed(document.nodes)]
    while pending:
        node, container = pending.pop()
        found[node.id] = _Placed(node, container)
        if node.body is not None:
            pending.extend((child, node.id) for child in reversed(node.body.nodes))
    return found


def _nodes(old: Document, new: Document) -> Iterator[Change]:
    before, after = _placed(old), _placed(new)
    for id_, was in before.items():
        now = after.get(id_)
        if now is None:
            yield Change("removed", "node", id_, old=was.data())
        else:
            yield from _node(id_, was, now)
    for id_, now in after.items():
        if id_ not in before:
            yield Change("added", "node", id_, new=now.data())


def _node(id_: str, was: _Placed, now: _Placed) -> Iterator[Change]:
    for kind, path, old, new in _deep(was.data(), now.data(), ""):
        yield Change(kind, "node", id_, path, old, new)
    if was.container != now.container:
        yield Change("moved", "node", id_, "body", was.container, now.container)
    if was.node.position != now.node.position:
        old_at, new_at = (
            None if placed.node.position is None else placed.node.position.model_dump(exclude_none=True)
            for placed in (was, now)
        )
        yield Change("moved", "node", id_, "position", old_at, new_at)


def _edge_ids(document: Document) -> dict[str, Edge]:
    found: dict[str, Edge] = {}
    levels = [document.edges, *(node.body.edges for node, _ in document.walk() if node.body is not None)]
    for edges in levels:
        for edge in edges:
            found[f"{edge.source}:{edge.port} → {edge.target}"] = edge
    return found


def _edges(old: Document, new: Document) -> Iterator[Change]:
    before, after = _edge_ids(old), _edge_ids(new)
    for id_, edge in before.items():
        if id_ not in after:
            yield Change("removed", "edge", id_, old=edge.model_dump())
    for id_, edge in after.items():
        if id_ not in before:
            yield Change("added", "edge", id_, new=edge.model_dump())


def _deep(old: Any, new: Any, path: str) -> Iterator[tuple[Kind, str, Any, Any]]:
    """Differences of two values of plain JSON; lists are compared by position."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from _pair(old, new, key, join_place(path, key))
    elif isinstance(old, list) and isinstance(new, list):
        before, after = dict(enumerate(old)), dict(enumerate(new))
        for index in range(max(len(old), len(new))):
            yield from _pair(before, after, index, join_place(path, index))
    elif type(old) is not type(new) or old != new:
        yield "changed", path, old, new


def _pair(
    old: Mapping[Any, Any], new: Mapping[Any, Any], key: Any, path: str
) -> Iterator[tuple[Kind, str, Any, Any]]:
    if key not in new:
        yield "removed", path, old[key], None
    elif key not in old:
        yield "added", path, None, new[key]
    else:
        yield from _deep(old[key], new[key], path)
