"""Flywheel's engine, through its public interface: documents, compiled graphs, runs whose events are read."""

from __future__ import annotations

import asyncio
from typing import Any

from django.conf import settings
from harness import DIAMONDS, FAN, NAP_S, ROUNDS, RUN_NODES, RUNS, TOKENS, Job, arun, work

if not settings.configured:
    # node files mark their texts for translation; the engine itself knows no Django
    settings.configure(USE_I18N=False)

from apps.workflows import dsl, engine
from apps.workflows.dsl.dynamic import DynamicAny, DynamicText
from apps.workflows.engine import Node, NodeConfig, NodeContext, Result, Run
from apps.workflows.nodes.answer import AnswerNode
from apps.workflows.nodes.end import EndNode
from apps.workflows.nodes.if_else import IfElseNode
from apps.workflows.nodes.loop import LoopNode
from apps.workflows.nodes.start import StartNode

PEER = "flywheel"

LIMITS = {"steps": 1_000_000, "parallel": 1000}


class TextConfig(NodeConfig):
    """The text that a node works on."""

    s: DynamicText


class PlainNode(Node[TextConfig]):
    """Works in place."""

    type = "plain"
    title = "Plain"
    Config = TextConfig

    def run(self, ctx: NodeContext, config: TextConfig) -> Result:
        """Work."""
        return Result({"output": work(config.s)})


class CoroutineNode(Node[TextConfig]):
    """Works in a task of its own."""

    type = "coroutine"
    title = "Coroutine"
    Config = TextConfig

    async def run(self, ctx: NodeContext, config: TextConfig) -> Result:
        """Work."""
        return Result({"output": work(config.s)})


class NapNode(Node[TextConfig]):
    """Waits a little, as for a network."""

    type = "nap"
    title = "Nap"
    Config = TextConfig

    async def run(self, ctx: NodeContext, config: TextConfig) -> Result:
        """Wait and work."""
        await asyncio.sleep(NAP_S)
        return Result({"output": work(config.s)})


class JoinConfig(NodeConfig):
    """What is joined."""

    parts: list[DynamicAny]


class JoinNode(Node[JoinConfig]):
    """Takes what branches left."""

    type = "join"
    title = "Join"
    Config = JoinConfig

    def run(self, ctx: NodeContext, config: JoinConfig) -> Result:
        """Join."""
        found = [part for part in config.parts if part is not None]
        return Result({"output": found[-1], "count": len(found)})


class TokenConfig(NodeConfig):
    """Nothing to configure."""


class TokenNode(Node[TokenConfig]):
    """Says tokens, as a model does."""

    type = "tokens"
    title = "Tokens"
    Config = TokenConfig
    text_output = "text"

    async def run(self, ctx: NodeContext, config: TokenConfig) -> Result:
        """Say one after the other, with a turn of the event loop in between."""
        for _ in range(TOKENS):
            ctx.text("tok ")
            await asyncio.sleep(0)
        return Result({"text": "tok " * TOKENS})


class DurableNode(PlainNode):
    """Works in place, but all before it must be durable first."""

    type = "durable"
    effects = True


CATALOGUE: dict[str, Any] = {
    kind.type: kind
    for kind in (
        StartNode, EndNode, AnswerNode, IfElseNode, LoopNode,
        PlainNode, CoroutineNode, NapNode, JoinNode, TokenNode, DurableNode,
    )
}  # fmt: skip

Spec = dict[str, Any]


def node(name: str, kind: str, **config: Any) -> Spec:
    """A node of a document."""
    return {"id": name, "type": kind, "config": config}


def edge(source: str, target: str, port: str = "out") -> Spec:
    """An edge of a document."""
    return {"source": source, "target": target, "port": port}


def compiled(nodes: list[Spec], edges: list[Spec], kind: str = "workflow") -> engine.Graph:
    """A graph that begins with a start node."""
    document = {"version": "flywheel/v1", "kind": kind, "name": "bench", "limits": LIMITS}
    start = node("start", "start", inputs=[{"name": "q"}])
    return engine.compile(dsl.parse({**document, "nodes": [start, *nodes], "edges": edges}), CATALOGUE)


def end(reference: str) -> Spec:
    """An end with one output."""
    return node("end", "end", outputs=[{"name": "r", "value": reference}])


RUN_ID = "00000000-0000-7000-8000-000000000001"


async def outputs(graph: engine.Graph, *, run_id: str = RUN_ID, **options: Any) -> dict[str, Any]:
    """Run a graph, read all of its events, give its outputs."""
    run = Run(graph, run_id=run_id, inputs={"q": "in"}, **options)
    last = None
    async for event in run.events():
        last = event
    assert last is not None
    assert last.type == "run.completed", last
    found: dict[str, Any] = last.data["outputs"]
    return found


def linear(count: int, kind: str = "plain") -> engine.Graph:
    """A chain."""
    nodes, edges, before, reference = [], [], "start", "$.start.q"
    for index in range(count):
        nodes.append(node(f"n{index}", kind, s=reference))
        edges.append(edge(before, f"n{index}"))
        before, reference = f"n{index}", f"$.n{index}.output"
    return compiled([*nodes, end(reference)], [*edges, edge(before, "end")])


