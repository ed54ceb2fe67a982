"""Iteration, loop, batch, sub-workflow: rounds, signals, errors, scopes."""

from __future__ import annotations

from typing import Any

import pytest

from apps.workflows import dsl
from apps.workflows.engine import Event, NodeError, Ports, RunState
from apps.workflows.engine.ports import LoadedWorkflow
from tests.workflows.engine.kit import Lab, edges, graph, node, paths, play, prepare, read, resume


def outputs(events: list[Event], name: str) -> dict[str, Any]:
    return next(e.data["outputs"] for e in events if e.type == "node.completed" and e.data["node"] == name)


def iteration(items: Any, *, body: Any = None, **config: Any) -> Any:
    return graph(
        [node("it", "iteration", items=items, body=body or ([node("a", reads=["$.it.item"])],), **config)],
        "start > it",
        limits={"steps": 1_000_000, "variable_bytes": 50_000_000},
    )


async def test_an_iteration_collects_in_the_order_of_its_items() -> None:
    body = ([node("a", "slow", reads=["$.it.item", "$.it.index", "$.it.count"], seconds=0.001)],)
    events = await play(iteration(["x", "y", "z"], body=body, parallel=3, output="$.a.text"))
    assert outputs(events, "it") == {"output": ["a(x+0+3)", "a(y+1+3)", "a(z+2+3)"], "errors": []}
    assert paths(events, "node.completed")[1:] == ["it:0/a", "it:1/a", "it:2/a", "it"]


@pytest.mark.parametrize(("parallel", "most"), [(1, 1), (2, 2), (9, 5)])
async def test_rounds_run_side_by_side_up_to_a_limit(parallel: int, most: int) -> None:
    world = Lab()
    await play(
        iteration(list("abcde"), body=([node("a", "slow", seconds=0.002)],), parallel=parallel), world=world
    )
    assert world.most == most


@pytest.mark.parametrize(
    ("mode", "expected"), [("continue", ["a(x)", None, "a(z)"]), ("drop", ["a(x)", "a(z)"])]
)
async def test_rounds_that_fail(mode: str, expected: list[Any]) -> None:
    body = (
        [
            node("if", "if_else", when="$.it.item == 'y'"),
            node("bad", "slow", seconds=0.005, fails=-1),
            node("a", reads=["$.it.item"]),
        ],
    )
    workflow = iteration(
        ["x", "y", "z"], body=(*body, "if:then > bad", "if:else > a"), output="$.a.text", round_error=mode
    )
    events = await play(workflow)
    assert outputs(events, "it")["output"] == expected
    assert outputs(events, "it")["errors"] == [{"index": 1, "message": "It failed.", "code": "test"}]
    assert events[-1].data["status"] == "partial"


async def test_a_round_that_fails_stops_the_iteration_and_the_other_rounds() -> None:
    world = Lab()
    body = (
        [
            node("if", "if_else", when="$.it.item == 'y'"),
            node("bad", "slow", seconds=0.005, fails=-1),
            node("a", "slow", seconds=60),
        ],
        "if:then > bad",
        "if:else > a",
    )
    events = await play(iteration(["x", "y"], body=body, parallel=2), world=world)
    assert events[-1].data["error"]["path"] == "it"
    assert world.cancelled == ["it:0/a"]


async def test_a_container_has_error_strategies_and_retries_of_its_own() -> None:
    retry = {"attempts": 2, "delay_ms": 0.0}
    body = ([node("a", fails=1)],)
    workflow = graph(
        [node("it", "iteration", items=["x"], output="$.a.text", body=body, retry=retry)], "start > it"
    )
    events = await play(workflow)
    assert events[-1].data["status"] == "succeeded"
    assert [
        event.data["attempt"]
        for event in events
        if event.type == "node.started" and event.data["path"] == "it"
    ] == [1, 2]
    workflow = graph(
        [
            node(
                "it", "iteration", items=["x"], body=([node("a", fails=-1)],), on_error={"strategy": "branch"}
            ),
            node("b"),
        ],
        "start > it",
        "it:error > b",
    )
    assert paths(await play(workflow), "node.completed")[-2:] == ["it", "b"]


