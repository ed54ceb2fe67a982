"""Edges and ports, cycles, reachability, and which nodes belong where."""

from __future__ import annotations

from apps.workflows.dsl.document import Edge
from apps.workflows.dsl.nodetype import ERROR
from apps.workflows.dsl.sentences import _
from apps.workflows.dsl.validation.model import Level, Model, NodeInfo, containers_around
from apps.workflows.dsl.validation.report import suggestion

START, END, ANSWER, COMMENT = "start", "end", "answer", "comment"
#: Ports of this kind lead nowhere: the node ends the round around it.
SIGNAL = "@"
_MAX_CYCLES = 10
#: Nodes that a branch may stop at.
_LAST = frozenset({END, ANSWER, COMMENT, "break", "continue"})


def check(model: Model) -> None:
    """The shape of the graph."""
    _check_roles(model)
    for level in model.levels:
        for index, edge in enumerate(level.edges):
            _check_edge(model, level, index, edge)
        _check_duplicates(model, level)
        _check_cycles(model, level)
        _check_ports_used(model, level)
    _check_reachable(model)
    _check_ends(model)


def _check_roles(model: Model) -> None:
    """What a document must have, and what belongs nowhere."""
    report, document = model.report, model.document
    starts = [info for info in model.root.nodes if info.model.type == START]
    if not document.nodes:
        report.error("no_nodes", "nodes", _("There are no nodes."))
    elif not starts:
        report.error("start_missing", "nodes", _("There is no start node."))
    for info in starts[1:]:
        report.error(
            "several_starts",
            f"{info.place}.type",
            _("There is a start node already: {id!r}.", id=starts[0].id),
            info.id,
        )
    last, code = (ANSWER, "answer_missing") if model.chat else (END, "end_missing")
    if document.nodes and not any(info.model.type == last for info in model.nodes):
        report.error(code, "nodes", _("A {kind} needs a node of type {last}.", kind=document.kind, last=last))
    for info in model.nodes:
        _check_role(model, info)


def _check_role(model: Model, info: NodeInfo) -> None:
    report, type_, place = model.report, info.model.type, f"{info.place}.type"
    if type_ == ANSWER and not model.chat:
        report.error(
            "answer_in_workflow",
            place,
            _("An answer needs a conversation: only chatflows have them."),
            info.id,
        )
    if type_ in {START, END} and info.level.container is not None:
        report.error(
            f"{type_}_in_body", place, _("A node of type {type} can't stand in a body.", type=type_), info.id
        )
    if type_ in {"break", "continue"}:
        around = info.level.container
        if around is None:
            report.error(
                "outside_loop",
                place,
                _("{type} must stand in the body of a loop.", type=type_),
                info.id,
                type=type_,
            )


def _check_edge(model: Model, level: Level, index: int, edge: Edge) -> None:
    place = f"{level.edges_place}[{index}]"
    source = _end(model, level, edge.source, f"{place}.source", edge)
    target = _end(model, level, edge.target, f"{place}.target", edge)
    if source is not None:
        _check_port(model, source, f"{place}.port", edge)
    if target is not None and target.model.type == START:
        model.report.error(
            "edge_into_start", f"{place}.target", _("Nothing can lead to the start."), target.id
        )
    for info, end in ((source, "source"), (target, "target")):
        if info is not None and info.model.type == COMMENT:
            model.report.error(
                "edge_at_comment", f"{place}.{end}", _("A comment can't be connected."), info.id
            )


def _end(model: Model, level: Level, name: str, place: str, edge: Edge) -> NodeInfo | None:
    found = level.by_id.get(name)
    if found is not None:
        return found
    elsewhere = model.by_id.get(name)
    if elsewhere is not None:
        model.report.error(
            "edge_crosses_body",
            place,
            _(
                "The edge {source!r} → {target!r} crosses the border of a body.",
                source=edge.source,
                target=edge.target,
            ),
            name,
        )
    else:
        hint = suggestion(name, level.by_id)
        model.report.error(
            "edge_to_nowhere", place, _("There is no node {name!r}.{hint}", name=name, hint=hint), name=name
        )
    return None


