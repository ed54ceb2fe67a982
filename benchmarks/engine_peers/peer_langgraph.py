"""LangGraph: a StateGraph compiled once and awaited; its stream writer for tokens, its PostgreSQL saver."""

from __future__ import annotations

import asyncio
import operator
import os
import uuid
from importlib.metadata import version
from itertools import pairwise
from typing import Annotated, Any, TypedDict

os.environ["LANGSMITH_TRACING"] = "false"

from harness import DIAMONDS, FAN, NAP_S, ROUNDS, RUN_NODES, RUNS, TOKENS, Job, arun, work
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, StateGraph

PEER = f"langgraph {version('langgraph')}"


class State(TypedDict, total=False):
    """What nodes share."""

    s: str
    parts: Annotated[list[str], operator.add]
    i: int


async def body(state: State) -> State:
    """Work."""
    return {"s": work(state["s"])}


async def nap(state: State) -> State:
    """Wait and work."""
    await asyncio.sleep(NAP_S)
    return {"s": work(state["s"])}


def line(count: int, function: Any = body) -> Any:
    """A chain, not compiled."""
    graph = StateGraph(State)
    for index in range(count):
        graph.add_node(f"n{index}", function)
    names = [START, *(f"n{index}" for index in range(count)), END]
    for source, target in pairwise(names):
        graph.add_edge(source, target)
    return graph


def config(limit: int) -> Any:
    """Options of one run."""
    return {"recursion_limit": limit + 10}


def check(state: State) -> None:
    """Whether it has come out right."""
    assert state["s"].endswith("x"), state


def chain(count: int) -> Job:
    """A chain of nodes."""
    return Job(
        count,
        lambda: line(count).compile(),
        lambda graph: check(arun(graph.ainvoke({"s": "in"}, config(count)))),
    )


def durable(count: int) -> Job:
    """A chain whose every step is written to PostgreSQL before the next begins."""
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver

    saver = arun(_saver(AsyncPostgresSaver))

    def run(graph: Any) -> None:
        options = {**config(count), "configurable": {"thread_id": str(uuid.uuid4())}}
        check(arun(graph.ainvoke({"s": "in"}, options, durability="sync")))

    return Job(count, lambda: line(count).compile(checkpointer=saver), run)


async def _saver(kind: Any) -> Any:
    from psycopg import AsyncConnection
    from psycopg.rows import dict_row

    connection = await AsyncConnection.connect(
        os.environ["BENCH_DATABASE"], autocommit=True, prepare_threshold=0, row_factory=dict_row
    )
    saver = kind(connection)
    await saver.setup()
    return saver


def fan() -> Job:
    """One, a hundred, one."""

    async def leaf(state: State) -> State:
        return {"parts": [work(state["s"])]}

    async def join(state: State) -> State:
        return {"s": state["parts"][-1]}

    def build() -> Any:
        graph = StateGraph(State)
        graph.add_node("root", body)
        graph.add_node("join", join)
        graph.add_edge(START, "root")
        for index in range(FAN):
            graph.add_node(f"l{index}", leaf)
            graph.add_edge("root", f"l{index}")
        graph.add_edge([f"l{index}" for index in range(FAN)], "join")
        graph.add_edge("join", END)
        return graph.compile()

    def run(graph: Any) -> None:
        assert len(arun(graph.ainvoke({"s": "in", "parts": []}))["parts"]) == FAN

    return Job(FAN + 2, build, run)


def diamond() -> Job:
    """Twenty conditions with two branches each."""

    def build() -> Any:
        graph = StateGraph(State)
        graph.add_node("n0", body)
        graph.add_edge(START, "n0")
        before = "n0"
        for d in range(DIAMONDS):
            for name in ("if", "a1", "a2", "b1", "b2", "j"):
                graph.add_node(f"{name}{d}", body)
            graph.add_edge(before, f"if{d}")
            graph.add_conditional_edges(f"if{d}", lambda _: "then", {"then": f"a1{d}", "else": f"b1{d}"})
            for source, target in (("a1", "a2"), ("b1", "b2"), ("a2", "j"), ("b2", "j")):
                graph.add_edge(f"{source}{d}", f"{target}{d}")
            before = f"j{d}"
        graph.add_edge(before, END)
        return graph.compile()

    return Job(1 + DIAMONDS * 4, build, lambda graph: check(arun(graph.ainvoke({"s": "in"}, config(1000)))))


def loop() -> Job:
    """Three nodes and an edge back."""

    async def last(state: State) -> State:
        return {"s": work(state["s"]), "i": state["i"] + 1}

    def build() -> Any:
        graph = StateGraph(State)
        graph.add_node("a", body)
        graph.add_node("b", body)
        graph.add_node("c", last)
        graph.add_edge(START, "a")
        graph.add_edge("a", "b")
        graph.add_edge("b", "c")
        ways = {"more": "a", "end": END}
        graph.add_conditional_edges("c", lambda state: "more" if state["i"] < ROUNDS else "end", ways)
        return graph.compile()

    def run(graph: Any) -> None:
        assert arun(graph.ainvoke({"s": "in", "i": 0}, config(ROUNDS * 3)))["i"] == ROUNDS

    return Job(ROUNDS * 3, build, run)


def concurrent() -> Job:
    """Many chains that wait."""

    async def everything(graph: Any) -> None:
        for state in await asyncio.gather(*(graph.ainvoke({"s": "in"}) for _ in range(RUNS))):
            check(state)

    return Job(
        RUNS * RUN_NODES, lambda: line(RUN_NODES, nap).compile(), lambda graph: arun(everything(graph))
    )


def stream() -> Job:
    """Tokens by the stream writer."""

    async def llm(state: State) -> State:
        writer = get_stream_writer()
        for _ in range(TOKENS):
            writer("tok ")
            await asyncio.sleep(0)
        return {"s": "done"}

    async def read(graph: Any) -> int:
        return len([piece async for piece in graph.astream({"s": "in"}, stream_mode="custom")])

    def run(graph: Any) -> None:
        assert arun(read(graph)) == TOKENS

    return Job(1, lambda: line(1, llm).compile(), run)


CASES = {
    "chain10": lambda: chain(10),
    "chain100": lambda: chain(100),
    "chain1000": lambda: chain(1000),
    "fan100": fan,
    "diamond20": diamond,
    "loop1000": loop,
    "concurrent": concurrent,
    "stream": stream,
    "durable_chain100": lambda: durable(100),
}
