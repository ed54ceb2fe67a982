"""Haystack: an asynchronous pipeline of components; its streaming callback for tokens."""

from __future__ import annotations

import asyncio
import os
from importlib.metadata import version
from typing import Any

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"

from harness import DIAMONDS, FAN, NAP_S, ROUNDS, RUN_NODES, RUNS, TOKENS, Job, arun, work
from haystack import Pipeline, component
from haystack.core.component.types import Variadic
from haystack.dataclasses import StreamingChunk

try:
    from haystack import AsyncPipeline
except ImportError:  # one class for both in newer releases
    AsyncPipeline = Pipeline

PEER = f"haystack {version('haystack-ai')}"

# the library reads the annotations of `run`: they must be types, which `from __future__` makes texts of
_IN = {"s": str, "return": dict}


def typed(annotations: dict[str, Any]) -> Any:
    """Give a method these annotations."""

    def mark(method: Any) -> Any:
        method.__annotations__ = annotations
        return method

    return mark


@component
class Work:
    """Works."""

    @component.output_types(s=str)
    @typed(_IN)
    def run(self, s):
        """Work."""
        return {"s": work(s)}

    @component.output_types(s=str)
    @typed(_IN)
    async def run_async(self, s):
        """Work."""
        return {"s": work(s)}


@component
class Nap:
    """Waits and works."""

    @component.output_types(s=str)
    @typed(_IN)
    def run(self, s):
        """Work."""
        return {"s": work(s)}

    @component.output_types(s=str)
    @typed(_IN)
    async def run_async(self, s):
        """Wait and work."""
        await asyncio.sleep(NAP_S)
        return {"s": work(s)}


@component
class Join:
    """Takes what came."""

    @component.output_types(s=str, n=int)
    @typed({"s": Variadic[str], "return": dict})
    def run(self, s):
        """Join."""
        found = list(s)
        return {"s": found[-1], "n": len(found)}

    @component.output_types(s=str, n=int)
    @typed({"s": Variadic[str], "return": dict})
    async def run_async(self, s):
        """Join."""
        found = list(s)
        return {"s": found[-1], "n": len(found)}


@component
class If:
    """Goes one of two ways."""

    @component.output_types(then=str, other=str)
    @typed(_IN)
    def run(self, s):
        """Choose."""
        return {"then": s}

    @component.output_types(then=str, other=str)
    @typed(_IN)
    async def run_async(self, s):
        """Choose."""
        return {"then": s}


@component
class Back:
    """Counts rounds, and leaves after the last."""

    def __init__(self) -> None:
        self.rounds = 0

    @component.output_types(more=str, done=str)
    @typed(_IN)
    def run(self, s):
        """Count."""
        self.rounds += 1
        return {"more" if self.rounds < ROUNDS else "done": work(s)}

    @component.output_types(more=str, done=str)
    @typed(_IN)
    async def run_async(self, s):
        """Count."""
        self.rounds += 1
        return {"more" if self.rounds < ROUNDS else "done": work(s)}


def line(count: int, kind: Any = Work) -> Any:
    """A chain."""
    pipeline = AsyncPipeline()
    for index in range(count):
        pipeline.add_component(f"n{index}", kind())
    for index in range(count - 1):
        pipeline.connect(f"n{index}.s", f"n{index + 1}.s")
    return pipeline


def chain(count: int) -> Job:
    """A chain of nodes."""

    def run(pipeline: Any) -> None:
        found = arun(pipeline.run_async({"n0": {"s": "in"}}))
        assert found[f"n{count - 1}"]["s"].endswith("x")

    return Job(count, lambda: line(count), run)


def fan() -> Job:
    """One, a hundred, one."""

    def build() -> Any:
        pipeline = AsyncPipeline()
        pipeline.add_component("root", Work())
        pipeline.add_component("join", Join())
        for index in range(FAN):
            pipeline.add_component(f"l{index}", Work())
            pipeline.connect("root.s", f"l{index}.s")
            pipeline.connect(f"l{index}.s", "join.s")
        return pipeline

    def run(pipeline: Any) -> None:
        assert arun(pipeline.run_async({"root": {"s": "in"}}))["join"]["n"] == FAN

    return Job(FAN + 2, build, run)