async def test_lists_of_lists_are_flattened() -> None:
    body = ([node("a", "variable_aggregator", variables=["$.it.item"])],)
    for flatten, expected in ((True, [1, 2, 3]), (False, [[1, 2], [3]])):
        events = await play(iteration([[1, 2], [3]], body=body, output="$.a.output", flatten=flatten))
        assert outputs(events, "it")["output"] == expected


async def test_an_empty_list_has_no_rounds() -> None:
    assert outputs(await play(iteration([])), "it") == {"output": [], "errors": []}


async def test_long_lists() -> None:
    workflow = graph(
        [node("start", "start", inputs=[{"name": "items", "type": "array"}]),
         node("it", "iteration", items="$.inputs.items", output="$.a.output", parallel=4,
              body=([node("a", "variable_aggregator", variables=["$.it.item"])],))],
        "start > it",
        limits={"steps": None, "variable_bytes": 50_000_000},
    )  # fmt: skip
    count = 20_000
    events = [event async for event in _run(workflow, {"items": list(range(count))})]
    assert events[-2].data["outputs"]["output"] == list(range(count))


async def _run(workflow: Any, inputs: dict[str, Any]) -> Any:
    from tests.workflows.engine.kit import prepare

    last: list[Event] = []
    async for event in prepare(workflow, inputs=inputs).events():
        last = [*last[-1:], event]
    for event in last:
        yield event


def loop(*body_and_edges: Any, **config: Any) -> Any:
    return graph([node("l", "loop", body=body_and_edges, **config)], "start > l")


ADD = node("add", "variable_assigner", items=[{"target": "$.l.n", "operation": "add", "value": 1}])
N = [{"name": "n", "type": "number", "value": 0}]


@pytest.mark.parametrize(
    ("config", "n", "rounds", "ended_by"),
    [
        ({"count": 3}, 3, 3, "count"),
        ({"repeat_while": "$.l.n < 2"}, 2, 2, "while"),
        ({"break_when": "$.l.n >= 4"}, 4, 4, "break"),
        ({"count": 9, "items": ["a", "b"]}, 2, 2, "items"),
        ({"count": 0}, 0, 0, "count"),
    ],
)
async def test_what_ends_a_loop(config: dict[str, Any], n: int, rounds: int, ended_by: str) -> None:
    found = outputs(await play(loop([ADD], variables=N, **config)), "l")
    assert (found["n"], found["rounds"], found["ended_by"]) == (n, rounds, ended_by)


async def test_break_and_continue() -> None:
    body = (
        [
            ADD,
            node("odd", "if_else", when="$.l.index == 1"),
            node("late", "if_else", when="$.l.index == 3"),
            node("skip", "continue"),
            node("stop", "break"),
            node("work", reads=["$.l.index"]),
        ],
        "add > odd",
        "odd:then > skip",
        "odd:else > late",
        "late:then > stop",
        "late:else > work",
    )
    events = await play(loop(*body, count=10, variables=N, collect={"all": "$.work.text"}))
    found = outputs(events, "l")
    assert found["all"] == ["work(0)", None, "work(2)", None]
    assert (found["n"], found["ended_by"]) == (4, "break")
    signals = [event.data["signal"] for event in events if event.type == "round.completed"]
    assert signals == [None, "@continue", None, "@break"]


async def test_break_cancels_what_else_runs_in_the_round() -> None:
    world = Lab()
    body = (
        [node("slow", "slow", seconds=60), node("wait", "slow", seconds=0.005), node("stop", "break")],
        "wait > stop",
    )
    await play(loop(*body, count=3), world=world)
    assert world.cancelled == ["l:0/slow"]


async def test_loops_keep_their_variables_apart_in_rounds_that_run_side_by_side() -> None:
    inner = node("l", "loop", count=2, variables=[{"name": "n", "value": "$.it.item"}], body=([ADD],))
    workflow = graph(
        [node("it", "iteration", items=[10, 20, 30], output="$.l.n", parallel=3, body=([inner],))],
        "start > it",
    )
    assert outputs(await play(workflow), "it")["output"] == [12, 22, 32]


