"""Ten thousand jobs, a fifth of them hostile, in the sandbox of a whole running product.

    python -m tests.sandbox.soak [--jobs 10000] [--at-once 4]

Looks for what stays behind (processes, descriptors, memory and files of the sandbox; descriptors of the client) and at
how long the product's web process takes for an API call meanwhile. Each good job must give the right result, each
hostile one must be contained. Exit code 1 when something leaked.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import django

from apps.core.sandbox.client import LocalTransport, execute
from apps.core.sandbox.errors import SandboxBusy, SandboxError
from apps.core.sandbox.jobs import CodeJob, Limits
from apps.core.sandbox.protocol import HttpRequest, refusal_frame
from apps.core.sandbox.server.config import DEFAULT_UID
from tests.sandbox.attacks import ATTACKS
from tests.sandbox.attacks.harness import CLEAN, EXPECTED
from tests.support.api import Api
from tests.support.product import running_product

HOSTILE_EVERY = 5
SAMPLES = 10
SHARED = (Path("/dev/shm"), Path("/tmp"))  # noqa: S108  # looked at, not written to
# asks for the same small page every 20 ms and prints its times when it is told to stop
PROBE = """
import http.client, json, sys, threading, time
host, key = sys.argv[1:]
times, stop = [], threading.Event()
def probe():
    connection = http.client.HTTPConnection(host, timeout=30)
    while not stop.wait(0.02):
        started = time.perf_counter()
        connection.request("GET", "/api/v1/me/", headers={"Authorization": "Bearer " + key})
        response = connection.getresponse(); response.read()
        assert response.status == 200, response.status
        times.append(time.perf_counter() - started)
thread = threading.Thread(target=probe); thread.start()
sys.stdin.read(); stop.set(); thread.join()
print(json.dumps(times))
"""


@dataclass
class Sample:
    """What the sandbox holds at a moment."""

    jobs: int
    processes: int
    descriptors: int
    private_mb: float
    files: int
    client_descriptors: int

    def __str__(self) -> str:
        return (
            f"{self.jobs:>7} jobs: {self.processes} processes, {self.descriptors} descriptors, "
            f"{self.private_mb:.1f} MB private, {self.files} files; client {self.client_descriptors} descriptors"
        )


def below(pid: int) -> list[int]:
    """A process and its descendants."""
    found, waiting = [], [pid]
    while waiting:
        found.append(current := waiting.pop())
        for children in Path(f"/proc/{current}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                waiting += map(int, children.read_text().split())
    return found


def _of_code(directory: Path) -> int:
    """How many files in a directory that everybody may write to belong to the sandbox's user."""
    found = 0
    for path in directory.iterdir():
        with contextlib.suppress(OSError):
            found += path.lstat().st_uid == DEFAULT_UID
    return found


def take_sample(jobs: int, pid: int, directory: Path) -> Sample:
    """Count."""
    gc.collect()
    pids = below(pid)
    descriptors, private = 0, 0
    for one in pids:
        with contextlib.suppress(OSError):
            descriptors += len(list(Path(f"/proc/{one}/fd").iterdir()))
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
            private += sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))
    files = sum(1 for _ in directory.rglob("*")) + sum(map(_of_code, SHARED))
    return Sample(
        jobs, len(pids), descriptors, private / 1024, files, len(list(Path("/proc/self/fd").iterdir()))
    )


