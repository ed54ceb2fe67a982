"""Pauses: questions, answers, timeouts, other branches, other processes."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.workflows.engine import Event, RunState, UnknownWait
from tests.workflows.engine.kit import Lab, graph, node, paths, play, prepare, read, resume, types

ASKING = graph([node("ask", "ask", question="Name?"), node("a", reads=["$.ask.text"])], "start > ask > a")


def text(events: list[Event], name: str) -> Any:
    return next(
        e.data["outputs"]["text"] for e in events if e.type == "node.completed" and e.data["node"] == name
    )


async def test_a_run_waits_and_goes_on_in_place() -> None:
    run = prepare(ASKING)
    events = await read(run)
    assert events[-1].type == "run.waiting"
    wait = {
        "wait": "ask",
        "path": "ask",
        "kind": "question",
        "payload": {"question": "Name?"},
        "expires_at": None,
    }
    assert events[-1].data["waits"] == [wait]
    assert run.snapshot()["state"] == "waiting"
    run.answer("ask", {"text": "Ada"})
    after = await read(run)
    assert types(after)[0] == "run.answered"
    assert text(after, "a") == "a(Ada)"


async def test_a_run_goes_on_in_another_process() -> None:
    events = await play(ASKING)
    run = prepare(ASKING, state=RunState.from_events(ASKING, events))
    run.answer("ask", {"text": "Ada"})
    after = await read(run)
    assert types(after)[:2] == ["run.resumed", "run.answered"]
    assert paths(after, "node.started") == ["a"]
    assert text(after, "a") == "a(Ada)"


async def test_an_answer_in_the_ledger_needs_not_be_given_again() -> None:
    run = prepare(ASKING)
    events = await read(run)
    answered = [*events, Event("run.answered", {"wait": "ask", "answer": {"text": "Ada"}})]
    after = await resume(ASKING, answered)
    assert "run.answered" not in types(after)
    assert text(after, "a") == "a(Ada)"


async def test_other_branches_go_on_while_one_waits() -> None:
    workflow = graph(
        [node("ask", "ask"), node("a", "slow", seconds=0.005), node("b")], "start > ask", "start > a > b"
    )
    events = await play(workflow)
    assert types(events).index("node.waiting") < types(events).index("run.waiting")
    assert paths(events, "node.completed") == ["start", "a", "b"]


async def test_an_answer_while_others_run_is_taken_at_once() -> None:
    world = Lab()
    workflow = graph(
        [node("ask", "ask"), node("after"), node("long", "slow", gate="g")],
        "start > ask > after",
        "start > long",
    )
    run = prepare(workflow, world=world)
    seen = []
    async for event in run.events():
        seen.append(event)
        if event.type == "node.waiting":
            run.answer("ask", {"text": "x"})
        if event.type == "node.completed" and event.data["node"] == "after":
            world.gate("g").set()
    assert seen[-1].type == "run.completed"
    assert "run.waiting" not in types(seen)


async def test_several_waits_are_answered_one_by_one() -> None:
    workflow = graph(
        [node("x", "ask"), node("y", "ask"), node("j", reads=["$.x.text", "$.y.text"])],
        "start > x > j",
        "start > y > j",
    )
    run = prepare(workflow)
    first = await read(run)
    assert [wait["wait"] for wait in first[-1].data["waits"]] == ["x", "y"]
    run.answer("y", {"text": "2"})
    second = await read(run)
    assert [wait["wait"] for wait in second[-1].data["waits"]] == ["x"]
    run.answer("x", {"text": "1"})
    assert text(await read(run), "j") == "j(1+2)"


async def test_a_node_may_ask_again() -> None:
    workflow = graph([node("ask", "ask", again=True)], "start > ask")
    run = prepare(workflow)
    await read(run)
    run.answer("ask", {"text": "perhaps"})
    second = await read(run)
    assert second[-1].data["waits"][0]["payload"] == {"question": "Really?"}
    after = await resume(workflow, [*await play(workflow), *second], answers={"ask": {"text": "yes"}})
    assert text(after, "ask") == "yes"


async def test_waits_in_rounds_that_run_side_by_side() -> None:
    inner = ([node("ask", "ask"), node("a", reads=["$.it.item", "$.ask.text"])], "ask > a")
    workflow = graph(
        [node("it", "iteration", items=["x", "y"], parallel=2, output="$.a.text", body=inner)], "start > it"
    )
    answers = {"it:0/ask": {"text": "1"}, "it:1/ask": {"text": "2"}}
    events = await play(workflow, answers=answers)
    waiting = [event for event in events if event.type == "run.waiting"]
    assert [wait["wait"] for wait in waiting[0].data["waits"]] == ["it:0/ask", "it:1/ask"]
    assert events[-2].data["outputs"]["output"] == ["a(x+1)", "a(y+2)"]


async def test_a_wait_expires_while_the_run_is_there() -> None:
    workflow = graph(
        [node("ask", "ask", expires_s=0.01), node("long", "slow", seconds=0.05)],
        "start > ask",
        "start > long",
    )
    events = await play(workflow)
    assert next(e.data for e in events if e.type == "run.answered") == {
        "wait": "ask",
        "answer": {"timeout": True},
    }
    assert text(events, "ask") == "timeout"


async def test_a_wait_expires_while_nobody_is_there() -> None:
    workflow = graph([node("ask", "ask", expires_s=3600)], "start > ask")
    now = datetime(2026, 1, 1, tzinfo=UTC)
    events = await play(workflow, clock=lambda: now)
    assert events[-1].data["waits"][0]["expires_at"] == "2026-01-01T01:00:00+00:00"
    after = await play(
        workflow,
        state=RunState.from_events(workflow, events),
        clock=lambda: now + timedelta(days=3),
        answers={},
    )
    assert text(after, "ask") == "timeout"


async def test_what_nobody_waits_for_is_refused() -> None:
    run = prepare(ASKING)
    await read(run)
    with pytest.raises(UnknownWait):
        run.answer("other", {})
    run.answer("ask", {"text": "x"})
    with pytest.raises(UnknownWait):
        run.answer("ask", {"text": "y"})
    fresh = prepare(ASKING, state=RunState.from_events(ASKING, []))
    with pytest.raises(UnknownWait):
        fresh.answer("ask", {})


async def test_a_run_that_waits_can_be_stopped() -> None:
    run = prepare(ASKING)
    await read(run)
    run.cancel("no")
    assert types(await read(run)) == ["run.stopped"]


async def test_waiting_is_no_running_time() -> None:
    run = prepare(graph([node("ask", "ask")], "start > ask"))
    first = await read(run)
    await asyncio.sleep(0.1)
    run.answer("ask", {"text": "x"})
    last = (await read(run))[-1]
    assert last.data["ms"] < first[-1].data["ms"] + 90
