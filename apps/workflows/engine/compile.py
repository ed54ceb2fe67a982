"""From a validated document to a graph."""

from __future__ import annotations

import inspect
import json
from collections import deque
from typing import TYPE_CHECKING, Any

from apps.workflows.dsl.compiled import compile_config
from apps.workflows.dsl.nodetype import ERROR
from apps.workflows.dsl.parsing import parse
from apps.workflows.dsl.references import Reference, compile_reference, is_reference
from apps.workflows.dsl.templates import Part, compile_template
from apps.workflows.engine.graph import Block, Graph, Spec, Way

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from apps.workflows.dsl.document import Document, Edge, NodeModel
    from apps.workflows.dsl.nodetype import Catalogue


def compile(document: Document, catalogue: Catalogue) -> Graph:  # noqa: A001 - the verb of the engine's interface
    """Compile a document that has been validated; costs about as much as a run, so keep the graph."""
    nodes, edges = _reachable(document, catalogue)
    return Graph(
        root=_block(nodes, edges, catalogue),
        limits=document.limits,
        catalogue=catalogue,
        name=document.name,
    )


def _reachable(document: Document, catalogue: Catalogue) -> tuple[list[NodeModel], list[Edge]]:
    """What runs when the nodes at the beginning do; notes and loose ends on the canvas stay out."""
    kinds: Any = catalogue
    begins = [node.id for node in document.nodes if kinds[node.type].begins]
    targets = {edge.target for edge in document.edges}
    pending = begins or [
        node.id for node in document.nodes if node.id not in targets and not kinds[node.type].inert
    ]
    leaving: dict[str, list[str]] = {}
    for edge in document.edges:
        leaving.setdefault(edge.source, []).append(edge.target)
    found = set(pending)
    while pending:
        fresh = [target for target in leaving.get(pending.pop(), ()) if target not in found]
        found.update(fresh)
        pending.extend(fresh)
    return (
        [node for node in document.nodes if node.id in found],
        [edge for edge in document.edges if edge.source in found],
    )


