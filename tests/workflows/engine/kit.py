"""Node types and helpers of the engine's tests."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

from apps.workflows import dsl, engine
from apps.workflows.dsl.dynamic import DynamicAny, DynamicText
from apps.workflows.dsl.nodetype import Output, Port
from apps.workflows.engine import (
    Event,
    Node,
    NodeConfig,
    NodeContext,
    NodeError,
    Ports,
    Result,
    Run,
    RunState,
    Wait,
)
from apps.workflows.nodes import registry


class Lab:
    """What test nodes do outside of the run: effects by path, failures still to come, waits to be let go."""

    def __init__(self) -> None:
        self.effects: list[str] = []
        self.keys: dict[str, set[str]] = {}
        self.tries: dict[str, int] = {}
        self.gates: dict[str, asyncio.Event] = {}
        self.cancelled: list[str] = []
        self.running = 0
        self.most = 0

    def effect(self, ctx: NodeContext) -> None:
        """Note that a node had its effect."""
        self.effects.append(ctx.path)
        self.keys.setdefault(ctx.path, set()).add(ctx.idempotency_key)

    def gate(self, name: str) -> asyncio.Event:
        """What a node waits for."""
        return self.gates.setdefault(name, asyncio.Event())


def lab(ctx: NodeContext) -> Lab:
    """The lab a node works in."""
    found: Lab = ctx.ports.extra["lab"]
    return found


class WorkConfig(NodeConfig):
    """What a working node reads and does.

    fails: tries that fail before one goes well (-1: all); seconds: how long it takes (coroutine nodes only);
    text: what it says. ports: ways out, of which it takes the one its text chooses.
    """

    reads: list[DynamicAny] = []
    fails: int = 0
    retryable: bool = True
    seconds: float = 0
    gate: str = ""
    stubborn_s: float = 0
    tokens: int = 0
    cost: str = "0"
    size: int = 0
    say: list[str] = []
    ports: list[str] = ["out"]


def text_of(reads: Iterable[Any], node: str) -> str:
    """What a working node makes of what it reads: short, and different for each."""
    joined = "+".join("-" if value is None else dsl.types.text(value) for value in reads)
    return f"{node}({joined})"[-60:]


def chosen(ports: list[str], text: str) -> str:
    """The way out that a text chooses."""
    return ports[sum(text.encode()) % len(ports)]


class Plain(Node[WorkConfig]):
    """Works in place."""

    type = "work"
    title = "Work"
    Config = WorkConfig
    text_output = "text"

    @classmethod
    def ports(cls, config: Any) -> tuple[Port, ...]:
        return tuple(Port(name) for name in config.ports)

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        return {"text": Output("string")}

    def done(self, ctx: NodeContext, config: WorkConfig) -> Result:
        world = lab(ctx)
        if config.tokens or config.cost != "0":
            ctx.use(input_tokens=config.tokens, cost=config.cost)
        tries = world.tries[ctx.path] = world.tries.get(ctx.path, 0) + 1
        if config.fails < 0 or tries <= config.fails:
            raise NodeError("It failed.", code="test", retryable=config.retryable)
        world.effect(ctx)
        text = "x" * config.size or text_of(config.reads, ctx.node_id)
        return Result({"text": text}, chosen(config.ports, text))

    def run(self, ctx: NodeContext, config: WorkConfig) -> Any:
        return self.done(ctx, config)


class Slow(Plain):
    """Works in a task: waits, says what it has to say, obeys its cancellation or not."""

    type = "slow"
    effects = True

    async def run(self, ctx: NodeContext, config: WorkConfig) -> Result:
        world = lab(ctx)
        world.running += 1
        world.most = max(world.most, world.running)
        try:
            for piece in config.say:
                ctx.text(piece)
                await asyncio.sleep(0)
            if config.gate:
                await world.gate(config.gate).wait()
            await asyncio.sleep(config.seconds)
        except asyncio.CancelledError:
            world.cancelled.append(ctx.path)
            if config.stubborn_s:
                await asyncio.sleep(config.stubborn_s)
            raise
        finally:
            world.running -= 1
        result = self.done(ctx, config)
        if config.say:
            result.outputs["text"] = "".join(config.say)
        return result


class AskConfig(NodeConfig):
    """A question."""

    question: DynamicText = "?"
    expires_s: float | None = None
    again: bool = False


class Ask(Node[AskConfig]):
    """Waits for an answer; with `again`, for a second one."""

    type = "ask"
    title = "Ask"
    Config = AskConfig

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        return {"text": Output("string")}

    def run(self, ctx: NodeContext, config: AskConfig) -> Wait:
        return Wait("question", {"question": config.question}, config.expires_s, {"round": 1})

    def resume(
        self, ctx: NodeContext, config: AskConfig, state: dict[str, Any], answer: dict[str, Any]
    ) -> Result | Wait:
        if answer.get("timeout"):
            return Result({"text": "timeout"})
        if config.again and state["round"] == 1:
            return Wait("question", {"question": "Really?"}, state={"round": 2})
        lab(ctx).effect(ctx)
        return Result({"text": answer["text"]})


CATALOGUE: dict[str, Any] = {**registry.catalogue(), **{kind.type: kind for kind in (Plain, Slow, Ask)}}


def node(name: str, kind: str = "work", *, body: Any = None, **config: Any) -> dict[str, Any]:
    """A node of a document. `retry`, `timeout_s` and `on_error` are options of the node, the rest its configuration."""
    options = {key: config.pop(key) for key in ("retry", "timeout_s", "on_error", "title") if key in config}
    found = {"id": name, "type": kind, "config": config, **options}
    if body is not None:
        found["body"] = {"nodes": body[0], "edges": edges(*body[1:])}
    return found


def edges(*chains: str) -> list[dict[str, str]]:
    """Edges as text: ``a > b > c``, with a port ``if:then > b``."""
    found = []
    for chain in chains:
        names = [name.strip() for name in chain.split(">")]
        for before, target in pairwise(names):
            source, _, port = before.partition(":")
            found.append({"source": source, "target": target.partition(":")[0], "port": port or "out"})
    return found


def graph(nodes: list[dict[str, Any]], *chains: str, **options: Any) -> engine.Graph:
    """A compiled workflow of these nodes, with a start node called `start` unless there is one."""
    if not any(each["type"] == "start" for each in nodes):
        nodes = [node("start", "start"), *nodes]
    document = {"version": "flywheel/v1", "kind": "workflow", "name": "test", "nodes": nodes, **options}
    return engine.compile(dsl.parse({**document, "edges": edges(*chains)}), CATALOGUE)


def prepare(compiled: engine.Graph, *, world: Lab | None = None, run_id: str = "run", **options: Any) -> Run:
    """A run in a lab."""
    ports = options.pop("ports", None) or Ports()
    ports.extra["lab"] = world or Lab()
    return Run(compiled, run_id=run_id, ports=ports, **options)


async def read(run: Run, answers: Mapping[str, Mapping[str, Any]] | None = None) -> list[Event]:
    """All events of a run; waits are answered from `answers`, by path."""
    found: list[Event] = []
    while True:
        async for event in run.events():
            found.append(event)
        if event.type != "run.waiting" or answers is None:
            return found
        for wait in event.data["waits"]:
            run.answer(wait["wait"], answers[wait["wait"]])


async def play(compiled: engine.Graph, **options: Any) -> list[Event]:
    """Run a workflow in memory."""
    answers = options.pop("answers", None)
    return await read(prepare(compiled, **options), answers)


async def resume(compiled: engine.Graph, events: Iterable[Event], **options: Any) -> list[Event]:
    """Go on with a run from its events."""
    answers = options.pop("answers", None)
    return await read(prepare(compiled, state=RunState.from_events(compiled, events), **options), answers)


def types(events: Iterable[Event]) -> list[str]:
    """Their types."""
    return [event.type for event in events]


def paths(events: Iterable[Event], kind: str) -> list[str]:
    """The paths of the events of one type."""
    return [event.data["path"] for event in events if event.type == kind]


def said(events: Iterable[Event]) -> str:
    """The answer as a watcher has it."""
    text = ""
    for event in events:
        if event.type == "text.delta":
            text += event.data["text"]
        elif event.type == "text.reset":
            text = text[: event.data["length"]]
    return text
