"""The workflow engine beside LangGraph, graphon (Dify's engine), pydantic-graph, Haystack, and the bare minimum.

    python benchmarks/engine.py [--quick] [--rounds 3] [--only chain1000,stream]

Every contestant has a process of its own in each round; they take turns at every case and check their own results. In
memory the figure is CPU time (user and system) of one run, the median of all; on PostgreSQL, where one waits for the
disk, it is wall time. Building a graph is not counted where it may be run again; graphon's and, for loops, Haystack's
can't. Peers are installed at first use, in environments outside the project.

The nodes do the same trivial work everywhere, so what is measured is the engine. Ours are plain methods, which our
engine calls in place, where the peers await coroutines; `chain1000_coroutines` shows ours with coroutines. Ours tells
the events of every node, and checks limits and sizes; peers do what each library does by itself.

The last line is for machines: the best peer's figure divided by ours.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peers import environment

ROOT = Path(__file__).resolve().parent.parent
HERE = Path(__file__).resolve().parent / "engine_peers"
sys.path.insert(0, str(ROOT))

#: Cases in memory that count, and those that are only shown.
COUNTED = ("chain1000", "fan100", "diamond20", "loop1000", "concurrent", "stream")
SHOWN = ("chain10", "chain100", "chain1000_coroutines")
DURABLE = ("durable_chain100", "durable_chain100_effects", "durable_concurrent")
PACKAGES = {
    "engine": (
        "langgraph",
        "langgraph-checkpoint-postgres",
        "psycopg[binary]",
        "pydantic-graph",
        "haystack-ai",
    ),
    "engine-graphon": ("graphon",),
}


@dataclass(frozen=True)
class Contestant:
    """Who runs: a module in `engine_peers`, and the Python it runs with."""

    name: str
    module: str
    python: Path


class Child:
    """A contestant's process, which waits for its turns."""

    def __init__(self, who: Contestant, environ: dict[str, str]) -> None:
        self.who = who
        self.process = subprocess.Popen(
            [str(who.python), "harness.py", who.module],
            cwd=HERE,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0", **environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def run(self, case: str, repetitions: int, budget_s: float) -> dict[str, Any] | None:
        """One case; None when the contestant doesn't have it, or failed."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(f"{case} {repetitions} {budget_s}\n")
            self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("JSON "):
                found: dict[str, Any] = json.loads(line[5:])
                if "error" in found:
                    print(f"{self.who.name} {case}: {found['error']}", file=sys.stderr)
                return found if "cpu" in found else None
        print(f"{self.who.name} ended with {self.process.wait()}.", file=sys.stderr)
        return None

    def close(self) -> None:
        """Let it go."""
        with contextlib.suppress(BrokenPipeError):
            self.process.communicate(timeout=20)


@contextmanager
def children(people: list[Contestant], environ: dict[str, str] | None = None) -> Iterator[list[Child]]:
    """A process for everybody, for one round."""
    found = [Child(who, environ or {}) for who in people]
    try:
        yield found
    finally:
        for child in found:
            child.close()


def contestants() -> list[Contestant]:
    """Everybody, installed."""
    ours = Path(sys.executable)
    found = [Contestant("flywheel", "ours", ours), Contestant("floor", "floor", ours)]
    libraries = environment("engine", *PACKAGES["engine"])
    names = ("langgraph", "pydantic_graph", "haystack")
    found += [Contestant(name, f"peer_{name}", libraries) for name in names]
    if (newer := newer_python()) is not None:
        python = environment("engine-graphon", *PACKAGES["engine-graphon"], interpreter=newer)
        found.append(Contestant("graphon", "peer_graphon", python))
    else:
        print("graphon needs Python 3.12 or newer, and there is none here: it is left out.", file=sys.stderr)
    return found


def newer_python() -> str | None:
    """A Python that graphon runs on."""
    if sys.version_info >= (3, 12):
        return sys.executable
    candidates = [shutil.which(f"python3.{minor}") for minor in (12, 13, 14)]
    candidates += map(str, sorted(Path.home().glob(".pyenv/versions/3.1[2-4]*/bin/python")))
    for candidate in filter(None, candidates):
        probe = [candidate, "-c", "import sys; sys.exit(sys.version_info < (3, 12))"]
        if subprocess.run(probe, check=False, capture_output=True).returncode == 0:
            return candidate
    return None


Figures = dict[tuple[str, str], list[float]]


def measure_memory(
    people: list[Contestant], options: argparse.Namespace
) -> tuple[Figures, dict[str, list[float]]]:
    """CPU milliseconds by case and contestant, and megabytes by contestant."""
    figures: Figures = {}
    memory: dict[str, list[float]] = {}
    for _ in range(options.rounds):
        with children(people) as present:
            for case in options.cases:
                for child in present:
                    found = child.run(case, options.repetitions, options.seconds)
                    if found is not None:
                        figures.setdefault((case, child.who.name), []).extend(
                            1000 * cpu for cpu in found["cpu"]
                        )
                        memory.setdefault(child.who.name, []).append(found["import_mb"])
    return figures, memory


@contextmanager
def database() -> Iterator[str]:
    """An embedded PostgreSQL with the settings of the product, the ledger's table in it; both sides use it."""
    from apps.core.postgres import EmbeddedPostgres

    folder = Path(tempfile.mkdtemp(prefix="flywheel-engine-"))
    server = EmbeddedPostgres(folder / "postgres")
    url = server.start()
    try:
        subprocess.run(
            [sys.executable, "-c", TABLE],
            cwd=ROOT,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": SETTINGS, "DATABASE_URL": url},
            check=True,
            capture_output=True,
        )
        yield url
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


SETTINGS = "config.settings.dev"
TABLE = """
import django
django.setup()
from django.db import connection
from apps.core.models import StreamEvent
with connection.schema_editor() as editor:
    editor.create_model(StreamEvent)
"""


def measure_durable(people: list[Contestant], options: argparse.Namespace) -> Figures:
    """Wall milliseconds on PostgreSQL, and of LangGraph in memory for the concurrent runs."""
    figures: Figures = {}
    ours = Contestant("flywheel", "ours_durable", Path(sys.executable))
    langgraph = next(who for who in people if who.name == "langgraph")
    turns = [("flywheel", case, case) for case in DURABLE]
    turns += [
        ("langgraph", "durable_chain100", "durable_chain100"),
        ("langgraph", "concurrent", "durable_concurrent"),
    ]
    with database() as url:
        environ = {"DATABASE_URL": url, "BENCH_DATABASE": url, "DJANGO_SETTINGS_MODULE": SETTINGS}
        for _ in range(options.rounds):
            with children([ours, langgraph], environ) as present:
                by_name = {child.who.name: child for child in present}
                for name, case, label in turns:
                    found = by_name[name].run(case, options.repetitions, options.seconds)
                    if found is not None:
                        figures.setdefault((label, name), []).extend(1000 * wall for wall in found["wall"])
    return figures


def table(title: str, names: list[str], cases: tuple[str, ...], figures: Figures) -> None:
    """Print medians."""
    print(f"\n{title}")
    print(f"{'case':26}" + "".join(f"{name:>16}" for name in names))
    for case in cases:
        cells = [
            f"{statistics.median(values):16.2f}" if (values := figures.get((case, name))) else f"{'-':>16}"
            for name in names
        ]
        if any(cell.strip() != "-" for cell in cells):
            print(f"{case:26}" + "".join(cells))


def ratio(case: str, figures: Figures) -> float | None:
    """The best peer's median divided by ours."""
    ours = figures.get((case, "flywheel"))
    others = [
        statistics.median(values)
        for (name, who), values in figures.items()
        if name == case and who not in {"flywheel", "floor"}
    ]
    return min(others) / statistics.median(ours) if ours and others else None


def arguments() -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="under a minute once the peers are installed")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", help="cases, separated by commas")
    options = parser.parse_args()
    options.repetitions, options.seconds = (3, 0.3) if options.quick else (15, 5.0)
    options.rounds = 1 if options.quick else options.rounds
    chosen = (
        options.only.split(",") if options.only else [*(() if options.quick else SHOWN), *COUNTED, *DURABLE]
    )
    options.cases = [case for case in chosen if case not in DURABLE]
    options.durable = any(case in DURABLE for case in chosen)
    return options


def main() -> None:
    """Measure everything and print."""
    options = arguments()
    people = contestants()
    figures, memory = measure_memory(people, options)
    durable = measure_durable(people, options) if options.durable else {}
    names = [who.name for who in people]
    table("In memory: CPU milliseconds of one run, median", names, (*SHOWN, *COUNTED), figures)
    table(
        "On PostgreSQL (same server, fsync on): wall milliseconds, median",
        ["flywheel", "langgraph"],
        DURABLE,
        durable,
    )
    if durable:
        print("LangGraph: chain with its PostgreSQL saver (durability sync); concurrent runs in memory.")
    print(
        "\nImport, megabytes: "
        + ", ".join(f"{name} {statistics.median(mb):.0f}" for name, mb in memory.items())
    )
    results = {case: ratio(case, figures) for case in COUNTED}
    results |= {case: ratio(case, durable) for case in ("durable_chain100", "durable_concurrent")}
    told = " ".join(f"{case}={value:.2f}" for case, value in results.items() if value is not None)
    print(f"RESULT {told}")


if __name__ == "__main__":
    main()
