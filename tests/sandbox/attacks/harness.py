"""Runs hostile programs in a sandbox of its own and looks from outside at what they did.

Canaries: a listener that nobody may reach, a file that nobody may read or change, a secret in the environment of the
sandbox's starter, a secret in an earlier job. After each program a harmless one must find a clean interpreter.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import platform
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from apps.core.exceptions import FlywheelError
from apps.core.sandbox import protocol
from apps.core.sandbox.client import LocalTransport, execute
from apps.core.sandbox.errors import SandboxBusy, SandboxUnavailable
from apps.core.sandbox.jobs import CodeJob, JobResult, Limits
from apps.core.sandbox.server import launch
from apps.core.sandbox.server.config import ServerConfig
from tests.sandbox.attacks.model import Attack
from tests.sandbox.attacks.syscalls import numbers_for

ROOT = Path(__file__).resolve().parents[3]
START_S = 30.0
SYSTEM_PYTHON = "/usr/bin/python3"
LIMITS = Limits(cpu_s=5, wall_s=30, memory_mb=128, output_kb=64)
TEMPORARY = Path("/tmp")  # noqa: S108  # where programs of the battery try to leave something
LITTER = "fw-*"

CLEAN = {
    "python": """
import builtins, collections, datetime, decimal, json, math, os, random, re, sys
def main(**k):
    seen = {
        "sum": sum(range(10)), "len": len("four"), "up": "abc".upper(), "json": json.loads(json.dumps({"a": [1, 2.5, None]})), "sqrt": math.sqrt(16),
        "re": re.sub("a+", "b", "caat"), "day": datetime.date(2024, 2, 29).isoformat(), "prec": str(decimal.Decimal(1) / 3), "answer": 40 + 2, "k": k,
        "poison": [m.__class__.__name__ for m in (builtins, json, sys, math, collections.OrderedDict, sys.stdout) if hasattr(m, "POISON")] + [n for n in os.environ if n == "POISON"],
        "random": 0 <= random.random() < 1, "depth": sys.getrecursionlimit() >= 500,
    }
    return seen