class Graphs:
    """Graphs of documents that a run loads while it goes on, each compiled once."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._graphs: dict[str, Graph] = {}

    def get(self, document: Mapping[str, Any]) -> Graph:
        """The graph of a document; raises DocumentError."""
        key = json.dumps(document, sort_keys=True)
        if key not in self._graphs:
            self._graphs[key] = compile(parse(dict(document)), self._catalogue)
        return self._graphs[key]


def _block(nodes: Sequence[NodeModel], edges: Sequence[Edge], catalogue: Catalogue) -> Block:
    kinds: Any = catalogue
    nodes = [node for node in nodes if not kinds[node.type].inert]
    by_id = {node.id: index for index, node in enumerate(nodes)}
    leaving: list[list[tuple[str, int]]] = [[] for _ in nodes]
    incoming = [0] * len(nodes)
    for edge in edges:
        leaving[by_id[edge.source]].append((edge.port, by_id[edge.target]))
        incoming[by_id[edge.target]] += 1
    specs = tuple(_spec(index, node, leaving[index], catalogue) for index, node in enumerate(nodes))
    roots = tuple(index for index, count in enumerate(incoming) if not count)
    slots = tuple(index for index in _order(leaving, incoming) if _speaks(specs[index]))
    if slots:
        _mark_quoted(specs, by_id)
        _mark_announced(specs, leaving)
    return Block(
        specs, tuple(incoming), roots, slots, _certain(roots, specs, leaving) if slots else (), by_id
    )


def _spec(index: int, model: NodeModel, leaving: list[tuple[str, int]], catalogue: Catalogue) -> Spec:
    kind: Any = catalogue[model.type]
    config = kind.Config.model_validate(model.config)
    node = kind(config)
    source = compile_config(config)
    spec = Spec(
        index=index,
        id=model.id,
        type=model.type,
        title=model.title,
        node=node,
        source=source,
        static=None if source.dynamic else source.config,
        plain=not inspect.iscoroutinefunction(node.run),
        effects=node.effects,
        ways=_ways(leaving),
        nowhere=Way((), tuple(target for _, target in leaving)),
        special=node.begins or node.ends,
        text_output=node.text_output,
        retry=model.retry,
        timeout_s=model.timeout_s,
        answer_field=node.answer_field,
    )
    if node.answer_field and model.config.get(node.answer_field):
        spec.speaks = True
        spec.parts = _parts(model.config[node.answer_field])
    if node.merge_field:
        raw = model.config.get(node.merge_field, ())
        spec.merges = tuple(compile_reference(each) for each in raw if is_reference(each))
    if model.on_error is not None:
        spec.strategy = model.on_error.strategy
        spec.default = dict(model.on_error.default)
    if model.body is not None:
        spec.body = _block(model.body.nodes, model.body.edges, catalogue)
    return spec


def _ways(leaving: list[tuple[str, int]]) -> dict[str, Way]:
    """Where a node leads, for each port that has edges."""
    return {
        port: Way(
            tuple(target for name, target in leaving if name == port),
            tuple(target for name, target in leaving if name != port),
        )
        for port in dict(leaving)
    }


def _parts(raw: Any) -> tuple[Part, ...] | None:
    """What an answer puts one after the other; None when that is not all it does."""
    if is_reference(raw):
        return (compile_reference(raw),)
    return compile_template(raw).parts if isinstance(raw, str) else None


def _order(leaving: list[list[tuple[str, int]]], incoming: list[int]) -> list[int]:
    """Nodes so that each comes after those that lead to it; nodes of one rank as the document has them."""
    left = list(incoming)
    ready = deque(index for index, count in enumerate(left) if not count)
    order = []
    while ready:
        index = ready.popleft()
        order.append(index)
        for _, target in leaving[index]:
            left[target] -= 1
            if not left[target]:
                ready.append(target)
    return order


def _speaks(spec: Spec) -> bool:
    """Whether a node, or one in its body, says a part of the answer."""
    return spec.speaks or (spec.body is not None and bool(spec.body.slots))


def _mark_quoted(specs: Sequence[Spec], by_id: dict[str, int]) -> None:
    """Find the nodes whose text some answer passes on while it is being said."""
    for part in (part for spec in specs for part in spec.parts or () if isinstance(part, Reference)):
        source = specs[by_id[part.root]] if part.root in by_id else None
        if source is None:
            continue
        if part.path == (source.node.merge_output,):
            for merged in source.merges:
                if merged.root in by_id:
                    specs[by_id[merged.root]].quoted = True
        elif part.path == (source.text_output,):
            source.quoted = True


def _mark_announced(specs: tuple[Spec, ...], leaving: list[list[tuple[str, int]]]) -> None:
    """For each port of a node that has several: the answers that are certain once it is taken."""
    for spec in specs:
        if _undecided(spec, leaving[spec.index]):
            spec.announces = {
                port: found
                for port, way in spec.ways.items()
                if (found := _certain(way.taken, specs, leaving))
            }


def _undecided(spec: Spec, leaving: list[tuple[str, int]]) -> bool:
    """Whether a node chooses between ports when it ends. Its error port doesn't count: failures change the plan."""
    ports = spec.node.ports(spec.node.config)
    return len(ports) != 1 or any(port not in {ports[0].name, ERROR} for port, _ in leaving)


def _certain(
    starts: Iterable[int], specs: tuple[Spec, ...], leaving: list[list[tuple[str, int]]]
) -> tuple[int, ...]:
    """Answers that will run when these nodes do and nothing fails: those reached without a choice in between."""
    seen = set(starts)
    pending = deque(sorted(seen))
    found = []
    while pending:
        index = pending.popleft()
        if specs[index].speaks:
            found.append(index)
        if _undecided(specs[index], leaving[index]):
            continue
        for port, target in leaving[index]:
            if port != ERROR and target not in seen:
                seen.add(target)
                pending.append(target)
    return tuple(found)
