"""Answers: streamed live, in the order of the graph, corrected when a node changes its mind."""

from __future__ import annotations

from typing import Any

from apps.workflows.engine import Event, Ports
from tests.workflows.engine.kit import Lab, edges, graph, node, play, prepare, read, resume, said, types
from tests.workflows.engine.test_containers import Library


def deltas(events: list[Event]) -> list[str]:
    return [event.data["text"] for event in events if event.type == "text.delta"]


def llm(name: str, *say: str, **config: Any) -> dict[str, Any]:
    return node(name, "slow", say=list(say), **config)


async def test_an_answer_passes_tokens_on() -> None:
    workflow = graph(
        [llm("llm", "a", "b", "c"), node("answer", "answer", answer="Hi {{ llm.text }}!")],
        "start > llm > answer",
    )
    events = await play(workflow)
    assert deltas(events) == ["Hi ", "a", "b", "c", "!"]
    assert "node.delta" not in types(events)
    live = [event.data for event in events if event.type == "text.delta" and "node" in event.data]
    assert live[0] == {"text": "a", "node": "llm", "path": "llm"}
    assert types(events).index("text.delta") < types(events).index("node.started", 3)
    assert events[-1].data["outputs"] == {"answer": "Hi abc!"}


async def test_text_that_no_answer_quotes_is_the_nodes_own() -> None:
    workflow = graph([llm("llm", "a", "b"), node("answer", "answer", answer="done")], "start > llm > answer")
    events = await play(workflow)
    assert [event.data["text"] for event in events if event.type == "node.delta"] == ["a", "b"]
    assert deltas(events) == ["done"]


async def test_an_answer_behind_a_condition_waits_for_it() -> None:
    workflow = graph(
        [
            llm("llm", "a", "b"),
            node("if", "if_else", when="$.llm.text == 'ab'"),
            node("yes", "answer", answer="{{ llm.text }} yes"),
            node("no", "answer", answer="{{ llm.text }} no"),
        ],
        "start > llm > if",
        "if:then > yes",
        "if:else > no",
    )
    events = await play(workflow)
    assert deltas(events) == ["ab", " yes"]


async def test_two_nodes_speak_at_once_and_are_heard_one_after_the_other() -> None:
    world = Lab()
    workflow = graph(
        [
            llm("x", "x1", "x2", gate="x"),
            llm("y", "y1", "y2"),
            node("answer", "answer", answer="{{ x.text }}-{{ y.text }}"),
        ],
        "start > x > answer",
        "start > y > answer",
    )
    run = prepare(workflow, world=world)
    events = []
    async for event in run.events():
        events.append(event)
        if event.type == "node.completed" and event.data["node"] == "y":
            world.gate("x").set()
    assert said(events) == "x1x2-y1y2"
    assert [event.data["text"] for event in events if event.type == "node.delta"] == ["y1", "y2"]


async def test_several_answers_keep_the_order_of_the_graph() -> None:
    workflow = graph(
        [
            llm("slow", "s", seconds=0.01),
            node("first", "answer", answer="1:{{ slow.text }} "),
            node("second", "answer", answer="2 "),
            node("third", "answer", answer="3"),
        ],
        "start > slow > first > third",
        "start > second > third",
    )
    events = await play(workflow)
    assert said(events) == "2 1:s 3" or said(events) == "1:s 2 3"
    assert said(events) == events[-1].data["outputs"]["answer"]
    assert deltas(events) == deltas(await play(workflow))


async def test_an_end_says_its_answer_too() -> None:
    workflow = graph([llm("llm", "a", "b"), node("end", "end", answer="{{ llm.text }}")], "start > llm > end")
    events = await play(workflow)
    assert deltas(events) == ["a", "b"]
    assert events[-1].data["outputs"] == {"answer": "ab"}


async def test_templates_with_logic_are_said_when_they_are_known() -> None:
    answer = "{% if llm.text == 'ab' %}yes{% else %}no{% endif %}"
    workflow = graph([llm("llm", "a", "b"), node("answer", "answer", answer=answer)], "start > llm > answer")
    events = await play(workflow)
    assert deltas(events) == ["yes"]


async def test_a_reference_alone_streams_as_well() -> None:
    workflow = graph(
        [llm("llm", "a", "b"), node("answer", "answer", answer="$.llm.text")], "start > llm > answer"
    )
    assert deltas(await play(workflow)) == ["a", "b"]


async def test_what_a_failed_try_said_is_taken_back() -> None:
    retry = {"attempts": 2, "delay_ms": 0.0}
    workflow = graph(
        [llm("llm", "a", "b", fails=1, retry=retry), node("answer", "answer", answer="Hi {{ llm.text }}")],
        "start > llm > answer",
    )
    events = await play(workflow)
    assert next(event.data for event in events if event.type == "text.reset") == {"length": 3}
    assert said(events) == "Hi ab"