""",
    "javascript": "function main(k) { console.log('x'); return {sum: [1, 2, 3].map(x => x * 2).reduce((a, b) => a + b), max: Math.max(1, 5), now: Date.now() > 1e12,"
    " poison: typeof POISON + typeof JSON.POISON, json: JSON.parse(JSON.stringify({a: [1, 2.5, null]})), k} }",
}
EXPECTED = {
    "python": {
        "sum": 45, "len": 4, "up": "ABC", "json": {"a": [1, 2.5, None]}, "sqrt": 4.0, "re": "cbt", "day": "2024-02-29",
        "prec": "0.3333333333333333333333333333", "answer": 42, "k": {"x": [1]}, "poison": [], "random": True, "depth": True,
    },
    "javascript": {
        "sum": 12, "max": 5, "now": True, "poison": "undefinedundefined", "json": {"a": [1, 2.5, None]}, "k": {"x": [1]},
    },
}  # fmt: skip


@dataclass
class Outcome:
    """What one program got."""

    name: str
    value: Any = None
    told: str = ""  # everything that came back, as text
    message: str = ""
    retryable: bool = False
    seconds: float = 0.0


@dataclass
class Verdict:
    """What the harness says about one program."""

    attack: Attack
    outcome: Outcome
    problems: list[str] = field(default_factory=list)


class Canaries:
    """Things that no program may touch."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="canary-"))
        self.directory.chmod(0o755)
        self.secret, self.environment, self.earlier = (
            f"{name}-{secrets.token_hex(16)}" for name in ("file", "host", "job")
        )
        self.file = self.directory / "canary.txt"
        self.file.write_text(self.secret)
        self.file.chmod(0o666)
        (self.directory / "canary_module.py").write_text(f"VALUE = {self.secret!r}\n")
        self.before = self.file.stat()
        self.visits = 0
        self._tcp, self.port = _listener()
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(("127.0.0.1", self.port))
        for waiting in (self._accept, self._receive):
            threading.Thread(target=waiting, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._tcp.accept()[0].close()
                self.visits += 1

    def _receive(self) -> None:
        with contextlib.suppress(OSError):
            while self._udp.recv(100):
                self.visits += 1

    def touched(self) -> list[str]:
        """What happened to them."""
        problems = [f"{self.visits} visits at the listener"] if self.visits else []
        now = self.file.stat() if self.file.exists() else None
        if now is None or self.file.read_text() != self.secret:
            problems.append("the canary file was changed")
        elif (now.st_mtime_ns, now.st_mode) != (self.before.st_mtime_ns, self.before.st_mode):
            problems.append("the canary file was touched")
        if len(list(self.directory.iterdir())) != 2:
            problems.append("files appeared beside the canary")
        return problems

    def close(self) -> None:
        """Take them away."""
        for listener in (self._tcp, self._udp):
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        shutil.rmtree(self.directory, ignore_errors=True)


def _listener() -> tuple[socket.socket, int]:
    tcp = socket.create_server(("127.0.0.1", 0))
    return tcp, tcp.getsockname()[1]


def _open_to_all(path: Path) -> bool:
    """Whether every user may reach a file: the interpreter may lie in somebody's home."""
    return all(parent.stat().st_mode & 0o001 for parent in path.parents)


class Ground:
    """A sandbox in a directory of its own, in one configuration."""

    def __init__(self, disabled: Iterable[str] = (), *, uid: int | None = None, **options: Any) -> None:
        self.canaries = Canaries()
        self.base = Path(tempfile.mkdtemp(prefix="fwsb-"))
        self.base.chmod(0o755)
        self.directory = self.base / "s"
        self.directory.mkdir(mode=0o700)
        if uid is not None:
            os.chown(self.directory, uid, uid)
        self.litter = set(TEMPORARY.glob(LITTER))
        self.transport = LocalTransport(self.directory)
        self.log = (self.base / "log").open("wb")
        self._config = ServerConfig(
            str(self.directory),
            launch.engine_path(),
            zone_paths=launch.zone_paths(),
            disabled=tuple(disabled),
            **options,
        )
        self._uid = uid
        os.environ["FLYWHEEL_CANARY_SECRET"] = self.canaries.environment
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        """As `launch.start` does, perhaps as another user."""
        uid = self._uid
        arguments, descriptor = launch.command(self._config)
        if uid is not None and not _open_to_all(Path(arguments[0])):
            arguments[0] = SYSTEM_PYTHON
        try:
            return subprocess.Popen(
                arguments,
                cwd="/",
                env=launch.EMPTY,
                pass_fds=[descriptor],
                stdin=subprocess.DEVNULL,
                stdout=self.log,
                stderr=self.log,
                user=uid,
                group=uid,
                extra_groups=[] if uid is not None else None,
                start_new_session=True,
            )
        finally:
            os.close(descriptor)

    def wait(self) -> dict[str, Any]:
        """Return the report once it runs; raises AssertionError with the reason when it refuses."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(SandboxUnavailable):
                report = asyncio.run(self.transport.state())
                assert not report.get("refused"), report["refused"]
                if len(report.get("zygotes", [])) >= 2:
                    return report
            time.sleep(0.05)
        self.log.flush()
        raise AssertionError(f"The sandbox did not start: {(self.base / 'log').read_text()[-2000:]}")

    def processes(self) -> Counter[str]:
        """Names of all processes below the sandbox, with their numbers."""
        found: Counter[str] = Counter()
        waiting = [self.process.pid]
        while waiting:
            pid = waiting.pop()
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                with contextlib.suppress(OSError):
                    waiting += map(int, task.read_text().split())
            with contextlib.suppress(OSError):
                found[Path(f"/proc/{pid}/comm").read_text().strip()] += 1
        return found

    def busy(self) -> int:
        """How many processes there are beside those that wait for a job."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.directory / protocol.STATE_SOCKET))
            report = json.loads(connection.makefile("rb").read())
        return self.processes().total() - sum(zygote["warm"] for zygote in report["zygotes"])

    def settled(self, busy: int) -> bool:
        """Whether there are soon no more busy processes than before."""
        deadline = time.monotonic() + 15
        while self.busy() > busy:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def close(self) -> None:
        """Stop it, and see that nothing of it stays."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        self.log.close()
        self.canaries.close()
        shutil.rmtree(self.base, ignore_errors=True)

    async def run(self, job: CodeJob) -> Outcome:
        """Run one job; a busy sandbox is waited for."""
        started = time.monotonic()
        while True:
            try:
                result: JobResult | None = await execute(self.transport, job, _no_network)
                outcome = Outcome("ok", result.value, repr(result))
            except SandboxBusy:
                await asyncio.sleep(0.02)
                continue
            except FlywheelError as error:
                outcome = Outcome(type(error).__name__, None, repr(vars(error)), str(error.detail))
                outcome.retryable = bool(getattr(error, "retryable", True))
            outcome.seconds = time.monotonic() - started
            return outcome

    def inputs(self, attack: Attack) -> dict[str, Any]:
        """Where the canaries are."""
        if not attack.canaries:
            return dict(attack.inputs)
        canaries = self.canaries
        told = {
            "canary_file": str(canaries.file),
            "canary_dir": str(canaries.directory),
            "canary_port": canaries.port,
            "reversed_secret": canaries.environment[::-1],
            "reversed_earlier": canaries.earlier[::-1],
            "supervisor": str(self.directory / protocol.STATE_SOCKET),
            "host_root": str(ROOT),
            "host_name": socket.gethostname(),
            **attack.inputs,
        }
        if attack.language == "python":
            told["NR"] = numbers_for(platform.machine())
        return told

    async def attack(self, attack: Attack) -> Verdict:
        """Run one program, judge it, then see whether the next job finds everything in order."""
        limits = Limits(**{**_fields(LIMITS), **attack.limits})
        outcome = await self.run(CodeJob(attack.language, attack.code, self.inputs(attack), limits=limits))
        verdict = Verdict(attack, outcome, self.judge(attack, outcome))
        clean = await self.run(CodeJob(attack.language, CLEAN[attack.language], {"x": [1]}))
        if clean.value != EXPECTED[attack.language]:
            verdict.problems.append(f"the next job saw {clean.value!r} {clean.name} {clean.message}")
        return verdict

    def judge(self, attack: Attack, outcome: Outcome) -> list[str]:
        """What is wrong with what a program got."""
        problems = []
        if outcome.name not in attack.expect:
            problems.append(
                f"got {outcome.name} ({outcome.message[:200]}) instead of {' or '.join(attack.expect)}"
            )
        if outcome.retryable:
            problems.append("the code made its failure look like the platform's")
        if isinstance(outcome.value, dict) and outcome.value.get("breach"):
            problems.append(f"breach: {str(outcome.value['breach'])[:300]}")
        canaries = self.canaries
        leaks = {
            "the canary file": canaries.secret,
            "the host's environment": canaries.environment,
            "an earlier job": canaries.earlier,
        }
        problems += [f"{what} came back" for what, text in leaks.items() if text in outcome.told]
        if str(ROOT) in outcome.told:
            problems.append(
                f"a path of the host came back: …{outcome.told[outcome.told.index(str(ROOT)) - 60 :][:160]}"
            )
        return problems

    async def battery(self, attacks: Iterable[Attack], at_once: int = 6) -> list[Verdict]:
        """Run many programs, some at a time."""
        await self.run(
            CodeJob(
                "python",
                "kept = []\ndef main(s):\n    kept.append(s * 3)\n    return {}",
                {"s": self.canaries.earlier},
            )
        )
        turn = asyncio.Semaphore(at_once)

        async def one(attack: Attack) -> Verdict:
            async with turn:
                return await self.attack(attack)

        return list(await asyncio.gather(*(one(attack) for attack in attacks)))

    def aftermath(self, before: int) -> list[str]:
        """What the whole battery left behind, seen from outside."""
        problems = self.canaries.touched()
        if not self.settled(before):
            problems.append(f"{self.busy() - before} processes are left: {self.processes()}")
        if litter := set(TEMPORARY.glob(LITTER)) - self.litter:
            problems.append(f"files are left: {sorted(map(str, litter))}")
        if self.process.poll() is not None:
            problems.append("the sandbox itself died")
        return problems


def _fields(limits: Limits) -> dict[str, Any]:
    return {name: getattr(limits, name) for name in Limits.__dataclass_fields__}


async def _no_network(request: protocol.HttpRequest) -> bytes:
    return protocol.refusal_frame("no network")
