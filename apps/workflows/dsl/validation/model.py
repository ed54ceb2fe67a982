"""A document prepared for validation: its nodes by id, its levels, and what can have run before what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pydantic import BaseModel

from apps.workflows.dsl.document import Document, Edge, NodeModel
from apps.workflows.dsl.nodetype import ERROR, OUT, Catalogue, NodeType, Output, Port
from apps.workflows.dsl.validation.environment import Environment
from apps.workflows.dsl.validation.report import Report

#: What a node leaves behind beside its own outputs once its errors are taken care of.
ERROR_OUTPUTS: Mapping[str, Output] = {
    "error_message": Output("string"),
    "error_code": Output("string"),
    "is_success": Output("boolean"),
}
#: An output of this name stands for any: the type can't tell which there will be.
OPEN = "*"


@dataclass(slots=True, eq=False)
class NodeInfo:
    """A node with what its type says about it; `config` is None when it could not be read."""

    model: NodeModel
    place: str
    level: Level
    index: int
    kind: type[NodeType] | None = None
    config: BaseModel | None = None
    ports: tuple[Port, ...] | None = None
    outputs: Mapping[str, Output] | None = None
    body_outputs: Mapping[str, Output] = field(default_factory=dict)
    body: Level | None = None

    @property
    def id(self) -> str:
        """The node's id."""
        return self.model.id

    @property
    def handled(self) -> bool:
        """Whether an error strategy takes care of its failures."""
        return self.model.on_error is not None and self.model.on_error.strategy != "fail"

    @property
    def port_names(self) -> tuple[str, ...] | None:
        """Every way out, the error port included; None when unknown."""
        if self.ports is None:
            return None
        names = tuple(port.name for port in self.ports)
        branches = self.model.on_error is not None and self.model.on_error.strategy == "branch"
        return (*names, ERROR) if branches and ERROR not in names else names


@dataclass(eq=False)
class Level:
    """The nodes of the document, or of one body, and the edges between them."""

    place: str
    edges: list[Edge]
    container: NodeInfo | None = None
    nodes: list[NodeInfo] = field(default_factory=list)
    by_id: dict[str, NodeInfo] = field(default_factory=dict)

    @property
    def edges_place(self) -> str:
        """Where its edges stand."""
        return f"{self.place}edges"

    @cached_property
    def links(self) -> list[tuple[int, int, str]]:
        """Edges whose ends exist, as positions with the port."""
        return [
            (self.by_id[edge.source].index, self.by_id[edge.target].index, edge.port)
            for edge in self.edges
            if edge.source in self.by_id and edge.target in self.by_id
        ]

    @cached_property
    def leaving(self) -> list[list[int]]:
        """For each node the nodes it leads to."""
        found: list[list[int]] = [[] for _ in self.nodes]
        for source, target, _ in self.links:
            found[source].append(target)
        return found

    @cached_property
    def incoming(self) -> list[list[tuple[int, str]]]:
        """For each node the nodes, with ports, that lead to it."""
        found: list[list[tuple[int, str]]] = [[] for _ in self.nodes]
        for source, target, port in self.links:
            found[target].append((source, port))
        return found

    @cached_property
    def order(self) -> list[int]:
        """Nodes so that each comes after those that lead to it; those on or behind a cycle are left out."""
        left = [len(sources) for sources in self.incoming]
        found = [index for index, count in enumerate(left) if not count]
        for index in found:
            for target in self.leaving[index]:
                left[target] -= 1
                if not left[target]:
                    found.append(target)
        return found

    @cached_property
    def before(self) -> dict[int, int]:
        """For each node that is on no cycle the set of nodes upstream of it, as bits."""
        found: dict[int, int] = {}
        for index in self.order:
            bits = 0
            for source, _ in self.incoming[index]:
                bits |= found[source] | 1 << source
            found[index] = bits
        return found

    @cached_property
    def choices(self) -> dict[int, int]:
        """For each node the ports that every way to it goes by, as bits of `choice_bits`."""
        found: dict[int, int] = {}
        bits = self.choice_bits
        for index in self.order:
            shared: int | None = None
            for source, port in self.incoming[index]:
                by_this = found[source] | bits.get((source, port), 0)
                shared = by_this if shared is None else shared & by_this
            found[index] = shared or 0
        return found

    @cached_property
    def choice_bits(self) -> dict[tuple[int, str], int]:
        """A bit for each port of each node that has several."""
        bits: dict[tuple[int, str], int] = {}
        for info in self.nodes:
            names = info.port_names or (OUT,)
            if len(names) > 1:
                for name in names:
                    bits[info.index, name] = 1 << len(bits)
        return bits

    def exclusive(self, first: int, second: int) -> bool:
        """Whether two nodes stand on different ports of one node, so that never both run."""
        mine, other = self.choices.get(first, 0), self.choices.get(second, 0)
        if not mine or not other:
            return False
        chosen = {key[0]: key[1] for key, bit in self.choice_bits.items() if mine & bit}
        return any(
            chosen.get(key[0], key[1]) != key[1] for key, bit in self.choice_bits.items() if other & bit
        )


class Model:
    """The document, its levels and nodes, and the problems found so far."""

    def __init__(self, document: Document, catalogue: Catalogue, environment: Environment | None) -> None:
        self.document = document
        self.catalogue = catalogue
        self.environment = environment
        self.report = Report()
        self.nodes: list[NodeInfo] = []
        #: the first node of each id, wherever it stands
        self.by_id: dict[str, NodeInfo] = {}
        self.levels: list[Level] = []
        self.root = self._level("", document.nodes, document.edges, None)

    def _level(
        self, place: str, models: list[NodeModel], edges: list[Edge], container: NodeInfo | None
    ) -> Level:
        level = Level(place, edges, container)
        self.levels.append(level)
        for index, model in enumerate(models):
            info = NodeInfo(
                model, f"{place}nodes[{index}]", level, index, kind=self.catalogue.get(model.type)
            )
            level.nodes.append(info)
            level.by_id.setdefault(model.id, info)
            self.nodes.append(info)
            self.by_id.setdefault(model.id, info)
            if model.body is not None:
                info.body = self._level(f"{info.place}.body.", model.body.nodes, model.body.edges, info)
        return level

    @property
    def start(self) -> NodeInfo | None:
        """The first start node."""
        return next((info for info in self.root.nodes if info.model.type == "start"), None)

    @property
    def chat(self) -> bool:
        """Whether the document is a chatflow."""
        return self.document.kind == "chatflow"


def containers_around(info: NodeInfo) -> list[NodeInfo]:
    """The containers a node stands in, from the inside out."""
    found: list[NodeInfo] = []
    container = info.level.container
    while container is not None:
        found.append(container)
        container = container.level.container
    return found


def read_type(info: NodeInfo, config: Any) -> None:
    """Fill in what the type says about a node so configured."""
    if info.kind is None:
        return
    info.config = config
    info.ports = tuple(info.kind.ports(config))
    outputs = dict(info.kind.outputs(config))
    info.outputs = {**outputs, **ERROR_OUTPUTS} if info.handled else outputs
    info.body_outputs = info.kind.body_outputs(config)
