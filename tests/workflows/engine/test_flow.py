"""Edges, joins, order, errors, retries, limits."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from apps.workflows import dsl
from apps.workflows.engine import Ports
from tests.workflows.engine.kit import Lab, graph, node, paths, play, prepare, types

RETRY = {"attempts": 3, "delay_ms": 20.0, "factor": 2.0, "jitter": False}


def limits(**changed: Any) -> dsl.Limits:
    return dsl.Limits(**changed)


async def test_a_chain_hands_values_on() -> None:
    events = await play(
        graph(
            [
                node("start", "start", inputs=[{"name": "q"}]),
                node("a", reads=["$.inputs.q"]),
                node("end", "end", outputs=[{"name": "r", "value": "$.a.text"}]),
            ],
            "start > a > end",
        ),
        inputs={"q": "hi"},
    )
    assert events[-1].data["outputs"] == {"r": "a(hi)"}
    assert events[-1].data["steps"] == 3
    assert types(events) == ["run.started", *["node.started", "node.completed"] * 3, "run.completed"]


async def test_skipped_branches_and_joins() -> None:
    workflow = graph(
        [
            node("if", "if_else", when="1 > 2"),
            node("yes"),
            node("after_yes"),
            node("no"),
            node("join", reads=["$.after_yes.text", "$.no.text"]),
        ],
        "start > if",
        "if:then > yes > after_yes > join",
        "if:else > no > join",
    )
    events = await play(workflow)
    assert paths(events, "node.started") == ["start", "if", "no", "join"]


async def test_a_node_behind_a_skipped_one_only_is_skipped() -> None:
    workflow = graph(
        [node("if", "if_else", when="true"), node("a"), node("b"), node("c")],
        "start > if",
        "if:else > a > b > c",
    )
    events = await play(workflow)
    assert paths(events, "node.started") == ["start", "if"]
    assert events[-1].data["status"] == "succeeded"


async def test_loose_nodes_and_comments_do_not_run() -> None:
    events = await play(
        graph([node("a"), node("loose"), node("note", "comment", text="x")], "start > a", "loose > a")
    )
    assert paths(events, "node.started") == ["start", "a"]


async def test_branches_run_side_by_side_within_the_limit() -> None:
    leaves = [node(f"n{i}", "slow", seconds=0.01) for i in range(9)]
    chains = [f"start > n{i}" for i in range(9)]
    for parallel, most in ((3, 3), (10, 9)):
        world = Lab()
        await play(graph(leaves, *chains), world=world, limits=limits(parallel=parallel))
        assert world.most == most


async def test_a_failure_stops_the_run_and_cancels_what_runs() -> None:
    world = Lab()
    workflow = graph(
        [node("long", "slow", seconds=60), node("bad", "slow", seconds=0.01, fails=-1, retryable=False)],
        "start > long",
        "start > bad",
    )
    events = await play(workflow, world=world)
    assert events[-1].type == "run.failed"
    assert events[-1].data["error"] == {"message": "It failed.", "code": "test", "path": "bad"}
    assert world.cancelled == ["long"]
    assert world.running == 0


@pytest.mark.parametrize(
    ("strategy", "ran"),
    [
        ({"strategy": "default", "default": {"text": "instead"}}, ["after"]),
        ({"strategy": "branch"}, ["rescue"]),
    ],
)
async def test_error_strategies(strategy: dict[str, Any], ran: list[str]) -> None:
    workflow = graph(
        [
            node("bad", fails=-1, on_error=strategy),
            node("after"),
            node("rescue", reads=["$.bad.error_message"]),
        ],
        "start > bad > after",
        "bad:error > rescue",
    )
    events = await play(workflow)
    done = {event.data["node"]: event.data for event in events if event.type == "node.completed"}
    assert [name for name in ("after", "rescue") if name in done] == ran
    assert done["bad"]["outputs"]["is_success"] is False
    assert done["bad"]["outputs"]["error_code"] == "test"
    assert done["bad"]["handled"] == {"message": "It failed.", "code": "test"}
    assert done["bad"]["outputs"].get("text") == strategy.get("default", {}).get("text")
    assert events[-1].data["status"] == "partial"


async def test_a_node_with_a_strategy_says_that_all_went_well() -> None:
    events = await play(graph([node("a", on_error={"strategy": "branch"})], "start > a"))
    outputs = next(e.data["outputs"] for e in events if e.type == "node.completed" and e.data["node"] == "a")
    assert outputs == {"text": "a()", "is_success": True, "error_message": "", "error_code": ""}
    assert events[-1].data["status"] == "succeeded"


async def test_retries_rest_longer_each_time_and_block_nobody() -> None:
    workflow = graph(
        [node("flaky", fails=2, retry=RETRY), node("a", "slow"), node("b", "slow")],
        "start > flaky",
        "start > a > b",
    )
    events = await play(workflow)
    retrying = [event.data for event in events if event.type == "node.retrying"]
    assert [(data["attempt"], data["delay_ms"]) for data in retrying] == [(1, 20.0), (2, 40.0)]
    order = paths(events, "node.completed")
    assert order.index("b") < order.index("flaky")
    assert events[-1].data["status"] == "succeeded"


async def test_errors_that_will_not_go_away_are_not_repeated() -> None:
    events = await play(graph([node("bad", fails=-1, retryable=False, retry=RETRY)], "start > bad"))
    assert "node.retrying" not in types(events)


async def test_a_timeout_ends_an_attempt_even_when_the_node_ignores_it() -> None:
    world = Lab()
    workflow = graph(
        [
            node("slow", "slow", seconds=60, stubborn_s=1, timeout_s=0.02, on_error={"strategy": "branch"}),
            node("b"),
        ],
        "start > slow",
        "slow:error > b",
    )
    events = await play(workflow, world=world)
    assert world.running == 1
    outputs = next(
        e.data["outputs"] for e in events if e.type == "node.completed" and e.data["node"] == "slow"
    )
    assert outputs["error_code"] == "timeout"
    assert paths(events, "node.completed")[-1] == "b"


async def test_what_breaks_in_a_node_is_its_failure(caplog: pytest.LogCaptureFixture) -> None:
    events = await play(graph([node("a", reads=["$.start"], ports=[])], "start > a"))
    assert events[-1].data["error"]["code"] == "node_broken"
    assert events[-1].data["error"]["message"].startswith("ZeroDivisionError")


@pytest.mark.parametrize(
    ("config", "limit", "code"),
    [
        ({"tokens": 100}, {"tokens": 50}, "limit_tokens"),
        ({"cost": "0.02"}, {"cost": 0.01}, "limit_cost"),
        ({"size": 3000}, {"variable_bytes": 1024}, "limit_variable_bytes"),
        ({"seconds": 5}, {"seconds": 0.05}, "limit_seconds"),
        ({}, {"steps": 1}, "limit_steps"),
    ],
)
async def test_limits_end_the_run_whatever_the_node_does(
    config: dict[str, Any], limit: dict[str, Any], code: str
) -> None:
    workflow = graph([node("a", "slow", on_error={"strategy": "branch"}, **config)], "start > a")
    events = await play(workflow, limits=limits(**limit))
    assert events[-1].type == "run.failed"
    assert events[-1].data["error"]["code"] == code


async def test_depth_is_limited() -> None:
    inner = node("inner", "loop", count=1, body=([node("x")],))
    workflow = graph([node("outer", "loop", count=1, body=([inner],))], "start > outer")
    events = await play(workflow, limits=limits(depth=1))
    assert events[-1].data["error"]["code"] == "limit_depth"
    assert events[-1].data["error"]["path"] == "outer:0/inner"


async def test_usage_is_added_up() -> None:
    workflow = graph([node("a", tokens=3, cost="0.1"), node("b", tokens=4, cost="0.2")], "start > a > b")
    events = await play(workflow)
    assert events[-1].data["usage"] == {"input_tokens": 7, "output_tokens": 0, "cost": "0.3"}


async def test_inputs_are_checked() -> None:
    workflow = graph([node("start", "start", inputs=[{"name": "n", "type": "integer"}])])
    events = await play(workflow, inputs={"n": "x"})
    assert events[-1].data["error"]["code"] == "invalid_inputs"


async def test_cancel_reaches_nodes_and_does_not_wait_for_stubborn_ones() -> None:
    world = Lab()
    workflow = graph(
        [node("a", "slow", seconds=60), node("b", "slow", seconds=60, stubborn_s=1)], "start > a", "start > b"
    )
    run = prepare(workflow, world=world)
    events = []

    async def watch() -> None:
        events.extend([event async for event in run.events()])

    task = asyncio.create_task(watch())
    await asyncio.sleep(0.02)
    run.cancel("enough")
    await task
    assert world.running == 1
    assert events[-1].type == "run.stopped"
    assert events[-1].data["reason"] == "enough"
    assert sorted(world.cancelled) == ["a", "b"]


async def test_a_reader_who_leaves_takes_the_nodes_along() -> None:
    world = Lab()
    run = prepare(graph([node("a", "slow", seconds=60)], "start > a"), world=world)

    async def watch() -> None:
        async for _ in run.events():
            pass

    task = asyncio.create_task(watch())
    await asyncio.sleep(0.02)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert world.cancelled == ["a"]


async def test_a_slow_reader_slows_the_run_down() -> None:
    world = Lab()
    workflow = graph([node("l", "loop", count=1000, body=([node("a")],))], "start > l")
    events = prepare(workflow, world=world, limits=limits(steps=5000)).events()
    await anext(events)
    assert 0 < len(world.effects) < 200
    await events.aclose()


async def test_others_get_their_turn_while_a_run_computes() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(count())
    workflow = graph([node("l", "loop", count=3000, body=([node("a")],))], "start > l")
    await play(workflow, limits=limits(steps=5000))
    other.cancel()
    assert turns > 2


async def test_the_observer_sees_every_attempt_and_its_container() -> None:
    seen: list[tuple[str, Any, Any]] = []

    class Observer:
        def node_started(self, ctx: Any, node: Any, config: Any) -> Any:
            token = SimpleNamespace(path=ctx.path)
            seen.append(("started", ctx.path, ctx.parent.path if ctx.parent else None))
            return token

        def node_finished(self, token: Any, result: Any) -> None:
            seen.append(("finished", token.path, type(result).__name__))

    workflow = graph([node("l", "loop", count=1, body=([node("a", "slow")],))], "start > l")
    await play(workflow, observer=Observer())
    assert seen == [
        ("started", "start", None),
        ("finished", "start", "Result"),
        ("started", "l", None),
        ("started", "l:0/a", "l"),
        ("finished", "l:0/a", "Result"),
        ("finished", "l", "Result"),
    ]


async def test_missing_ports_fail_with_a_sentence() -> None:
    events = await play(graph([node("sub", "sub_workflow", workflow="x")], "start > sub"), ports=Ports())
    assert events[-1].data["error"]["code"] == "no_workflows"


async def test_values_that_do_not_fit_fail_the_node() -> None:
    events = await play(
        graph([node("it", "iteration", items="$.start.nothing", body=([node("a")],))], "start > it")
    )
    assert events[-1].data["error"]["code"] == "missing_value"
