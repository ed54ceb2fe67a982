"""Repeating a part of a run: what to forget of it, and how a new ledger tells what is kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from apps.workflows.engine.events import Event
from apps.workflows.engine.records import NodeRecord, RoundRecord, Setting, split

if TYPE_CHECKING:
    from typing import Any

    from apps.workflows.engine.graph import Block

Records = dict[str, NodeRecord]


def forget(block: Block, nodes: Records, path: str) -> None:
    """Drop what has not completed, the node at `path`, and all that follows it, also around its containers."""
    _drop_unfinished(nodes)
    if not path:
        return
    known: Block | None = block
    rounds, last = split(path)
    for container, index in rounds:
        _drop_following(known, nodes, container)
        record = nodes.get(container)
        if record is None or index not in record.rounds:
            return
        record.state, record.data, record.attempt, record.settings = "running", {}, 0, []
        spec = known.specs[known.by_id[container]] if known is not None and container in known.by_id else None
        if spec is None or spec.node.rounds_follow:
            for later in [each for each in record.rounds if each > index]:
                del record.rounds[later]
        around = record.rounds[index]
        around.done, around.settings = False, []
        # the graph of a sub-workflow is loaded when it runs
        known, nodes = None if spec is None else spec.body, around.nodes
    _drop_following(known, nodes, last)
    nodes.pop(last, None)


def _drop_unfinished(nodes: Records) -> None:
    for name, record in list(nodes.items()):
        if record.state == "completed":
            continue
        record.attempt = record.tries = 0
        record.state, record.answer = "running", None
        for index, around in list(record.rounds.items()):
            if around.error is not None:
                del record.rounds[index]
            elif not around.done:
                _drop_unfinished(around.nodes)
        if not record.rounds:
            del nodes[name]


def _drop_following(block: Block | None, nodes: Records, name: str) -> None:
    """Drop all nodes that can be reached from one, but not itself."""
    if block is None:
        _drop_later(nodes, name)
        return
    if name not in block.by_id:
        return
    pending = [block.by_id[name]]
    seen = set(pending)
    while pending:
        for target in block.specs[pending.pop()].nowhere.skipped:
            if target not in seen:
                seen.add(target)
                pending.append(target)
                nodes.pop(block.specs[target].id, None)


def _drop_later(nodes: Records, name: str) -> None:
    """Drop all nodes that began after one, of a graph that nobody knows here.

    What follows a node begins after it, so they are among these; records stand in the order of their first events.
    """
    names = list(nodes)
    for later in names[names.index(name) + 1 :] if name in nodes else ():
        del nodes[later]


def edit(nodes: Records, path: str, node: str, output: str, value: Any) -> None:
    """Give an output another value: of a node in the frame that `path` is in, or in one around it."""
    levels = [nodes]
    for container, index in split(path)[0]:
        if container not in levels[-1] or index not in levels[-1][container].rounds:
            break
        levels.append(levels[-1][container].rounds[index].nodes)
    for level in reversed(levels):
        record = level.get(node)
        if record is not None and record.state == "completed":
            record.data = {**record.data, "outputs": {**record.data["outputs"], output: value}}
            return
    raise KeyError(f"{node}.{output}")


def retell(nodes: Records, prefix: str = "") -> Iterator[Event]:
    """The events from which the records could be read again."""
    for name, record in nodes.items():
        path = prefix + name
        for index, around in record.rounds.items():
            yield from _round(name, path, index, around, record.version)
        if record.state == "completed":
            if not record.rounds:
                yield from _settings(record.settings)
            yield Event("node.completed", {**record.data, "usage": {}, "reused": True})


def _round(node: str, path: str, index: int, around: RoundRecord, version: int | None) -> Iterator[Event]:
    data: dict[str, Any] = {"node": node, "path": path, "index": index}
    yield Event("round.started", data if version is None else {**data, "version": version})
    yield from retell(around.nodes, f"{path}:{index}/")
    if around.done:
        if not around.nodes:
            yield from _settings(around.settings)
        ended = {"output": around.output, "error": around.error, "signal": around.signal}
        said = {} if around.said is None else {"said": around.said}
        yield Event("round.completed", {**data, **ended, **said, "reused": True})


def _settings(settings: list[Setting]) -> Iterator[Event]:
    for setting in settings:
        node = setting.path.rpartition("/")[2]
        yield Event("variable.set", {**setting._asdict(), "node": node})