async def test_a_batch_zips_lists_to_the_shortest() -> None:
    workflow = graph(
        [
            node(
                "b",
                "batch",
                inputs={"x": [1, 2, 3, 4], "y": ["a", "b", "c"]},
                outputs={"both": "$.w.text", "first": "$.b.x"},
                size=2,
                body=([node("w", "slow", reads=["$.b.x", "$.b.y"])],),
            )
        ],
        "start > b",
    )
    assert outputs(await play(workflow), "b") == {"both": ["w(1+a)", "w(2+b)"], "first": [1, 2], "errors": []}


@pytest.mark.parametrize(
    ("operation", "before", "value", "after"),
    [
        ("set", 1, "x", "x"),
        ("clear", "text", None, ""),
        ("clear", [1], None, []),
        ("clear", 3, None, 0),
        ("append", [1], 2, [1, 2]),
        ("append", None, 2, [2]),
        ("extend", [1], [2, 3], [1, 2, 3]),
        ("remove_first", [1, 2], None, [2]),
        ("remove_last", [1, 2], None, [1]),
        ("add", 1, 2, 3),
        ("add", "a", "b", "ab"),
        ("subtract", 5, 2, 3),
        ("multiply", 5, 2, 10),
        ("divide", 5, 2, 2.5),
    ],
)
async def test_assignments(operation: str, before: Any, value: Any, after: Any) -> None:
    item = {"target": "$.conversation.v", "operation": operation, "value": value}
    workflow = graph(
        [node("a", "variable_assigner", items=[item]), node("b", reads=["$.conversation.v"])], "start > a > b"
    )
    events = await play(workflow, conversation={"v": before})
    assert outputs(events, "a") == {"values": [after]}
    setting = next(event.data for event in events if event.type == "variable.set")
    assert (setting["namespace"], setting["name"], setting["value"]) == ("conversation", "v", after)
    assert outputs(events, "b")["text"] == f"b({'-' if after is None else dsl.types.text(after)})"


@pytest.mark.parametrize(
    ("item", "code"),
    [
        ({"target": "$.conversation.v", "operation": "append", "value": 1}, "wrong_type"),
        ({"target": "$.conversation.v", "operation": "subtract", "value": 1}, "wrong_type"),
        ({"target": "$.conversation.n", "operation": "divide", "value": 0}, "division_by_zero"),
        ({"target": "$.nowhere.v", "value": 1}, "unknown_variable"),
    ],
)
async def test_assignments_that_can_not_be_made(item: dict[str, Any], code: str) -> None:
    workflow = graph([node("a", "variable_assigner", items=[item])], "start > a")
    events = await play(workflow, conversation={"v": "text", "n": 1})
    assert events[-1].data["error"]["code"] == code


async def test_an_assignment_below_a_variable_leaves_the_old_value_alone() -> None:
    old = {"a": {"b": 1}, "list": [1, 2]}
    items = [
        {"target": "$.conversation.v.a.b", "value": 2},
        {"target": "$.conversation.v.list[0]", "value": 9},
    ]
    events = await play(
        graph([node("a", "variable_assigner", items=items)], "start > a"), conversation={"v": old}
    )
    last = [event.data["value"] for event in events if event.type == "variable.set"][-1]
    assert last == {"a": {"b": 2}, "list": [9, 2]}
    assert old == {"a": {"b": 1}, "list": [1, 2]}


async def test_an_aggregator_takes_the_first_value() -> None:
    workflow = graph(
        [
            node("if", "if_else", cases=[{"id": "one", "when": "false"}, {"id": "two", "when": "true"}]),
            node("x"),
            node("y"),
            node(
                "g",
                "variable_aggregator",
                variables=["$.x.text", "$.y.text"],
                groups=[{"name": "h", "variables": ["$.x.text"]}],
            ),
        ],
        "start > if",
        "if:one > x > g",
        "if:two > y > g",
    )
    assert outputs(await play(workflow), "g") == {"output": "y()", "h": None}


