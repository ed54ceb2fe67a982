"""One zygote as the supervisor sees it."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from apps.core.sandbox.jobs import Limits
from apps.core.sandbox.kernel import cgroups
from apps.core.sandbox.protocol import RESULT, start_message
from apps.core.sandbox.runner.selftest import SELF_TEST, SELF_TEST_DEADLY
from apps.core.sandbox.server.config import JOB_MB, RESERVED_MB, ServerConfig
from apps.core.sandbox.server.launch import EMPTY, ONE_THREAD, interpreter

BOOT = (Path(__file__).parent.parent / "zygote" / "boot.py").read_text(encoding="utf-8")
ROOT = str(Path(__file__).parents[4])
MAX_MESSAGE = 65_536
START_S = 60.0
TEST_S = 20.0
STATE_S = 1.0
PASSED = {"ok": True, "value": []}


class ZygoteFailed(RuntimeError):
    """It did not start, or a wall does not hold; the message says why."""


class ZygoteHandle:
    """Starts a zygote on `listener`, tests it, and speaks with it over the leash."""

    def __init__(self, kind: str, listener: socket.socket, config: ServerConfig, empty: str) -> None:
        self.kind = kind
        self.layers: list[dict[str, Any]] = []
        self.missing: list[str] = []
        self.state: dict[str, Any] = {"jobs": 0, "running": 0, "warm": 0, "counters": {}}
        self.started = time.monotonic()
        self._config = config
        self._leash, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.process = subprocess.Popen(
                [interpreter(), "-I", "-S", "-B", "-c", BOOT, ROOT, str(theirs.fileno())],
                env={**EMPTY, **ONE_THREAD},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                cwd="/",
            )
        self.cgroup = self._join_group()
        socket.send_fds(self._leash, [json.dumps(self._settings(empty)).encode()], [listener.fileno()])

    def _settings(self, empty: str) -> dict[str, Any]:
        config = self._config
        return {
            "kind": self.kind,
            "disabled": config.disabled,
            "uid": config.uid,
            "gid": config.gid,
            "empty": empty,
            "slots": config.job_slots(),
            "warm": config.warm,
            "engine": config.engine,
            "zones": config.zone_paths,
            "packages": config.packages if self.kind == "packages" else (),
            "package_paths": config.package_paths if self.kind == "packages" else (),
        }

    def _join_group(self) -> str:
        """Put it into a control group; return why that is not possible."""
        if "cgroup" in self._config.disabled:
            return "switched off"
        group = cgroups.own_group()
        why = cgroups.why_not(group)
        if why or group is None:
            return why
        slots = self._config.job_slots()
        try:
            inner = cgroups.create(
                group,
                f"sandbox-{self.kind}-{self.process.pid}",
                memory_bytes=(slots * 2 * JOB_MB + RESERVED_MB) * 2**20,
                processes=slots + self._config.warm + 8,
            )
            cgroups.join(inner, self.process.pid)
        except OSError as error:
            return str(error)
        return ""

    @property
    def age_s(self) -> float:
        """Seconds since its start."""
        return time.monotonic() - self.started

    def prepare(self) -> None:
        """Wait until it is locked, and test the walls.

        Raises:
            ZygoteFailed: a required layer is missing, or a test found a hole.
        """
        report = self._receive(START_S)
        if report is None:
            raise ZygoteFailed(f"The {self.kind} interpreter did not start.")
        cgroup = {"name": "cgroup", "on": not self.cgroup, "why": self.cgroup}
        self.layers = [*report["layers"], cgroup]
        if report["event"] != "ready":
            raise ZygoteFailed(f"The isolation could not be set up on this machine: {report['reason']}")
        self.missing = report["packages"]
        standing = {layer["name"]: layer["why"] for layer in self.layers if not layer["on"]}
        for name in self._config.minimum:
            if name in standing:
                raise ZygoteFailed(f"The layer {name!r} is required and does not stand: {standing[name]}")
        self._test()

    def _test(self) -> None:
        verdict, output = self._try(SELF_TEST)
        kind, result = output[:1], output[5:]
        if not (verdict.get("ready") and verdict.get("exit_code") == 0 and kind == RESULT):
            raise ZygoteFailed(f"The self-test of the isolation could not be run: {verdict}")
        if json.loads(result) != PASSED:
            raise ZygoteFailed(f"The self-test of the isolation failed, the kernel allowed: {result[:500]!r}")
        verdict, _ = self._try(SELF_TEST_DEADLY)
        if verdict.get("signal") != signal.SIGSYS:
            raise ZygoteFailed("The self-test of the isolation failed: the filter does not end processes.")

    def _try(self, what: int) -> tuple[dict[str, Any], bytes]:
        """Run a self-test as a job would run; return the verdict and what was written."""
        control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        data, jobs_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with control, data:
            control.settimeout(TEST_S)
            data.settimeout(TEST_S)
            with theirs, jobs_end:
                socket.send_fds(control, [start_message(Limits())], [jobs_end.fileno()])
                socket.send_fds(
                    self._leash, [json.dumps({"op": "test", "what": what}).encode()], [theirs.fileno()]
                )
            output = b""
            try:
                while piece := data.recv(MAX_MESSAGE):
                    output += piece
                verdict = control.recv(MAX_MESSAGE)
            except OSError as error:
                raise ZygoteFailed(f"The self-test of the isolation gave no answer: {error}") from None
        return (json.loads(verdict) if verdict else {}), output

    def serve(self) -> None:
        """Let it take jobs."""
        self._send("serve")

    def drain(self) -> None:
        """Let it finish its jobs and end."""
        self._send("drain")

    def refresh(self) -> dict[str, Any]:
        """Ask how it is."""
        self._send("state")
        answer = self._receive(STATE_S)
        if answer is not None:
            self.state = answer
        return {
            "socket": self.kind,
            "language": "javascript" if self.kind == "javascript" else "python",
            "pid": self.process.pid,
            "age_s": round(self.age_s, 1),
            **{name: self.state[name] for name in ("jobs", "running", "warm")},
        }

    def close(self) -> None:
        """End it and its jobs at once."""
        self._leash.close()
        self.process.kill()
        self.process.wait()

    def ended(self) -> bool:
        """Whether its process is gone."""
        return self.process.poll() is not None

    def _send(self, op: str) -> None:
        try:
            self._leash.send(json.dumps({"op": op}).encode())
        except OSError:
            return  # it has died; the watch sees it

    def _receive(self, seconds: float) -> dict[str, Any] | None:
        ready, _, _ = select.select([self._leash], [], [], seconds)
        if not ready:
            return None
        try:
            message = self._leash.recv(MAX_MESSAGE)
        except OSError:
            return None
        answer: dict[str, Any] | None = json.loads(message) if message else None
        return answer


def remove_groups() -> None:
    """Remove control groups that an earlier supervisor left."""
    group = cgroups.own_group()
    for left in group.glob("sandbox-*") if group is not None else ():
        try:
            os.rmdir(left)  # noqa: PTH106 - a control group is no ordinary directory
        except OSError:
            continue  # somebody lives there
