"""pydantic-graph: steps of a GraphBuilder, run on a running loop. It has no streaming of tokens."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from importlib.metadata import version
from itertools import pairwise
from typing import Any

from harness import DIAMONDS, FAN, NAP_S, ROUNDS, RUN_NODES, RUNS, Job, arun, work
from pydantic_graph import GraphBuilder, StepContext

try:
    from pydantic_graph import TypeExpression, reduce_list_append
except ImportError:
    from pydantic_graph.join import reduce_list_append
    from pydantic_graph.util import TypeExpression

PEER = f"pydantic-graph {version('pydantic-graph')}"


async def body(text: str) -> str:
    """Work."""
    return work(text)


async def nap(text: str) -> str:
    """Wait and work."""
    await asyncio.sleep(NAP_S)
    return work(text)


def step(graph: Any, name: str, function: Any) -> Any:
    """A step with a name of its own."""

    async def call(ctx: StepContext[None, None, str]) -> str:
        text: str = await function(ctx.inputs)
        return text

    # the library reads the annotations as they are, not as texts
    call.__annotations__ = {"ctx": StepContext[None, None, str], "return": str}
    return graph.step(call, node_id=name)


def line(count: int, function: Any = body) -> Any:
    """A chain."""
    graph = GraphBuilder(input_type=str, output_type=str)
    steps = [step(graph, f"n{index}", function) for index in range(count)]
    nodes = [graph.start_node, *steps, graph.end_node]
    for source, target in pairwise(nodes):
        graph.add(graph.edge_from(source).to(target))
    return graph.build()


def check(text: str) -> None:
    """Whether it has come out right."""
    assert text.endswith("x"), text


def chain(count: int) -> Job:
    """A chain of nodes."""
    return Job(count, lambda: line(count), lambda graph: check(arun(graph.run(inputs="in"))))


def fan() -> Job:
    """One, a hundred, one."""

    def build() -> Any:
        graph = GraphBuilder(input_type=str, output_type=int)
        root = step(graph, "root", body)
        leaves = [step(graph, f"l{index}", body) for index in range(FAN)]
        join = graph.join(reduce_list_append, initial_factory=list[str])

        async def count(ctx: Any) -> int:
            return len(ctx.inputs)

        count.__annotations__ = {"ctx": StepContext[None, None, list[str]], "return": int}
        last = graph.step(count, node_id="last")
        graph.add(
            graph.edge_from(graph.start_node).to(root),
            graph.edge_from(root).to(*leaves),
            graph.edge_from(*leaves).to(join),
            graph.edge_from(join).to(last),
            graph.edge_from(last).to(graph.end_node),
        )
        return graph.build()

    def run(graph: Any) -> None:
        assert arun(graph.run(inputs="in")) == FAN

    return Job(FAN + 2, build, run)


def diamond() -> Job:
    """Twenty conditions with two branches each."""

    def build() -> Any:
        graph = GraphBuilder(input_type=str, output_type=str)
        before = step(graph, "n0", body)
        graph.add(graph.edge_from(graph.start_node).to(before))
        for d in range(DIAMONDS):
            made = {name: step(graph, f"{name}{d}", body) for name in ("if", "a1", "a2", "b1", "b2", "j")}
            decision = graph.decision()
            decision = decision.branch(
                graph.match(TypeExpression[str], matches=lambda _: True).to(made["a1"])
            )
            decision = decision.branch(
                graph.match(TypeExpression[str], matches=lambda _: False).to(made["b1"])
            )
            graph.add(
                graph.edge_from(before).to(made["if"]),
                graph.edge_from(made["if"]).to(decision),
                graph.edge_from(made["a1"]).to(made["a2"]),
                graph.edge_from(made["b1"]).to(made["b2"]),
                graph.edge_from(made["a2"], made["b2"]).to(made["j"]),
            )
            before = made["j"]
        graph.add(graph.edge_from(before).to(graph.end_node))
        return graph.build()

    return Job(1 + DIAMONDS * 4, build, lambda graph: check(arun(graph.run(inputs="in"))))


@dataclass
class Count:
    """Rounds so far."""

    i: int = 0


def loop() -> Job:
    """Three steps and a decision that leads back."""

    def build() -> Any:
        graph = GraphBuilder(state_type=Count, input_type=str, output_type=str)
        first, second = step(graph, "a", body), step(graph, "b", body)

        async def third(ctx: Any) -> str:
            ctx.state.i += 1
            return ("M" if ctx.state.i < ROUNDS else "E") + work(ctx.inputs)

        third.__annotations__ = {"ctx": StepContext[Count, None, str], "return": str}
        last = graph.step(third, node_id="c")
        decision = (
            graph.decision()
            .branch(graph.match(TypeExpression[str], matches=lambda text: text[0] == "M").to(first))
            .branch(graph.match(TypeExpression[str], matches=lambda text: text[0] == "E").to(graph.end_node))
        )
        graph.add(
            graph.edge_from(graph.start_node).to(first),
            graph.edge_from(first).to(second),
            graph.edge_from(second).to(last),
            graph.edge_from(last).to(decision),
        )
        return graph.build()

    def run(graph: Any) -> None:
        state = Count()
        arun(graph.run(state=state, inputs="in"))
        assert state.i == ROUNDS

    return Job(ROUNDS * 3, build, run)


def concurrent() -> Job:
    """Many chains that wait."""

    async def everything(graph: Any) -> None:
        for text in await asyncio.gather(*(graph.run(inputs="in") for _ in range(RUNS))):
            check(text)

    return Job(RUNS * RUN_NODES, lambda: line(RUN_NODES, nap), lambda graph: arun(everything(graph)))


CASES = {
    "chain10": lambda: chain(10),
    "chain100": lambda: chain(100),
    "chain1000": lambda: chain(1000),
    "fan100": fan,
    "diamond20": diamond,
    "loop1000": loop,
    "concurrent": concurrent,
}