def diamond() -> Job:
    """Twenty conditions with two branches each."""

    def build() -> Any:
        pipeline = AsyncPipeline()
        pipeline.add_component("n0", Work())
        before = "n0"
        for d in range(DIAMONDS):
            pipeline.add_component(f"if{d}", If())
            pipeline.add_component(f"j{d}", Join())
            for name in ("a1", "a2", "b1", "b2"):
                pipeline.add_component(f"{name}{d}", Work())
            pipeline.connect(f"{before}.s", f"if{d}.s")
            for source, target in (("if{}.then", "a1{}"), ("a1{}.s", "a2{}"), ("a2{}.s", "j{}")):
                pipeline.connect(source.format(d), f"{target.format(d)}.s")
            for source, target in (("if{}.other", "b1{}"), ("b1{}.s", "b2{}"), ("b2{}.s", "j{}")):
                pipeline.connect(source.format(d), f"{target.format(d)}.s")
            before = f"j{d}"
        return pipeline

    def run(pipeline: Any) -> None:
        assert f"j{DIAMONDS - 1}" in arun(pipeline.run_async({"n0": {"s": "in"}}))

    return Job(1 + DIAMONDS * 4, build, run)


def loop() -> Job:
    """Three components and a connection back."""

    def build() -> Any:
        pipeline = AsyncPipeline(max_runs_per_component=ROUNDS + 10)
        pipeline.add_component("in", Join())
        pipeline.add_component("a", Work())
        pipeline.add_component("back", Back())
        pipeline.connect("in.s", "a.s")
        pipeline.connect("a.s", "back.s")
        pipeline.connect("back.more", "in.s")
        return pipeline

    def run(pipeline: Any) -> None:
        assert "done" in arun(pipeline.run_async({"in": {"s": "in"}}))["back"]

    return Job(ROUNDS * 3, build, run, reuse=False)


def concurrent() -> Job:
    """Many chains that wait."""

    async def everything(pipeline: Any) -> None:
        runs = (pipeline.run_async({"n0": {"s": "in"}}) for _ in range(RUNS))
        for found in await asyncio.gather(*runs):
            assert found[f"n{RUN_NODES - 1}"]["s"].endswith("x")

    return Job(RUNS * RUN_NODES, lambda: line(RUN_NODES, Nap), lambda pipeline: arun(everything(pipeline)))


def stream() -> Job:
    """Tokens by a callback that puts them into a queue."""
    queues: list[asyncio.Queue[Any]] = []

    @component
    class Tokens:
        """Says tokens."""

        @component.output_types(s=str)
        @typed(_IN)
        def run(self, s):
            """Nothing to say."""
            return {"s": s}

        @component.output_types(s=str)
        @typed(_IN)
        async def run_async(self, s):
            """Say."""
            for _ in range(TOKENS):
                queues[-1].put_nowait(StreamingChunk(content="tok "))
                await asyncio.sleep(0)
            return {"s": "done"}

    def build() -> Any:
        pipeline = AsyncPipeline()
        pipeline.add_component("llm", Tokens())
        return pipeline

    async def read(pipeline: Any) -> int:
        queues.append(asyncio.Queue())
        task = asyncio.ensure_future(pipeline.run_async({"llm": {"s": "in"}}))
        for _ in range(TOKENS):
            await queues[-1].get()
        await task
        return TOKENS

    def run(pipeline: Any) -> None:
        assert arun(read(pipeline)) == TOKENS

    return Job(1, build, run)


CASES = {
    "chain10": lambda: chain(10),
    "chain100": lambda: chain(100),
    "chain1000": lambda: chain(1000),
    "fan100": fan,
    "diamond20": diamond,
    "loop1000": loop,
    "concurrent": concurrent,
    "stream": stream,
}