def _check_port(model: Model, source: NodeInfo, place: str, edge: Edge) -> None:
    names = source.port_names
    if names is None or source.model.type == COMMENT or edge.port in names:
        return
    open_names = [name for name in names if not name.startswith(SIGNAL)]
    if not open_names:
        sentence = _("Nothing can follow {id!r}.", id=source.id)
    elif edge.port == ERROR:
        sentence = _("{id!r} has no error port; it needs on_error.strategy: branch.", id=source.id)
    else:
        sentence = _(
            "{id!r} has no port {port!r}; it has {ports}.",
            id=source.id,
            port=edge.port,
            ports=", ".join(open_names),
        )
    model.report.error("unknown_port", place, sentence, source.id, port=edge.port)


def _check_duplicates(model: Model, level: Level) -> None:
    seen: set[tuple[str, str, str]] = set()
    for index, edge in enumerate(level.edges):
        key = (edge.source, edge.port, edge.target)
        if key in seen:
            model.report.error(
                "duplicate_edge",
                f"{level.edges_place}[{index}]",
                _(
                    "There are two edges {source!r} → {target!r} from the port {port!r}.",
                    source=edge.source,
                    target=edge.target,
                    port=edge.port,
                ),
                edge.source,
            )
        seen.add(key)


def _check_cycles(model: Model, level: Level) -> None:
    for cycle in _cycles(level)[:_MAX_CYCLES]:
        names = [level.nodes[index].id for index in cycle]
        shown = " → ".join([*names, names[0]])
        first = level.nodes[cycle[0]]
        model.report.error(
            "cycle", first.place, _("The nodes run in a circle: {shown}.", shown=shown), first.id, path=names
        )


def _cycles(level: Level) -> list[list[int]]:
    """One cycle for each edge that closes one, found depth first with a stack of our own."""
    sortable = set(level.order)
    state = [0] * len(level.nodes)
    found: list[list[int]] = []
    for root in range(len(level.nodes)):
        if root in sortable or state[root]:
            continue
        path, pending = [root], [iter(level.leaving[root])]
        state[root] = 1
        while path:
            target = next(pending[-1], None)
            if target is None:
                state[path.pop()] = 2
                pending.pop()
            elif state[target] == 1:
                found.append(path[path.index(target) :])
            elif not state[target]:
                state[target] = 1
                path.append(target)
                pending.append(iter(level.leaving[target]))
    return found


def _check_ports_used(model: Model, level: Level) -> None:
    used = {(edge.source, edge.port) for edge in level.edges}
    sources = {edge.source for edge in level.edges}
    for info in level.nodes:
        names = info.port_names or ()
        if len(names) < 2 or info.id not in sources:
            continue
        for name in names:
            if (info.id, name) not in used and not name.startswith(SIGNAL):
                model.report.warning(
                    "unused_port",
                    info.place,
                    _("Nothing follows the port {name!r} of {id!r}.", name=name, id=info.id),
                    info.id,
                    port=name,
                )


def _check_reachable(model: Model) -> None:
    """Nodes of the top level that no way from the start leads to; they would hold up what they lead to."""
    start, level = model.start, model.root
    if start is None:
        return
    reached = {start.index}
    pending = [start.index]
    while pending:
        for target in level.leaving[pending.pop()]:
            if target not in reached:
                reached.add(target)
                pending.append(target)
    for info in level.nodes:
        if info.index not in reached and info.model.type not in {COMMENT, START} and not _twin(info):
            model.report.error(
                "unreachable", info.place, _("No way leads from the start to {id!r}.", id=info.id), info.id
            )


def _twin(info: NodeInfo) -> bool:
    """Whether the id belongs to another node of the level, so that no edge can mean this one."""
    return info.level.by_id[info.id] is not info


def _check_ends(model: Model) -> None:
    """Branches of the top level that stop without an end."""
    level = model.root
    for info in level.nodes:
        if level.leaving[info.index] or info.kind is None or info.model.type in _LAST or _twin(info):
            continue
        last = "answer" if model.chat else "end"
        model.report.warning(
            "dead_end",
            info.place,
            _("The branch stops at {id!r} without an {last}.", id=info.id, last=last),
            info.id,
        )


def inside(info: NodeInfo, container: NodeInfo) -> bool:
    """Whether a node stands in the body of a container, at any depth."""
    return container in containers_around(info)