class Soak:
    """The jobs."""

    def __init__(self, transport: LocalTransport) -> None:
        self.transport = transport
        self.ends: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.hostile = [
            attack for attack in ATTACKS if attack.limits.get("wall_s", 1) <= 1 and not attack.canaries
        ]

    async def one(self, number: int) -> None:
        """The job of this number."""
        if number % HOSTILE_EVERY == 0:
            attack = self.hostile[number // HOSTILE_EVERY % len(self.hostile)]
            limits = Limits(**{"cpu_s": 1, "wall_s": 1, "memory_mb": 64, "output_kb": 64, **attack.limits})
            name, value = await self.run(CodeJob(attack.language, attack.code, attack.inputs, limits=limits))
            if name not in attack.expect or (isinstance(value, dict) and value.get("breach")):
                self.wrong.append(f"{attack.name}: {name}")
        else:
            language = "javascript" if number % 3 == 0 else "python"
            name, value = await self.run(CodeJob(language, CLEAN[language], {"x": [1]}))
            if value != EXPECTED[language]:
                self.wrong.append(f"a good {language} job: {name}")
        self.ends[name] += 1

    async def run(self, job: CodeJob) -> tuple[str, Any]:
        """The end of a job, and its value."""
        while True:
            try:
                return "ok", (await execute(self.transport, job, _no_network)).value
            except SandboxBusy:
                await asyncio.sleep(0.01)
            except SandboxError as error:
                return type(error).__name__, None

    async def many(self, first: int, count: int, at_once: int) -> None:
        """Run jobs `first` and on."""
        numbers = iter(range(first, first + count))

        async def worker() -> None:
            for number in numbers:
                await self.one(number)

        await asyncio.gather(*(worker() for _ in range(at_once)))


async def _no_network(request: HttpRequest) -> bytes:
    return refusal_frame("no network")


class Probe:
    """A client of the web process in a process of its own."""

    def __init__(self, host: str, key: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", PROBE, host, key],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def end(self) -> list[float]:
        """Stop; returns the times in milliseconds, sorted."""
        out, _err = self._process.communicate("")
        return sorted(seconds * 1000 for seconds in json.loads(out))


def quantiles(times: list[float]) -> str:
    """p50 and p95 in words."""
    return f"p50 {times[len(times) // 2]:.1f} ms, p95 {times[int(len(times) * 0.95)]:.1f} ms ({len(times)} calls)"


def main() -> int:
    """Run and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--at-once", type=int, default=4)
    options = parser.parse_args()
    django.setup()
    for product in running_product():
        host, key = product.base_url.removeprefix("http://"), Api.of(product).key
        directory = product.var / "sandbox"
        pid = product.pid("sandbox")
        assert pid is not None, "the product runs no sandbox"
        soak = Soak(LocalTransport(directory))
        asyncio.run(soak.many(0, 300, options.at_once))  # caches fill, warm children are made
        time.sleep(2)
        probe = Probe(host, key)
        time.sleep(10)
        alone = probe.end()
        samples = [take_sample(0, pid, directory)]
        print(samples[0])
        probe = Probe(host, key)
        started = time.perf_counter()
        for part in range(SAMPLES):
            asyncio.run(
                soak.many(300 + part * options.jobs // SAMPLES, options.jobs // SAMPLES, options.at_once)
            )
            time.sleep(0.5)
            samples.append(take_sample((part + 1) * options.jobs // SAMPLES, pid, directory))
            print(samples[-1])
        seconds = time.perf_counter() - started
        loaded = probe.end()
        pid_after = product.pid("sandbox")
    print(f"{options.jobs} jobs in {seconds:.0f} s, {options.at_once} at a time: {dict(soak.ends)}")
    print(f"an API call alone: {quantiles(alone)}; meanwhile: {quantiles(loaded)}")
    first, last = samples[1], samples[-1]
    leaks = [
        f"{name}: {getattr(first, name)} → {getattr(last, name)}"
        for name, slack in (
            ("processes", 4),
            ("descriptors", 24),
            ("private_mb", 24),
            ("files", 2),
            ("client_descriptors", 0),
        )
        if getattr(last, name) > getattr(first, name) + slack
    ]
    if pid_after != pid:
        leaks.append("the sandbox was restarted")
    for problem in [*leaks, *sorted(set(soak.wrong))]:
        print("PROBLEM", problem)
    print(
        f"RESULT web_latency_factor={loaded[len(loaded) // 2] / alone[len(alone) // 2]:.2f} leaks={len(leaks)}"
    )
    return 1 if leaks or soak.wrong else 0


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")
    sys.exit(main())
