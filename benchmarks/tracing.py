"""Trace ingestion over OTLP/HTTP: spans per second that are stored, beside MLflow, Phoenix and a bare receiver.

All keep their spans in the same PostgreSQL, each in a database of its own, and get the same requests from the same
client over four connections. A rate counts spans that are in the table, not accepted ones. CPU is of the server and
of PostgreSQL together.

    python benchmarks/tracing.py [--quick] [--spans 10000] [--batches 100,500] [--rounds 3] [--only ours,receiver]
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psutil
import psycopg

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from peers import environment  # noqa: E402
from tracing_peers.spans import PER_TRACE, TRACE_GAP_NS, batches  # noqa: E402

CLIENTS = 4
#: Web processes of ours: one per core, as MLflow takes four by itself.
WORKERS = os.cpu_count() or 1
WARM_SPANS = 2_000
PATIENCE_S = 600.0
PHOENIX, MLFLOW = "arize-phoenix", "mlflow"
SEED = """
import django
django.setup()
from apps.core.access import Role
from tests.factories.core import make_api_key, make_member, make_workspace
workspace = make_workspace()
print("KEY " + make_api_key(workspace, make_member(workspace, Role.EDITOR)))
"""


@dataclass
class Figures:
    """One contestant, one batch size; a list entry per round."""

    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    answer_ms: list[float] = field(default_factory=list)


class Contestant:
    """A server under test with a database of its own."""

    name = ""
    table = "spans"
    headers: dict[str, str]

    def __init__(self, directory: Path, dsn: str) -> None:
        self.directory = directory
        self.dsn = dsn
        self.port = free_port()
        self.headers = {"Content-Type": "application/x-protobuf"}

    def prepare(self) -> None:
        """What comes before the server starts."""

    def command(self) -> list[str]:
        """The server."""
        raise NotImplementedError

    def env(self) -> dict[str, str]:
        """Its environment, beyond ours."""
        return {}

    def stored(self) -> int:
        """Spans in its table."""
        with psycopg.connect(self.dsn) as connection:
            row = connection.execute(f"SELECT count(*) FROM {self.table}").fetchone()  # noqa: S608 - a constant name
        return int(row[0]) if row else 0

    def size(self) -> int:
        """Bytes of its database."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        return int(row[0]) if row else 0