def check(found: dict[str, Any]) -> None:
    """Whether a chain has come out right."""
    assert found["r"].endswith("x"), found


def chain(count: int, kind: str = "plain") -> Job:
    """A chain of nodes, each working on what the one before it left."""
    return Job(count, lambda: linear(count, kind), lambda graph: check(arun(outputs(graph))))


def fan() -> Job:
    """One node, a hundred after it, and one that joins them."""

    def build() -> engine.Graph:
        leaves = [f"l{index}" for index in range(FAN)]
        nodes = [
            node("root", "plain", s="$.start.q"),
            *(node(leaf, "plain", s="$.root.output") for leaf in leaves),
        ]
        nodes += [node("join", "join", parts=[f"$.{leaf}.output" for leaf in leaves]), end("$.join.count")]
        edges = [edge("start", "root"), *(edge("root", leaf) for leaf in leaves)]
        edges += [*(edge(leaf, "join") for leaf in leaves), edge("join", "end")]
        return compiled(nodes, edges)

    def run(graph: engine.Graph) -> None:
        assert arun(outputs(graph))["r"] == FAN

    return Job(FAN + 2, build, run)


def diamond() -> Job:
    """Twenty times: a condition, two branches of two nodes of which one is skipped, a join."""

    def build() -> engine.Graph:
        nodes, edges = [node("n0", "plain", s="$.start.q")], [edge("start", "n0")]
        before, reference = "n0", "$.n0.output"
        for d in range(DIAMONDS):
            nodes += [
                node(f"if{d}", "if_else", when={"left": reference, "op": "not_empty"}),
                node(f"a1{d}", "plain", s=reference),
                node(f"a2{d}", "plain", s=f"$.a1{d}.output"),
                node(f"b1{d}", "plain", s=reference),
                node(f"b2{d}", "plain", s=f"$.b1{d}.output"),
                node(f"j{d}", "join", parts=[f"$.a2{d}.output", f"$.b2{d}.output"]),
            ]
            edges += [
                edge(before, f"if{d}"),
                edge(f"if{d}", f"a1{d}", "then"),
                edge(f"a1{d}", f"a2{d}"),
                edge(f"if{d}", f"b1{d}", "else"),
                edge(f"b1{d}", f"b2{d}"),
                edge(f"a2{d}", f"j{d}"),
                edge(f"b2{d}", f"j{d}"),
            ]
            before, reference = f"j{d}", f"$.j{d}.output"
        return compiled([*nodes, end(reference)], [*edges, edge(before, "end")])

    return Job(1 + DIAMONDS * 4, build, lambda graph: check(arun(outputs(graph))))


def loop() -> Job:
    """A loop of a thousand rounds of three nodes; the text goes from round to round."""

    def build() -> engine.Graph:
        body = {
            "nodes": [
                node("a", "plain", s="$.start.q"),
                node("b", "plain", s="$.a.output"),
                node("c", "plain", s="$.b.output"),
            ],
            "edges": [edge("a", "b"), edge("b", "c")],
        }
        rounds = {**node("loop", "loop", count=ROUNDS), "body": body}
        return compiled([rounds, end("$.loop.rounds")], [edge("start", "loop"), edge("loop", "end")])

    def run(graph: engine.Graph) -> None:
        assert arun(outputs(graph))["r"] == ROUNDS

    return Job(ROUNDS * 3, build, run)


def concurrent() -> Job:
    """Two hundred runs at once, of ten nodes that wait 10 ms each."""

    def run(graph: engine.Graph) -> None:
        async def everything() -> None:
            for found in await asyncio.gather(*(outputs(graph) for _ in range(RUNS))):
                check(found)

        arun(everything())

    return Job(RUNS * RUN_NODES, lambda: linear(RUN_NODES, "nap"), run)


def stream() -> Job:
    """Two thousand tokens, from a node through an answer that quotes it to the reader of the events."""

    def build() -> engine.Graph:
        nodes = [node("llm", "tokens"), node("answer", "answer", answer="{{ llm.text }}")]
        return compiled(nodes, [edge("start", "llm"), edge("llm", "answer")], "chatflow")

    def run(graph: engine.Graph) -> None:
        async def read() -> int:
            pieces = 0
            async for event in Run(graph, run_id="1", inputs={"q": "in"}).events():
                if event.type == "text.delta":
                    pieces += 1
            assert event.data["outputs"]["answer"] == "tok " * TOKENS
            return pieces

        assert arun(read()) == TOKENS

    return Job(1, build, run)


CASES = {
    "chain10": lambda: chain(10),
    "chain100": lambda: chain(100),
    "chain1000": lambda: chain(1000),
    "chain1000_coroutines": lambda: chain(1000, "coroutine"),
    "fan100": fan,
    "diamond20": diamond,
    "loop1000": loop,
    "concurrent": concurrent,
    "stream": stream,
}
