"""graphon: the engine of Dify as a library. Nodes hold the state of a run, so every run needs its own graph."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Any

from graphon.engine import Engine
from graphon.entities.base_node_data import BaseNodeData
from graphon.enums import WorkflowNodeExecutionStatus
from graphon.graph.graph import Graph
from graphon.node_events.base import NodeRunResult
from graphon.node_events.node import StreamChunkEvent, StreamCompletedEvent
from graphon.nodes.answer.answer_node import AnswerNode
from graphon.nodes.base.node import Node
from graphon.nodes.end.end_node import EndNode
from graphon.nodes.if_else.if_else_node import IfElseNode
from graphon.nodes.loop.loop_node import LoopNode
from graphon.nodes.loop.loop_start_node import LoopStartNode
from graphon.nodes.start.start_node import StartNode
from graphon.runtime.init_params import InitParams
from graphon.runtime.runtime_state import RuntimeState
from graphon.runtime.variable_pool import VariablePool
from harness import DIAMONDS, FAN, NAP_S, ROUNDS, RUN_NODES, RUNS, TOKENS, Job, work

PEER = f"graphon {version('graphon')}"

OK = WorkflowNodeExecutionStatus.SUCCEEDED
Spec = dict[str, Any]


class TextData(BaseNodeData):
    """Where the text comes from."""

    type: str = "bench-text"
    src: list[str]
    nap: float = 0


class JoinData(BaseNodeData):
    """Where the texts come from."""

    type: str = "bench-join"
    srcs: list[list[str]]


class TokenData(BaseNodeData):
    """Nothing to configure."""

    type: str = "bench-tokens"


class Bench:
    """What our nodes have in common."""

    @classmethod
    def version(cls) -> str:
        """Of the node."""
        return "1"

    def value(self, selector: list[str]) -> Any:
        """A variable; None when it was not set."""
        found = self.runtime_state.variable_pool.get(selector)  # type: ignore[attr-defined]  # a mixin of nodes
        return None if found is None else found.to_object()


class TextNode(Bench, Node[TextData]):
    """Waits, perhaps, and works."""

    node_type = "bench-text"

    def _run(self) -> NodeRunResult:
        text = self.value(self.node_data.src)
        if self.node_data.nap:
            time.sleep(self.node_data.nap)
        return NodeRunResult(status=OK, inputs={"s": text}, outputs={"output": work(text)})


class JoinNode(Bench, Node[JoinData]):
    """Takes what branches left."""

    node_type = "bench-join"

    def _run(self) -> NodeRunResult:
        found = [text for selector in self.node_data.srcs if (text := self.value(selector)) is not None]
        return NodeRunResult(status=OK, inputs={}, outputs={"output": found[-1], "n": len(found)})


class TokenNode(Bench, Node[TokenData]):
    """Says tokens."""

    node_type = "bench-tokens"

    def _run(self) -> Any:
        for _ in range(TOKENS):
            yield StreamChunkEvent(selector=[self._node_id, "text"], chunk="tok ", is_final=False)
        yield StreamChunkEvent(selector=[self._node_id, "text"], chunk="", is_final=True)
        result = NodeRunResult(status=OK, outputs={"text": "tok " * TOKENS})
        yield StreamCompletedEvent(node_run_result=result)


KINDS = {
    kind.node_type: kind
    for kind in (
        TextNode, JoinNode, TokenNode, StartNode, EndNode, AnswerNode, IfElseNode, LoopNode, LoopStartNode
    )
}  # fmt: skip


class Factory:
    """Makes nodes, as the host of the library must."""

    def __init__(self, params: Any, state: Any) -> None:
        self.params, self.state = params, state

    def with_runtime_state(self, state: Any) -> Factory:
        """For a child engine."""
        return Factory(self.params, state)

    def with_graph_config(self, config: Any) -> Factory:
        """For a child graph."""
        return Factory(self.params.model_copy(update={"graph_config": config}), self.state)

    def validate_node(self, config: Any) -> Any:
        """Check a node."""
        kind = KINDS[config["data"].type]
        kind.validate_node_data(config["data"])
        return kind.execution_type

    def create_node(self, config: Any) -> Any:
        """Make a node."""
        kind = KINDS[config["data"].type]
        return kind(
            node_id=config["id"],
            data=kind.validate_node_data(config["data"]),
            init_params=self.params,
            runtime_state=self.state,
        )


def engine(config: Spec) -> Any:
    """An engine with a graph, ready to run once."""
    pool = VariablePool()
    pool.add(["start", "q"], "in")
    params = InitParams(workflow_id="w", graph_config=config, run_context={}, call_depth=0)
    state = RuntimeState(variable_pool=pool, start_at=time.time(), workflow_id="w")
    graph = Graph.init(graph_config=config, node_factory=Factory(params, state), root_node_id="start")
    return Engine(graph=graph, runtime_state=state)


def node(name: str, kind: str, **data: Any) -> Spec:
    """A node."""
    return {"id": name, "data": {"type": kind, **data}}


def edge(source: str, target: str, handle: str = "source") -> Spec:
    """An edge."""
    return {"source": source, "target": target, "sourceHandle": handle}


START = node("start", "start", variables=[])


def end(selector: list[str]) -> Spec:
    """An end with one output."""
    return node("end", "end", outputs=[{"variable": "r", "value_selector": selector}])


def outputs(ready: Any) -> Any:
    """Run, read all events, give the output."""
    for event in ready.run():
        last = event
    assert type(last).__name__ == "GraphRunSucceededEvent", last
    return last.outputs["r"]


def line(count: int, nap: float = 0) -> Spec:
    """A chain."""
    nodes, edges, before, selector = [START], [], "start", ["start", "q"]
    for index in range(count):
        nodes.append(node(f"n{index}", "bench-text", src=selector, nap=nap))
        edges.append(edge(before, f"n{index}"))
        before, selector = f"n{index}", [f"n{index}", "output"]
    return {"nodes": [*nodes, end(selector)], "edges": [*edges, edge(before, "end")]}


def check(text: str) -> None:
    """Whether it has come out right."""
    assert text.endswith("x"), text


def job(config: Spec, nodes: int, wanted: Any = None) -> Job:
    """A job whose output is a text, or what is wanted."""

    def run(ready: Any) -> None:
        found = outputs(ready)
        assert found == wanted if wanted is not None else found.endswith("x"), found

    return Job(nodes, lambda: engine(config), run, reuse=False)


def fan() -> Job:
    """One, a hundred, one."""
    leaves = [f"l{index}" for index in range(FAN)]
    nodes = [START, node("root", "bench-text", src=["start", "q"])]
    nodes += [node(leaf, "bench-text", src=["root", "output"]) for leaf in leaves]
    nodes += [node("join", "bench-join", srcs=[[leaf, "output"] for leaf in leaves]), end(["join", "n"])]
    edges = [edge("start", "root"), *(edge("root", leaf) for leaf in leaves)]
    edges += [*(edge(leaf, "join") for leaf in leaves), edge("join", "end")]
    return job({"nodes": nodes, "edges": edges}, FAN + 2, FAN)


def diamond() -> Job:
    """Twenty conditions with two branches each."""
    nodes, edges = [START, node("n0", "bench-text", src=["start", "q"])], [edge("start", "n0")]
    before, selector = "n0", ["n0", "output"]
    for d in range(DIAMONDS):
        condition = {"variable_selector": selector, "comparison_operator": "not empty", "value": ""}
        case = {"case_id": "true", "logical_operator": "and", "conditions": [condition]}
        nodes += [
            node(f"if{d}", "if-else", cases=[case]),
            node(f"a1{d}", "bench-text", src=selector),
            node(f"a2{d}", "bench-text", src=[f"a1{d}", "output"]),
            node(f"b1{d}", "bench-text", src=selector),
            node(f"b2{d}", "bench-text", src=[f"b1{d}", "output"]),
            node(f"j{d}", "bench-join", srcs=[[f"a2{d}", "output"], [f"b2{d}", "output"]]),
        ]
        edges += [edge(before, f"if{d}"), edge(f"if{d}", f"a1{d}", "true"), edge(f"a1{d}", f"a2{d}")]
        edges += [edge(f"if{d}", f"b1{d}", "false"), edge(f"b1{d}", f"b2{d}")]
        edges += [edge(f"a2{d}", f"j{d}"), edge(f"b2{d}", f"j{d}")]
        before, selector = f"j{d}", [f"j{d}", "output"]
    return job({"nodes": [*nodes, end(selector)], "edges": [*edges, edge(before, "end")]}, 1 + DIAMONDS * 4)


def loop() -> Job:
    """A loop node with a body of three."""
    inner = {"loop_id": "loop", "container_id": "loop"}
    options = {"start_node_id": "ls", "loop_count": ROUNDS, "break_conditions": [], "logical_operator": "and"}
    nodes = [
        START,
        node("loop", "loop", loop_variables=[], **options),
        node("ls", "loop-start", **inner),
        node("a", "bench-text", src=["start", "q"], **inner),
        node("b", "bench-text", src=["a", "output"], **inner),
        node("c", "bench-text", src=["b", "output"], **inner),
        end(["loop", "loop_round"]),
    ]
    edges = [edge("start", "loop"), edge("loop", "end"), edge("ls", "a"), edge("a", "b"), edge("b", "c")]
    return job({"nodes": nodes, "edges": edges}, ROUNDS * 3, ROUNDS)


def concurrent() -> Job:
    """Many chains that wait; a thread for each, since the engine blocks its own."""
    config = line(RUN_NODES, NAP_S)

    def run(_: Any) -> None:
        with ThreadPoolExecutor(RUNS) as pool:
            for text in pool.map(lambda _: outputs(engine(config)), range(RUNS)):
                check(text)

    return Job(RUNS * RUN_NODES, lambda: None, run)


def stream() -> Job:
    """Tokens through an answer that quotes them."""
    nodes = [START, node("llm", "bench-tokens"), node("answer", "answer", answer="{{#llm.text#}}")]
    config = {"nodes": nodes, "edges": [edge("start", "llm"), edge("llm", "answer")]}

    def run(ready: Any) -> None:
        pieces = 0
        for event in ready.run():
            pieces += type(event).__name__ == "NodeRunStreamChunkEvent" and bool(event.chunk)
        assert type(event).__name__ == "GraphRunSucceededEvent", event
        assert pieces >= TOKENS, pieces

    return Job(1, lambda: engine(config), run, reuse=False)


CASES = {
    "chain10": lambda: job(line(10), 10),
    "chain100": lambda: job(line(100), 100),
    "chain1000": lambda: job(line(1000), 1000),
    "fan100": fan,
    "diamond20": diamond,
    "loop1000": loop,
    "concurrent": concurrent,
    "stream": stream,
}