class Ours(Contestant):
    """The product's web server."""

    name = "flywheel"
    table = "tracing_observation"

    def env(self) -> dict[str, str]:
        return {
            "FLYWHEEL_VAR_DIR": str(self.directory / "flywheel"),
            "DJANGO_SETTINGS_MODULE": "config.settings.base",
            "LOAD_STARTER_WORKSPACE": "0",
            "LOG_LEVEL": "WARNING",
            "DATABASE_URL": self.dsn,
            "PYTHONPATH": str(ROOT),
        }

    def prepare(self) -> None:
        (self.directory / "flywheel").mkdir()
        self._python("manage.py", "migrate", "--verbosity", "0")
        key = next(line for line in self._python("-c", SEED).splitlines() if line.startswith("KEY "))
        self.headers["Authorization"] = f"Bearer {key.removeprefix('KEY ')}"

    def _python(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=os.environ | self.env(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stderr[-3000:])
        return done.stdout

    def command(self) -> list[str]:
        gunicorn = [
            sys.executable,
            "-m",
            "gunicorn",
            "config.asgi:application",
            "-k",
            "asgi",
            "-w",
            str(WORKERS),
        ]
        return [
            *gunicorn,
            "--bind",
            f"127.0.0.1:{self.port}",
            "--no-control-socket",
            "--graceful-timeout",
            "1",
        ]


class Receiver(Contestant):
    """The bare receiver under uvicorn, one worker."""

    name = "receiver"

    def prepare(self) -> None:
        packages = ("uvicorn[standard]", "orjson", "psycopg[binary]", "opentelemetry-proto")
        self.python = environment("receiver", *packages)

    def env(self) -> dict[str, str]:
        return {"DSN": self.dsn}

    def command(self) -> list[str]:
        module = ["-m", "uvicorn", "--app-dir", str(ROOT / "benchmarks" / "tracing_peers"), "receiver:app"]
        return [
            str(self.python),
            *module,
            "--port",
            str(self.port),
            "--log-level",
            "warning",
            "--no-access-log",
        ]


class MLflow(Contestant):
    """`mlflow server` as it starts by itself."""

    name = "mlflow"

    def prepare(self) -> None:
        self.python = environment("mlflow", MLFLOW, "psycopg2-binary")
        self.headers["x-mlflow-experiment-id"] = "0"

    def env(self) -> dict[str, str]:
        path = f"{self.python.parent}:{os.environ['PATH']}"
        return {
            "PATH": path,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "true",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        }

    def command(self) -> list[str]:
        store = urlunsplit(urlsplit(self.dsn)._replace(scheme="postgresql+psycopg2"))
        place = ["--backend-store-uri", store, "--default-artifact-root", str(self.directory)]
        return [
            str(self.python),
            "-m",
            "mlflow",
            "server",
            *place,
            "--host",
            "127.0.0.1",
            "--port",
            str(self.port),
        ]


class Phoenix(Contestant):
    """`phoenix serve` as it starts by itself."""

    name = "phoenix"

    def prepare(self) -> None:
        self.python = environment("phoenix", f"{PHOENIX}[pg]")

    def env(self) -> dict[str, str]:
        return {
            "PHOENIX_WORKING_DIR": str(self.directory),
            "PHOENIX_PORT": str(self.port),
            "PHOENIX_GRPC_PORT": str(free_port()),
            "PHOENIX_HOST": "127.0.0.1",
            "PHOENIX_TELEMETRY_ENABLED": "false",
            "PHOENIX_ALLOW_EXTERNAL_RESOURCES": "false",
            "PHOENIX_LOGGING_LEVEL": "WARNING",
            "PHOENIX_SQL_DATABASE_URL": self.dsn,
        }

    def command(self) -> list[str]:
        return [str(self.python), "-m", "phoenix.server.main", "serve"]


ALL: dict[str, type[Contestant]] = {"ours": Ours, "receiver": Receiver, "mlflow": MLflow, "phoenix": Phoenix}


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def serving(contestant: Contestant, log: Path) -> Iterator[psutil.Process]:
    """Its server, ready, and gone afterwards with all it started."""
    with log.open("ab") as out:
        child = subprocess.Popen(
            contestant.command(),
            cwd=ROOT,
            env=os.environ | contestant.env(),
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    process = psutil.Process(child.pid)
    try:
        wait_for(contestant, child, log)
        yield process
    finally:
        members = [process, *process.children(recursive=True)] if process.is_running() else []
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGTERM)
        _gone, alive = psutil.wait_procs(members, timeout=8)
        for member in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        child.wait()


def wait_for(contestant: Contestant, child: subprocess.Popen[bytes], log: Path) -> None:
    """Return when it answers; raises with its log when it died."""
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        if child.poll() is not None:
            break
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", contestant.port, timeout=5)
            connection.request("GET", "/health/")
            connection.getresponse().read()
            return
        time.sleep(0.2)
    raise RuntimeError(f"{contestant.name} did not start:\n{log.read_text()[-3000:]}")


def push(contestant: Contestant, bodies: list[bytes]) -> list[float]:
    """Send every body over CLIENTS connections, again while the server says busy; seconds of each answer."""
    waiting, lock, took = iter(bodies), threading.Lock(), []
    failures: list[str] = []

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", contestant.port, timeout=300)
        while not failures:
            with lock:
                body = next(waiting, None)
            if body is None:
                return
            while True:
                began = time.perf_counter()
                connection.request("POST", "/v1/traces", body, contestant.headers)
                response = connection.getresponse()
                answer = response.read()
                if response.status == 200:
                    took.append(time.perf_counter() - began)
                    break
                if response.status not in (429, 503):
                    failures.append(f"{contestant.name}: {response.status} {answer[:300]!r}")
                    return
                time.sleep(0.05)

    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise RuntimeError(failures[0])
    return took


def wait_until_stored(contestant: Contestant, count: int) -> None:
    """Return when its table has `count` spans."""
    deadline = time.monotonic() + PATIENCE_S
    while contestant.stored() < count:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{contestant.name} lost {count - contestant.stored()} spans")
        time.sleep(0.1)


def cpu_seconds(*roots: psutil.Process) -> float:
    """User and system time of processes and all below them."""
    total = 0.0
    for root in roots:
        for process in [root, *root.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system
        # connections that ended are counted by their parent
        own = root.cpu_times()
        total += own.children_user + own.children_system
    return total


def measure(
    contestant: Contestant,
    server: psutil.Process,
    postgres: psutil.Process,
    count: int,
    batch: int,
    seed: int,
) -> Figures:
    """One round: push, wait until stored, look at what it cost."""
    start = time.time_ns() - (count // PER_TRACE + 10) * TRACE_GAP_NS
    bodies = batches(count, batch, start, seed)
    before = contestant.stored()
    cpu, began = cpu_seconds(server, postgres), time.perf_counter()
    took = push(contestant, bodies)
    wait_until_stored(contestant, before + count)
    seconds = time.perf_counter() - began
    used = cpu_seconds(server, postgres) - cpu
    return Figures(
        [count / seconds],
        [used / count * 10_000],
        [statistics.median(took) * 1000],
    )


def race(
    options: argparse.Namespace, directory: Path, server_url: str, postgres: psutil.Process
) -> tuple[dict[tuple[str, int], Figures], dict[str, float]]:
    """All rounds: every contestant in turn in each, so that a noisy minute meets all of them.

    Bytes per span are of all rounds together: the next one takes the space that a round has left free.
    """
    names = options.only.split(",")
    found: dict[tuple[str, int], Figures] = {}
    with contextlib.ExitStack() as stack:
        runners = []
        for name in names:
            dsn = create_database(server_url, f"bench_{name}")
            place = directory / name
            place.mkdir()
            contestant = ALL[name](place, dsn)
            contestant.prepare()
            server = stack.enter_context(serving(contestant, place / "server.log"))
            push(contestant, batches(WARM_SPANS, 100, time.time_ns() - 86_400 * 10**9, seed=99))
            wait_until_stored(contestant, WARM_SPANS)
            runners.append((contestant, server))
        before = {each.name: (each.stored(), each.size()) for each, _server in runners}
        for number in range(options.rounds):
            for batch in options.batches:
                for contestant, server in runners:
                    count = options.peer_spans if contestant.name == "phoenix" else options.spans
                    seed = 1000 + number * 100 + batch
                    one = measure(contestant, server, postgres, count, batch, seed)
                    total = found.setdefault((contestant.name, batch), Figures())
                    for name in ("rates", "cpu", "answer_ms"):
                        getattr(total, name).extend(getattr(one, name))
                    print(
                        f"  {contestant.name}, batches of {batch}: {one.rates[0]:,.0f} spans/s",
                        file=sys.stderr,
                    )
        after = {each.name: (each.stored(), each.size()) for each, _server in runners}
    sizes = {
        name: (after[name][1] - size) / (after[name][0] - count) for name, (count, size) in before.items()
    }
    return found, sizes


def create_database(server_url: str, name: str) -> str:
    """A fresh database; its URL."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name}")
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))


def report(found: dict[tuple[str, int], Figures], sizes: dict[str, float]) -> None:
    """The table, and one line for machines."""
    print(f"{'':24}{'spans/s':>10}{'CPU s/10k':>11}{'bytes/span':>12}{'answer ms':>11}")
    medians: dict[tuple[str, int], float] = {}
    for (name, batch), figures in sorted(
        found.items(), key=lambda item: (item[0][1], -statistics.median(item[1].rates))
    ):
        rate, cpu, answer = (
            statistics.median(values) for values in (figures.rates, figures.cpu, figures.answer_ms)
        )
        medians[name, batch] = rate
        print(f"{name + f' ({batch})':24}{rate:>10,.0f}{cpu:>11.2f}{sizes[name]:>12,.0f}{answer:>11.1f}")
    parts = []
    for peer in ("receiver", "mlflow", "phoenix"):
        ratios = [
            medians["flywheel", batch] / medians[peer, batch]
            for name, batch in medians
            if name == peer and ("flywheel", batch) in medians
        ]
        if ratios:
            parts.append(f"vs_{peer}={min(ratios):.2f}")
    print("RESULT " + " ".join(parts))


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2,000 spans, one round")
    parser.add_argument("--spans", type=int, default=10_000)
    parser.add_argument(
        "--peer-spans", type=int, default=2_000, help="for Phoenix, which takes a minute for 10,000"
    )
    parser.add_argument(
        "--batches", type=lambda text: [int(part) for part in text.split(",")], default=[100, 500]
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="ours,receiver,mlflow,phoenix")
    options = parser.parse_args()
    if options.quick:
        options.spans, options.peer_spans, options.rounds, options.batches = 2_000, 1_000, 1, [100]
    from apps.core.postgres import EmbeddedPostgres

    directory = Path(tempfile.mkdtemp(prefix="flywheel-bench-"))
    database = EmbeddedPostgres(directory / "postgres")
    try:
        url = database.start()
        postmaster = int((directory / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[0])
        report(*race(options, directory, url, psutil.Process(postmaster)))
    finally:
        database.stop()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
