"""Random graphs against the reference interpreter: same outcome, whatever happens to the run on its way."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.workflows import dsl, engine
from apps.workflows.engine import TERMINAL, Event, Ports, RunState
from tests.workflows.engine.graphs import documents
from tests.workflows.engine.kit import CATALOGUE, Lab, edges, node, paths, play, prepare, read, resume
from tests.workflows.engine.reference import Failed, Interpreter
from tests.workflows.engine.test_containers import Library

FEW = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class _Answers(dict[str, dict[str, Any]]):
    """Every wait gets an answer that tells its path."""

    def __missing__(self, path: str) -> dict[str, Any]:
        return {"text": f"yes {path.removeprefix('sub:0/')}"}


ANSWERS = _Answers()


def expected(document: dict[str, Any]) -> tuple[str, dict[str, Any], list[str] | None]:
    """Status, outputs of the nodes at the top, and effects where they are certain."""
    interpreter = Interpreter(ANSWERS)
    try:
        scope = interpreter.block(document, {}, "")
    except Failed:
        return "failed", {}, None
    if interpreter.partial:
        return "partial", scope, None
    return "succeeded", scope, interpreter.effects


def outcome(events: list[Event]) -> tuple[str, dict[str, Any]]:
    """The same of a run."""
    last = events[-1]
    if last.type == "run.failed":
        assert last.data["error"]["code"] == "test", last
        return "failed", {}
    assert last.type == "run.completed", last
    found = {
        event.data["path"]: event.data["outputs"]
        for event in events
        if event.type == "node.completed" and "/" not in event.data["path"]
    }
    return last.data["status"], found


def tried(events: list[Event]) -> Lab:
    """A lab in which the tries that these events tell of have been made."""
    world = Lab()
    for event in events:
        if event.type == "node.retrying":
            world.tries[event.data["path"]] = world.tries.get(event.data["path"], 0) + 1
    return world


def compiled(document: dict[str, Any]) -> engine.Graph:
    return engine.compile(dsl.parse(document), CATALOGUE)


@FEW
@given(documents())
def test_a_run_comes_to_what_the_reference_says(document: dict[str, Any]) -> None:
    status, scope, effects = expected(document)
    world = Lab()
    events = asyncio.run(play(compiled(document), world=world, answers=ANSWERS))
    assert outcome(events) == (status, scope)
    assert world.running == 0
    if effects is not None:
        assert sorted(world.effects) == sorted(effects)


@FEW
@given(documents(), st.data())
def test_a_run_that_is_killed_anywhere_comes_to_the_same(
    document: dict[str, Any], data: st.DataObject
) -> None:
    status, scope, effects = expected(document)
    graph = compiled(document)
    events = asyncio.run(play(graph, answers=ANSWERS))
    cut = data.draw(st.integers(0, len(events) - 1))
    before = events[:cut]
    world = tried(before)
    after = asyncio.run(resume(graph, before, world=world, answers=ANSWERS))
    assert outcome([*before, *after]) == (status, scope)
    done = set(paths(before, "node.completed"))
    assert done.isdisjoint(world.effects)
    if effects is not None:
        assert set(effects) <= done | set(world.effects)
        assert len(world.effects) == len(set(world.effects))


@FEW
@given(documents(), st.data())
def test_a_run_that_is_cancelled_anywhere_ends_in_order(
    document: dict[str, Any], data: st.DataObject
) -> None:
    graph, world = compiled(document), Lab()
    at = data.draw(st.integers(1, 40))

    async def cancel() -> list[Event]:
        run = prepare(graph, world=world)
        events = []
        async for event in run.events():
            events.append(event)
            if len(events) == at:
                run.cancel("enough")
        return events

    events = asyncio.run(cancel())
    assert events[-1].type in TERMINAL | {"run.waiting"}
    assert not any(event.type in TERMINAL for event in events[:-1])
    assert world.running == 0
    if events[-1].type == "run.stopped":
        after = asyncio.run(resume(graph, events[:-1], world=tried(events), answers=ANSWERS))
        assert outcome([*events[:-1], *after]) == expected(document)[:2]


@FEW
@given(documents(), st.data())
def test_a_run_that_is_repeated_from_any_node_comes_to_the_same(
    document: dict[str, Any], data: st.DataObject
) -> None:
    graph = compiled(document)
    events = asyncio.run(play(graph, answers=ANSWERS))
    status, scope, _ = expected(document)
    started = paths(events, "node.started")
    path = data.draw(st.sampled_from(["", *started]))
    state = RunState.rerun_from(graph, events, path)
    again = asyncio.run(read(prepare(graph, state=state), ANSWERS))
    assert outcome(again) == (status, scope)
    # its own ledger tells it all: cut anywhere after what was taken over, it can be resumed
    before = again[: data.draw(st.integers(1 + len(state.prelude), len(again) - 1))]
    after = asyncio.run(resume(graph, before, answers=ANSWERS, world=tried(before)))
    assert outcome([*before, *after]) == (status, scope)


@FEW
@given(documents(), st.data())
def test_a_run_that_is_repeated_from_inside_a_sub_workflow_comes_to_the_same(
    document: dict[str, Any], data: st.DataObject
) -> None:
    graph = compiled(CALLING)
    events = asyncio.run(play(graph, ports=ports_of(document), answers=ANSWERS))
    status, scope, _ = expected(document)
    path = data.draw(st.sampled_from(paths(events, "node.started")[1:]))
    world = Lab()
    state = RunState.rerun_from(graph, events, path)
    again = asyncio.run(read(prepare(graph, state=state, ports=ports_of(document), world=world), ANSWERS))
    if status == "failed":
        assert again[-1].type == "run.failed"
        return
    assert again[-1].data["status"] == status
    assert inner(again) == scope
    # nothing is done again that was over before the node began, or the container of the sub-workflow that it is in
    outermost = "/".join(
        part.partition(":")[0] if at else part for at, part in enumerate(path.split("/")[:2])
    )
    before = events[
        : next(i for i, e in enumerate(events) if (e.type, e.data.get("path")) == ("node.started", outermost))
    ]
    over = [one for one in paths(before, "node.completed") if one.count("/") == 1]
    assert set(over) & set(world.effects) == set()


CALLING: dict[str, Any] = {
    "version": "flywheel/v1",
    "kind": "workflow",
    "nodes": [node("start", "start"), node("sub", "sub_workflow", workflow="child")],
    "edges": edges("start > sub"),
    "limits": {"steps": 100_000},
}


def ports_of(child: dict[str, Any]) -> Ports:
    return Ports(workflows=Library(child=child))


def inner(events: list[Event]) -> dict[str, Any]:
    """The outputs of the sub-workflow's own nodes."""
    return {
        event.data["path"].removeprefix("sub:0/"): event.data["outputs"]
        for event in events
        if event.type == "node.completed" and event.data["path"].count("/") == 1
    }


@FEW
@given(documents(["work", "iteration", "loop", "ask"]))
def test_the_same_graph_gives_the_same_events(document: dict[str, Any]) -> None:
    graph = compiled(document)

    async def told() -> list[Any]:
        events = await read(prepare(graph), ANSWERS)
        return [(event.type, event.data.get("path"), event.data.get("outputs")) for event in events]

    assert asyncio.run(told()) == asyncio.run(told())