class Library:
    """Published workflows."""

    def __init__(self, **documents: Any) -> None:
        self.documents = documents
        self.loaded: list[tuple[str, int | None]] = []

    async def load(self, workflow: str, version: int | None) -> LoadedWorkflow:
        self.loaded.append((workflow, version))
        if workflow not in self.documents:
            raise NodeError(f"There is no workflow {workflow}.", code="unknown_workflow")
        return LoadedWorkflow(self.documents[workflow], version or 7, {"KEY": "secret"})


CHILD = {
    "version": "flywheel/v1",
    "kind": "workflow",
    "name": "child",
    "nodes": [
        node("start", "start", inputs=[{"name": "q"}]),
        node("w", "slow", reads=["$.inputs.q", "$.env.KEY", "$.outside.text"]),
        node("end", "end", outputs=[{"name": "r", "value": "$.w.text"}]),
    ],
    "edges": edges("start > w > end"),
}


def calling(**config: Any) -> Any:
    return graph(
        [
            node("outside"),
            node("sub", "sub_workflow", workflow="child", inputs={"q": "$.outside.text"}, **config),
        ],
        "start > outside > sub",
    )


async def test_a_sub_workflow_sees_its_inputs_and_settings_only() -> None:
    library = Library(child=CHILD)
    events = await play(calling(), ports=Ports(workflows=library))
    assert outputs(events, "sub") == {"r": "w(outside()+secret+-)"}
    assert "sub:0/w" in paths(events, "node.completed")
    assert library.loaded == [("child", None)]


async def test_a_sub_workflow_fails_as_its_node() -> None:
    broken = {**CHILD, "nodes": [CHILD["nodes"][0], node("w", fails=-1)], "edges": edges("start > w")}
    events = await play(calling(), ports=Ports(workflows=Library(child=broken)))
    assert events[-1].data["error"]["path"] == "sub"
    events = await play(calling(), ports=Ports(workflows=Library()))
    assert events[-1].data["error"]["code"] == "unknown_workflow"


async def test_a_sub_workflow_goes_on_with_the_version_it_began_with() -> None:
    workflow = calling()
    events = await play(workflow, ports=Ports(workflows=Library(child=CHILD)))
    cut = next(i for i, e in enumerate(events) if e.type == "node.started" and e.data["path"] == "sub:0/w")
    library, world = Library(child=CHILD), Lab()
    after = await resume(workflow, events[: cut + 1], ports=Ports(workflows=library), world=world)
    assert library.loaded == [("child", 7)]
    assert world.effects == ["sub:0/w"]
    assert outputs(after, "sub") == {"r": "w(outside()+secret+-)"}


async def test_a_run_is_repeated_from_inside_a_sub_workflow() -> None:
    child = {
        **CHILD,
        "nodes": [
            node("start", "start", inputs=[{"name": "q"}]),
            node("a", reads=["$.inputs.q"]),
            node("w", "slow", reads=["$.a.text"]),
            node("z", reads=["$.w.text"]),
            node("end", "end", outputs=[{"name": "r", "value": "$.z.text"}]),
        ],
        "edges": edges("start > a > w > z > end"),
    }
    workflow = calling()
    events = await play(workflow, ports=Ports(workflows=Library(child=child)))
    library, world = Library(child=child), Lab()
    state = RunState.rerun_from(workflow, events, "sub:0/w", {"a.text": "new"})
    again = await read(prepare(workflow, state=state, ports=Ports(workflows=library), world=world))
    assert library.loaded == [("child", 7)]
    assert world.effects == ["sub:0/w", "sub:0/z"]
    assert outputs(again, "sub") == {"r": "z(w(new))"}
    assert [e.data["path"] for e in again if e.data.get("reused")] == [
        "start",
        "outside",
        "sub:0/start",
        "sub:0/a",
    ]


async def test_workflows_that_call_themselves_end_at_the_limit() -> None:
    again = {
        **CHILD,
        "nodes": [node("start", "start"), node("sub", "sub_workflow", workflow="child")],
        "edges": edges("start > sub"),
    }
    events = await play(calling(), ports=Ports(workflows=Library(child=again)))
    assert events[-1].data["error"]["code"] == "limit_depth"
