"""Going on from the ledger, and repeating a part."""

from __future__ import annotations

from typing import Any

import pytest

from apps.workflows.engine import Event, NodeError, RunState
from tests.workflows.engine.kit import Lab, graph, node, paths, play, prepare, read, resume, types

CHAIN = graph(
    [
        node("start", "start", inputs=[{"name": "q"}]),
        node("a", "slow", reads=["$.inputs.q"]),
        node("b", "slow", reads=["$.a.text"]),
        node("c", reads=["$.b.text"]),
        node("end", "end", outputs=[{"name": "r", "value": "$.c.text"}]),
    ],
    "start > a > b > c > end",
)


def before(events: list[Event], kind: str, path: str) -> list[Event]:
    """The events up to one, with it."""
    for index, event in enumerate(events):
        if event.type == kind and event.data.get("path") == path:
            return events[: index + 1]
    raise AssertionError(path)


async def test_what_was_in_flight_runs_again_with_the_same_key() -> None:
    first, second = Lab(), Lab()
    run_id = "018f0000-0000-7000-8000-000000000000"
    events = await play(CHAIN, inputs={"q": "x"}, world=first, run_id=run_id)
    after = await resume(CHAIN, before(events, "node.started", "b"), world=second, run_id=run_id)
    assert second.effects == ["b", "c"]
    assert second.keys["b"] == first.keys["b"]
    assert second.keys["b"] != second.keys["c"]
    started = next(e.data for e in after if e.type == "node.started" and e.data["path"] == "b")
    assert started["attempt"] == 2
    assert after[-1].data["outputs"] == {"r": "c(b(a(x)))"}
    assert after[-1].data["steps"] == 6


async def test_a_run_that_had_failed_is_known_to() -> None:
    workflow = graph([node("bad", fails=-1)], "start > bad")
    events = await play(workflow)
    assert RunState.from_events(workflow, events).ended == events[-1]
    after = await resume(workflow, events[:-1])
    assert types(after) == ["run.resumed", "run.failed"]


async def test_usage_and_steps_go_on() -> None:
    workflow = graph(
        [node("a", tokens=5, cost="0.1"), node("b", "slow", tokens=5, cost="0.1")], "start > a > b"
    )
    events = await play(workflow)
    after = await resume(workflow, before(events, "node.completed", "a"))
    assert after[-1].data["usage"] == {"input_tokens": 10, "output_tokens": 0, "cost": "0.2"}


async def test_completed_rounds_and_nodes_in_them_are_not_run_again() -> None:
    body = ([node("a", "slow", reads=["$.it.item"]), node("b", "slow", reads=["$.a.text"])], "a > b")
    workflow = graph(
        [node("it", "iteration", items=["x", "y", "z"], output="$.b.text", body=body)], "start > it"
    )
    events = await play(workflow)
    world = Lab()
    after = await resume(workflow, before(events, "node.completed", "it:1/a"), world=world)
    assert world.effects == ["it:1/b", "it:2/a", "it:2/b"]
    assert after[-2].data["outputs"]["output"] == ["b(a(x))", "b(a(y))", "b(a(z))"]


async def test_loops_go_on_with_their_variables() -> None:
    add = node("add", "variable_assigner", items=[{"target": "$.l.n", "operation": "add", "value": 1}])
    body = ([add, node("a", "slow", reads=["$.l.n"])], "add > a")
    variables = [{"name": "n", "value": 0}]
    workflow = graph(
        [node("l", "loop", count=4, variables=variables, collect={"all": "$.a.text"}, body=body)], "start > l"
    )
    events = await play(workflow)
    for cut in range(len(events)):
        after = await resume(workflow, events[:cut])
        done = next(
            e for e in [*events[:cut], *after] if e.type == "node.completed" and e.data["path"] == "l"
        )
        assert done.data["outputs"]["all"] == ["a(1)", "a(2)", "a(3)", "a(4)"]
        assert done.data["outputs"]["n"] == 4


async def test_a_retried_container_begins_anew() -> None:
    body = ([node("a"), node("b", fails=1)], "a > b")
    workflow = graph(
        [
            node(
                "it",
                "iteration",
                items=["x"],
                output="$.b.text",
                body=body,
                retry={"attempts": 2, "delay_ms": 0.0},
            )
        ],
        "start > it",
    )
    events = await play(workflow)
    world = Lab()
    world.tries["it:0/b"] = 1
    await resume(workflow, before(events, "node.retrying", "it"), world=world)
    assert world.effects == ["it:0/a", "it:0/b"]


async def rerun(
    workflow: Any, events: list[Event], path: str = "", **options: Any
) -> tuple[list[Event], Lab]:
    edited = options.pop("edited", None)
    world = Lab()
    state = RunState.rerun_from(workflow, events, path, edited)
    return await read(prepare(workflow, state=state, world=world, **options)), world


