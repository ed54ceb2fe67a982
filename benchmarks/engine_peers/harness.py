"""The child side of `benchmarks/engine.py`: runs one case of one contestant in a process of its own.

    python harness.py <module> <case> <repetitions> <seconds>

A contestant is a module beside this one with `PEER` (its name and version) and `CASES`, a dict of functions that make a
`Job`. The last line printed is ``JSON {...}`` with the seconds of every repetition.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import resource
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: The shapes, the same for everybody.
FAN = 100
DIAMONDS = 20
ROUNDS = 1000
RUNS, RUN_NODES, NAP_S = 200, 10, 0.010
TOKENS = 2000


def work(text: str) -> str:
    """What every node does."""
    return text[-31:] + "x"


@dataclass
class Job:
    """A case: `build` makes a graph (not counted), `run` executes it and checks the result.

    nodes: executions of nodes in one run. reuse: whether a graph may be run again.
    """

    nodes: int
    build: Callable[[], Any]
    run: Callable[[Any], Any]
    reuse: bool = True


_loop: asyncio.AbstractEventLoop | None = None


def arun(work: Coroutine[Any, Any, Any]) -> Any:
    """Run on one event loop that is kept, as a server's would be."""
    global _loop  # noqa: PLW0603 - one loop per process
    if _loop is None:
        _loop = asyncio.new_event_loop()
        asyncio.set_event_loop(_loop)
    return _loop.run_until_complete(work)


def cpu_s() -> float:
    """User and system time of this process and its threads."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def megabytes(key: str) -> float:
    """A figure of /proc/self/status (VmRSS, VmHWM)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) / 1024
    return 0.0


def measure(module: Any, case: str, repetitions: int, budget_s: float) -> dict[str, Any]:
    """Run a case until it has been run often or long enough; the first run warms up and is not counted."""
    job = module.CASES[case]()
    graph = job.build()
    job.run(graph)
    cpu, wall = [], []
    began = time.perf_counter()
    while len(cpu) < repetitions and (not cpu or time.perf_counter() - began < budget_s):
        if not job.reuse:
            graph = job.build()
        gc.collect()
        wall_from, cpu_from = time.perf_counter(), cpu_s()
        job.run(graph)
        cpu.append(cpu_s() - cpu_from)
        wall.append(time.perf_counter() - wall_from)
    return {"nodes": job.nodes, "cpu": cpu, "wall": wall}


def main() -> None:
    """Measure and print."""
    name, case, repetitions, budget_s = sys.argv[1:5]
    before = megabytes("VmRSS")
    module = importlib.import_module(name)
    imported = megabytes("VmRSS")
    figures = measure(module, case, int(repetitions), float(budget_s))
    memory = {"import_mb": imported - before, "peak_mb": megabytes("VmHWM")}
    print("JSON " + json.dumps({"peer": module.PEER, "case": case, **figures, **memory}), flush=True)


if __name__ == "__main__":
    # modules beside this one import it by name: let them find this very module
    sys.modules["harness"] = sys.modules["__main__"]
    main()
