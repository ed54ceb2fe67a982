"""Flywheel's engine on its ledger: every event of a run committed to PostgreSQL before the run reports it."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import django

django.setup()

from harness import RUN_NODES, RUNS, Job, arun  # noqa: E402 - after Django
from ours import PEER, check, linear, outputs  # noqa: E402 - after Django

from apps.core.streams import Stream, StreamHub  # noqa: E402 - after Django
from apps.workflows.engine import Graph  # noqa: E402 - after Django
from apps.workflows.runner.journal import LedgerJournal  # noqa: E402 - after Django

__all__ = ["CASES", "PEER"]


class BenchJournal(LedgerJournal):
    """The product's journal. It keeps a run's last event for the transaction that closes the run; here it is alone."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream)
        self.stream = stream

    async def barrier(self) -> None:
        """Return when everything is committed, the last event too."""
        if self.last is not None:
            self.stream.put(*self.last)
            self.last = None
        await super().barrier()


async def durable_outputs(hub: StreamHub, graph: Graph) -> dict[str, Any]:
    """Run a graph on a stream of its own."""
    run_id = uuid.uuid4()
    return await outputs(graph, run_id=str(run_id), journal=BenchJournal(hub.open(run_id)))


def job(count: int, kind: str, work: Callable[[StreamHub, Graph], Awaitable[None]], runs: int = 1) -> Job:
    """A chain, run by `work` on one hub that is kept, and read back once."""
    hubs: list[StreamHub] = []

    async def run(graph: Graph) -> None:
        if not hubs:
            hubs.append(StreamHub(os.environ["BENCH_DATABASE"]))
        await work(hubs[0], graph)

    return Job(count * runs, lambda: linear(count, kind), lambda graph: arun(run(graph)))


async def one(hub: StreamHub, graph: Graph) -> None:
    """One run."""
    check(await durable_outputs(hub, graph))


async def many(hub: StreamHub, graph: Graph) -> None:
    """Many at once."""
    for found in await asyncio.gather(*(durable_outputs(hub, graph) for _ in range(RUNS))):
        check(found)


CASES = {
    "durable_chain100": lambda: job(100, "plain", one),
    "durable_chain100_effects": lambda: job(100, "durable", one),
    "durable_concurrent": lambda: job(RUN_NODES, "nap", many, RUNS),
}
