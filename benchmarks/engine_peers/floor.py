"""Not a peer: the least that a program can do for the same work, with nothing of what an engine is for.

One task per run, counters of edges, a queue of what is ready. It is the physical reference beside the table.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from harness import DIAMONDS, FAN, NAP_S, ROUNDS, RUN_NODES, RUNS, TOKENS, Job, arun, work

PEER = "floor"

Edge = tuple[int, int, str | None]


class Graph:
    """Functions and who follows whom."""

    def __init__(self, functions: list[Callable[[list[str]], Any]], edges: list[Edge]) -> None:
        self.functions = functions
        self.following: list[list[tuple[int, str | None]]] = [[] for _ in functions]
        self.incoming = [0] * len(functions)
        for source, target, port in edges:
            self.following[source].append((target, port))
            self.incoming[target] += 1


async def execute(graph: Graph, text: str) -> str:
    """Run everything that is reached, one after the other."""
    left = graph.incoming[:]
    inbox: list[list[str]] = [[] for _ in left]
    inbox[0].append(text)
    ready = deque([0])
    last = text
    while ready:
        index = ready.popleft()
        result = None
        if inbox[index]:
            result = graph.functions[index](inbox[index])
            if asyncio.iscoroutine(result):
                result = await result
            last = result[0]
        for target, port in graph.following[index]:
            if result is not None and port in {None, result[1]}:
                inbox[target].append(result[0])
            left[target] -= 1
            if not left[target]:
                ready.append(target)
    return last


def body(texts: list[str]) -> tuple[str, str | None]:
    """Work."""
    return work(texts[0]), None


async def nap(texts: list[str]) -> tuple[str, str | None]:
    """Wait and work."""
    await asyncio.sleep(NAP_S)
    return work(texts[0]), None


def check(text: str) -> None:
    """Whether it has come out right."""
    assert text.endswith("x"), text


def line(count: int, function: Callable[[list[str]], Any] = body) -> Graph:
    """A chain."""
    return Graph([function] * count, [(index, index + 1, None) for index in range(count - 1)])


def chain(count: int) -> Job:
    """A chain of nodes."""
    return Job(count, lambda: line(count), lambda graph: check(arun(execute(graph, "in"))))


def fan() -> Job:
    """One, a hundred, one."""

    def join(texts: list[str]) -> tuple[str, str | None]:
        assert len(texts) == FAN
        return texts[-1], None

    leaves = range(1, FAN + 1)
    edges: list[Edge] = [(0, leaf, None) for leaf in leaves] + [(leaf, FAN + 1, None) for leaf in leaves]
    graph = Graph([body] * (FAN + 1) + [join], edges)
    return Job(FAN + 2, lambda: graph, lambda graph: check(arun(execute(graph, "in"))))


def diamond() -> Job:
    """Twenty conditions with two branches each."""
    functions: list[Any] = [body]
    edges: list[Edge] = []
    before = 0
    for _ in range(DIAMONDS):
        first = len(functions)
        functions += [lambda texts: (texts[0], "then"), body, body, body, body, body]
        edges += [(before, first, None), (first, first + 1, "then"), (first + 1, first + 2, None)]
        edges += [(first, first + 3, "else"), (first + 3, first + 4, None)]
        edges += [(first + 2, first + 5, None), (first + 4, first + 5, None)]
        before = first + 5
    graph = Graph(functions, edges)
    return Job(1 + DIAMONDS * 4, lambda: graph, lambda graph: check(arun(execute(graph, "in"))))


def loop() -> Job:
    """A chain of three, a thousand times."""

    async def rounds(graph: Graph) -> str:
        text = "in"
        for _ in range(ROUNDS):
            text = await execute(graph, text)
        return text

    return Job(ROUNDS * 3, lambda: line(3), lambda graph: check(arun(rounds(graph))))


def concurrent() -> Job:
    """Many chains that wait."""

    async def everything(graph: Graph) -> None:
        for text in await asyncio.gather(*(execute(graph, "in") for _ in range(RUNS))):
            check(text)

    return Job(RUNS * RUN_NODES, lambda: line(RUN_NODES, nap), lambda graph: arun(everything(graph)))


def stream() -> Job:
    """Tokens through a queue."""

    async def read() -> int:
        queue: asyncio.Queue[dict[str, str] | None] = asyncio.Queue()

        async def say() -> None:
            for _ in range(TOKENS):
                queue.put_nowait({"type": "text.delta", "text": "tok "})
                await asyncio.sleep(0)
            queue.put_nowait(None)

        task = asyncio.ensure_future(say())
        count = 0
        while await queue.get() is not None:
            count += 1
        await task
        return count

    def run(_: Any) -> None:
        assert arun(read()) == TOKENS

    return Job(1, lambda: None, run)


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