async def test_a_run_is_repeated_from_a_node() -> None:
    events = await play(CHAIN, inputs={"q": "x"})
    again, world = await rerun(CHAIN, events, "b")
    assert world.effects == ["b", "c"]
    assert again[0] == Event("run.started", {"inputs": {"q": "x"}})
    assert [e.data["path"] for e in again if e.data.get("reused")] == ["start", "a"]
    assert again[-1].data["outputs"] == {"r": "c(b(a(x)))"}
    assert again[-1].data["steps"] == 3
    # the new ledger is complete: it can be resumed by itself
    after = await resume(CHAIN, before(again, "node.completed", "b"))
    assert after[-1].data["outputs"] == {"r": "c(b(a(x)))"}


@pytest.mark.parametrize(
    ("path", "edited", "result"),
    [
        ("b", {"a.text": "other"}, "c(b(other))"),
        ("a", {"$.inputs.q": "new"}, "c(b(a(new)))"),
    ],
)
async def test_with_other_values(path: str, edited: dict[str, Any], result: str) -> None:
    events = await play(CHAIN, inputs={"q": "x"})
    again, _ = await rerun(CHAIN, events, path, edited=edited)
    assert again[-1].data["outputs"] == {"r": result}


async def test_other_values_for_variables_of_the_run() -> None:
    workflow = graph(
        [node("a", reads=["$.sys.query"]), node("b", reads=["$.conversation.topic"])], "start > a > b"
    )
    events = await play(workflow, sys={"query": "x"}, conversation={"topic": "t"})
    edited = {"sys.query": "y", "conversation.topic": "u"}
    again, _ = await rerun(
        workflow, events, "a", edited=edited, sys={"query": "x"}, conversation={"topic": "t"}
    )
    found = {
        e.data["node"]: e.data["outputs"]["text"]
        for e in again
        if e.type == "node.completed" and "text" in e.data["outputs"]
    }
    assert found == {"a": "a(y)", "b": "b(u)"}
    with pytest.raises(KeyError):
        RunState.rerun_from(workflow, events, "a", {"nothing.text": 1})


async def test_a_failed_run_is_repeated_from_what_failed() -> None:
    workflow = graph([node("a"), node("flaky", fails=1, reads=["$.a.text"])], "start > a > flaky")
    events = await play(workflow)
    assert events[-1].type == "run.failed"
    world = Lab()
    world.tries["flaky"] = 1
    state = RunState.rerun_from(workflow, events)
    again = await read(prepare(workflow, state=state, world=world))
    assert world.effects == ["flaky"]
    assert again[-1].type == "run.completed"


async def test_from_inside_a_container() -> None:
    body = ([node("a", reads=["$.it.item"]), node("b", reads=["$.a.text"])], "a > b")
    workflow = graph(
        [
            node("it", "iteration", items=["x", "y", "z"], output="$.b.text", body=body),
            node("last", reads=["$.it.output"]),
        ],
        "start > it > last",
    )
    events = await play(workflow)
    again, world = await rerun(workflow, events, "it:1/b", edited={"a.text": "new"})
    assert world.effects == ["it:1/b", "last"]
    done = next(e for e in again if e.type == "node.completed" and e.data["path"] == "it")
    assert done.data["outputs"]["output"] == ["b(a(x))", "b(new)", "b(a(z))"]
    assert paths(again, "node.started") == ["it", "it:1/b", "last"]


async def test_from_inside_a_loop_later_rounds_run_again() -> None:
    workflow = graph(
        [node("l", "loop", count=3, collect={"all": "$.a.text"}, body=([node("a")],))], "start > l"
    )
    _, world = await rerun(workflow, await play(workflow), "l:1/a")
    assert world.effects == ["l:1/a", "l:2/a"]


class Ledger:
    """A journal that keeps what was appended, and what was durable when each effect began."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.barriers: list[int] = []
        self.broken = False

    def append(self, event: Event) -> None:
        self.events.append(event)

    async def barrier(self) -> None:
        if self.broken:
            raise ConnectionError("gone")
        self.barriers.append(len(self.events))


async def test_effects_wait_until_all_before_is_durable() -> None:
    ledger = Ledger()
    workflow = graph([node("a"), node("b", "slow"), node("c")], "start > a > b > c")
    events = await play(workflow, journal=ledger)
    assert ledger.events == events
    at = next(i for i, e in enumerate(events) if e.type == "node.started" and e.data["path"] == "b")
    assert ledger.barriers == [at + 1, len(events)]


async def test_a_ledger_that_fails_stops_the_run_without_an_end() -> None:
    ledger = Ledger()
    ledger.broken = True
    with pytest.raises(ConnectionError):
        await play(graph([node("a", "slow", on_error={"strategy": "branch"})], "start > a"), journal=ledger)
    assert not any(event.type.startswith("run.") for event in ledger.events[1:])


def test_node_errors_are_plain_data() -> None:
    error = NodeError("No.", code="c", details={"line": 1})
    assert error.as_dict() == {"message": "No.", "code": "c", "details": {"line": 1}}
