"""The workflow engine beside LangGraph, graphon (Dify's engine), pydantic-graph, Haystack, and the bare minimum.

    python benchmarks/engine.py [--quick] [--rounds 3] [--only chain1000,stream]

Every contestant runs every case in a process of its own, in turn within each round, and checks its own result. In
memory the figure is CPU time (user and system) of one run, the median of all; on PostgreSQL, where one waits for the
disk, it is wall time. Building a graph is not counted where it may be run again; graphon's and, for loops, Haystack's
can't. Peers are installed at first use, in environments outside the project.

The nodes do the same trivial work everywhere, so what is measured is the engine. Ours are plain methods, which our engine
calls in place, where the peers await coroutines; `chain1000_coroutines` shows ours with coroutines. All of ours keep
the events of every node, check limits, sizes and edges; those of the peers do what each library does by itself.

The last line is for machines: the best peer's figure divided by ours.
"""

from __future__ import annotations

import argparse
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
#: What Haystack sorts again at every step takes it seconds: once is enough to see it.
SLOW = {("haystack", "chain1000")}

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

    def cases(self) -> str:
        """The module's text, in which its cases are named."""
        return (HERE / f"{self.module}.py").read_text()


def contestants() -> list[Contestant]:
    """Everybody, installed."""
    ours = Path(sys.executable)
    found = [Contestant("flywheel", "ours", ours), Contestant("floor", "floor", ours)]
    libraries = environment("engine", *PACKAGES["engine"])
    for name in ("langgraph", "pydantic_graph", "haystack"):
        found.append(Contestant(name, f"peer_{name}", libraries))
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


def run(
    who: Contestant, case: str, repetitions: int, budget_s: float, **environ: str
) -> dict[str, Any] | None:
    """One case in a process of its own; None when it failed."""
    command = [str(who.python), "harness.py", who.module, case, str(repetitions), str(budget_s)]
    done = subprocess.run(
        command,
        cwd=HERE,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0", **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("JSON ")]
    if not lines:
        reason = done.stderr.strip().splitlines()[-1:] or ["no output"]
        print(f"{who.name} {case}: {reason[0][:300]}", file=sys.stderr)
        return None
    found: dict[str, Any] = json.loads(lines[0][5:])
    return found


Figures = dict[tuple[str, str], list[float]]


def measure_memory(
    people: list[Contestant], options: argparse.Namespace
) -> tuple[Figures, dict[str, list[float]]]:
    """CPU milliseconds by case and contestant, and megabytes by contestant."""
    figures: Figures = {}
    memory: dict[str, list[float]] = {}
    for round_ in range(options.rounds):
        for case in options.cases:
            for who in people:
                if f'"{case}"' not in who.cases() or (round_ and (who.name, case) in SLOW):
                    continue
                repetitions, budget_s = (
                    (1, 1.0) if (who.name, case) in SLOW else (options.repetitions, options.seconds)
                )
                found = run(who, case, repetitions, budget_s)
                if found is not None:
                    figures.setdefault((case, who.name), []).extend(1000 * cpu for cpu in found["cpu"])
                    memory.setdefault(who.name, []).append(found["import_mb"])
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
            env=settings_for(url),
            check=True,
            capture_output=True,
        )
        yield url
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


TABLE = """
import django
django.setup()
from django.db import connection
from apps.core.models import StreamEvent
with connection.schema_editor() as editor:
    editor.create_model(StreamEvent)
"""


def settings_for(url: str) -> dict[str, str]:
    """The environment of a process of the product on that database."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings.dev",
        "DATABASE_URL": url,
        "BENCH_DATABASE": url,
        "PYTHONPATH": str(ROOT),
    }


def measure_durable(people: list[Contestant], options: argparse.Namespace) -> Figures:
    """Wall milliseconds on PostgreSQL, and of LangGraph in memory for the concurrent runs."""
    figures: Figures = {}
    ours = Contestant("flywheel", "ours_durable", Path(sys.executable))
    langgraph = next(who for who in people if who.name == "langgraph")
    with database() as url:
        environ = {name: value for name, value in settings_for(url).items() if name not in os.environ}
        environ |= {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "config.settings.dev"}
        for _ in range(options.rounds):
            for who, case, label in (
                *((ours, case, case) for case in DURABLE),
                (langgraph, "durable_chain100", "durable_chain100"),
                (langgraph, "concurrent", "durable_concurrent"),
            ):
                found = run(who, case, options.repetitions, options.seconds, **environ)
                if found is not None:
                    figures.setdefault((label, who.name), []).extend(1000 * wall for wall in found["wall"])
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