async def test_what_an_error_strategy_puts_in_place_replaces_what_was_said() -> None:
    strategy = {"strategy": "default", "default": {"text": "ac, sorry"}}
    workflow = graph(
        [
            llm("llm", "a", "b", fails=-1, on_error=strategy),
            node("answer", "answer", answer="{{ llm.text }}."),
        ],
        "start > llm > answer",
    )
    events = await play(workflow)
    assert next(event.data for event in events if event.type == "text.reset") == {"length": 1}
    assert said(events) == "ac, sorry."


async def test_answers_stream_through_an_aggregator() -> None:
    def chat(order: str) -> Any:
        return graph(
            [
                node("if", "if_else", when=order),
                llm("x", "a", "b"),
                llm("y", "c", "d"),
                node("either", "variable_aggregator", variables=["$.x.text", "$.y.text"]),
                node("answer", "answer", answer="Hi {{ either.output }}."),
            ],
            "start > if",
            "if:then > x > either",
            "if:else > y > either > answer",
        )

    for order, expected in (("true", ["Hi ", "a", "b", "."]), ("false", ["Hi ", "c", "d", "."])):
        assert deltas(await play(chat(order))) == expected


async def test_rounds_speak_in_their_order() -> None:
    body = (
        [node("a", "slow", seconds=0.01), node("first", "answer", answer="[{{ it.item }}]")],
        "a > first",
    )
    workflow = graph(
        [
            node("it", "iteration", items=["x", "y", "z"], parallel=3, body=body),
            node("last", "answer", answer="end"),
        ],
        "start > it > last",
    )
    events = await play(workflow)
    assert said(events) == "[x][y][z]end" == events[-1].data["outputs"]["answer"]


async def test_a_sub_workflow_speaks_through_its_node() -> None:
    child = {
        "version": "flywheel/v1",
        "kind": "chatflow",
        "name": "child",
        "nodes": [
            node("start", "start"),
            llm("llm", "a", "b"),
            node("answer", "answer", answer="<{{ llm.text }}>"),
        ],
        "edges": edges("start > llm > answer"),
    }
    workflow = graph(
        [node("sub", "sub_workflow", workflow="c"), node("answer", "answer", answer="Says {{ sub.answer }}")],
        "start > sub > answer",
    )
    events = await play(workflow, ports=Ports(workflows=Library(c=child)))
    assert deltas(events) == ["Says ", "<", "a", "b", ">"]
    assert events[-1].data["outputs"]["answer"] == "Says <ab>"


CHAT = graph(
    [
        llm("one", "1", "2"),
        node("first", "answer", answer="First {{ one.text }}. "),
        llm("two", "3", "4"),
        node(
            "it", "iteration", items=["x", "y"], body=([node("inner", "answer", answer="({{ it.item }})")],)
        ),
        node("second", "answer", answer="Second {{ two.text }}."),
    ],
    "start > one > first > two > it > second",
)


async def test_a_run_that_is_resumed_says_everything_once() -> None:
    events = await play(CHAT)
    whole = said(events)
    assert whole == "First 12. (x)(y)Second 34." == events[-1].data["outputs"]["answer"]
    for cut in range(len(events)):
        before = events[:cut]
        after = await resume(CHAT, before)
        assert said([*before, *after]) == whole
        assert after[-1].data["outputs"]["answer"] == whole


async def test_a_slow_reader_gets_longer_pieces_and_all_of_the_text() -> None:
    tokens = [f"{index} " for index in range(3000)]
    workflow = graph(
        [llm("llm", *tokens), node("answer", "answer", answer="{{ llm.text }}")], "start > llm > answer"
    )
    run = prepare(workflow)
    events = []
    import asyncio

    async for event in run.events():
        events.append(event)
        if event.type == "text.delta" and len(events) < 20:
            await asyncio.sleep(0.02)
    assert said(events) == "".join(tokens)
    assert len(events) < 2000


async def test_a_snapshot_tells_where_a_run_is() -> None:
    world = Lab()
    workflow = graph(
        [
            llm("llm", "a", gate="g"),
            node("answer", "answer", answer="{{ llm.text }}"),
            node("if", "if_else", when="false"),
            node("never"),
            node("ask", "ask"),
        ],
        "start > llm > answer",
        "start > if",
        "if:then > never",
        "start > ask",
    )
    run = prepare(workflow, world=world)
    found: dict[str, Any] = {}
    async for event in run.events():
        if event.type == "text.delta" and not found:
            found = run.snapshot()
            world.gate("g").set()
    states = {path: data["state"] for path, data in found["nodes"].items()}
    assert states == {
        "start": "completed",
        "llm": "running",
        "answer": "pending",
        "if": "completed",
        "never": "skipped",
        "ask": "waiting",
    }
    assert found["answer"] == "a"
    assert [wait["wait"] for wait in found["waits"]] == ["ask"]
    assert (await read(prepare(CHAT)))[-1].type == "run.completed"
