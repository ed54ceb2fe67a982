"""The child side of `benchmarks/engine.py`: the cases of one contestant, in a process of its own.

    python harness.py <module>

A contestant is a module beside this one with `PEER` (its name and version) and `CASES`, a dict of functions that make a
`Job`. For each line ``<case> <repetitions> <seconds>`` read it prints a line ``JSON {...}`` with the seconds of every
repetition, so that contestants can take turns without being imported again.
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
    """Run a case until it has been run often or long enough.

    A first run warms up and isn't counted, unless it took all of the time by itself.
    """
    job = module.CASES[case]()
    graph = job.build()
    cpu: list[float] = []
    wall: list[float] = []
    began = time.perf_counter()
    for repetition in range(repetitions + 1):
        if repetition and not job.reuse:
            graph = job.build()
        gc.collect()
        wall_from, cpu_from = time.perf_counter(), cpu_s()
        job.run(graph)
        cpu.append(cpu_s() - cpu_from)
        wall.append(time.perf_counter() - wall_from)
        if time.perf_counter() - began > budget_s:
            break
    counted = slice(1, None) if len(cpu) > 1 else slice(None)
    return {"nodes": job.nodes, "cpu": cpu[counted], "wall": wall[counted]}


def answer(module: Any, line: str, import_mb: float) -> dict[str, Any]:
    """What one line asks for."""
    case, repetitions, budget_s = line.split()
    if case not in module.CASES:
        return {"missing": True}
    try:
        figures = measure(module, case, int(repetitions), float(budget_s))
    except Exception as error:  # noqa: BLE001 - told to the other side, which goes on with the next case
        return {"error": repr(error)[:300]}
    return {"peer": module.PEER, **figures, "import_mb": import_mb, "peak_mb": megabytes("VmHWM")}


def main() -> None:
    """Measure what is asked for and print."""
    before = megabytes("VmRSS")
    module = importlib.import_module(sys.argv[1])
    import_mb = megabytes("VmRSS") - before
    for line in sys.stdin:
        print("JSON " + json.dumps(answer(module, line, import_mb)), flush=True)


if __name__ == "__main__":
    # modules beside this one import it by name: let them find this very module
    sys.modules["harness"] = sys.modules["__main__"]
    main()
