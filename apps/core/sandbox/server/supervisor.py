"""The resident process: one zygote per kind, tested before it serves, replaced when it dies or grows old."""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from typing import Any

from apps.core.sandbox.kernel import calls
from apps.core.sandbox.protocol import PACKAGES, STATE_SOCKET, VERSION
from apps.core.sandbox.server.config import ServerConfig
from apps.core.sandbox.server.directory import SocketDirectory
from apps.core.sandbox.server.handle import ZygoteFailed, ZygoteHandle, remove_groups
from apps.core.sandbox.server.launch import EMPTY, command

TICK_S = 0.5
REFRESH_S = 5.0
LONGEST_PAUSE_S = 30.0
REFUSED_EXIT = 78  # EX_CONFIG: starting again will not help
STATE_SEND_S = 1.0


class Refused(RuntimeError):
    """The walls this machine offers are not enough; the message is the reason."""


class Supervisor:
    """Owns the sockets and the zygotes."""

    def __init__(self, config: ServerConfig) -> None:
        self.config = config
        self.refused = ""
        self._directory = SocketDirectory(config.directory, config.socket_group)
        self._listeners: dict[str, socket.socket] = {}
        self._zygotes: dict[str, ZygoteHandle] = {}
        self._old: list[ZygoteHandle] = []
        self._failures: Counter[str] = Counter()
        self._next_try: dict[str, float] = {}
        self._past: Counter[str] = Counter()  # counters of zygotes that have ended
        self._layers: list[dict[str, Any]] = []
        self._missing: list[str] = []  # packages that can't be used, and why
        self._gateway: subprocess.Popen[bytes] | None = None
        self._refreshed = 0.0
        self._stop = False
        self._selector = selectors.DefaultSelector()
        self._state_listener: socket.socket | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """The zygotes there are."""
        return ("python", "javascript", "library", *(("packages",) if self.config.packages else ()))

    def start(self) -> None:
        """Start and test everything.

        Raises:
            Refused: something the policy demands is missing; nothing listens then.
        """
        try:
            calls.architecture()
            remove_groups()
            for kind in self.kinds:
                self._listeners[kind] = self._directory.listen(f"{kind}.sock", socket.SOCK_SEQPACKET)
                if kind == PACKAGES:
                    self._begin_packages()
                else:
                    self._begin(kind)
        except (calls.UnsupportedPlatform, ZygoteFailed, OSError) as error:
            self._refuse(str(error))
            raise Refused(self.refused) from None

    def _begin_packages(self) -> None:
        """An administrator's packages that can't be confined are left out; all else goes on without them."""
        layers = self._layers
        try:
            self._begin(PACKAGES)
        except ZygoteFailed as error:
            self._layers = layers  # those of the interpreters that run
            self._missing = [str(error)]
            self._listeners.pop(PACKAGES).close()
            self._directory.remove(f"{PACKAGES}.sock")
            say(f"The extra packages can't be used. {error}")

    def _begin(self, kind: str) -> None:
        """Start a zygote; the one it replaces goes only when the new one has passed its tests."""
        fresh = ZygoteHandle(kind, self._listeners[kind], self.config, self._directory.empty)
        try:
            fresh.prepare()
        except ZygoteFailed:
            self._layers = fresh.layers or self._layers
            fresh.close()
            raise
        self._layers = fresh.layers
        old = self._zygotes.get(kind)
        fresh.serve()
        self._zygotes[kind] = fresh
        if old is not None:
            old.drain()
            self._old.append(old)

    def _refuse(self, reason: str) -> None:
        self.refused = reason
        for kind, listener in self._listeners.items():
            listener.close()
            self._directory.remove(f"{kind}.sock")
        for zygote in self._zygotes.values():
            zygote.close()
        self._listeners.clear()
        self._zygotes.clear()
        self._directory.refuse(f"Code execution is switched off. {reason}")

    def run(self) -> None:
        """Watch until a stop signal."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_stop)
        self._state_listener = self._directory.listen(STATE_SOCKET, socket.SOCK_STREAM)
        self._selector.register(self._state_listener, selectors.EVENT_READ)
        self._wake_on_death()
        self._start_gateway()
        while not self._stop:
            for key, _ in self._selector.select(TICK_S):
                if key.fileobj is self._state_listener:
                    self._answer_state()
                else:
                    os.read(key.fd, 4096)
            self._watch()

    def _on_stop(self, number: int, frame: object) -> None:
        self._stop = True

    def _wake_on_death(self) -> None:
        """A dead child ends the pause at once."""
        read, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        self._selector.register(read, selectors.EVENT_READ)

    def close(self) -> None:
        """End everything."""
        for zygote in [*self._zygotes.values(), *self._old]:
            zygote.close()
        if self._gateway is not None:
            self._gateway.kill()
            self._gateway.wait()
        for kind in self.kinds:
            self._directory.remove(f"{kind}.sock")
        self._directory.remove(STATE_SOCKET)

    # keeping it alive

    def _watch(self) -> None:
        now = time.monotonic()
        self._old = [zygote for zygote in self._old if not self._buried(zygote)]
        if now - self._refreshed > REFRESH_S:
            self._refreshed = now
            for zygote in self._zygotes.values():
                zygote.refresh()
        for kind in self._listeners:
            current = self._zygotes.get(kind)
            if current is not None and self._buried(current):
                say(f"The {kind} interpreter ended; starting another one.")
                del self._zygotes[kind]
                current = None
            if current is None or self._is_old(current):
                self._replace(kind)
        if self._gateway is not None and self._gateway.poll() is not None:
            say("The gateway ended; starting it again.")
            self._start_gateway()

    def _buried(self, zygote: ZygoteHandle) -> bool:
        if not zygote.ended():
            return False
        self._past.update(zygote.state["counters"])
        zygote.close()
        return True

    def _is_old(self, zygote: ZygoteHandle) -> bool:
        """Jobs of one zygote share its address layout and hash seed, so none serves for ever."""
        jobs = zygote.state["jobs"]
        return bool(jobs >= self.config.recycle_jobs or (jobs and zygote.age_s > self.config.recycle_s))

    def _replace(self, kind: str) -> None:
        """Start a zygote unless it failed just before; later each time it fails."""
        if time.monotonic() < self._next_try.get(kind, 0.0):
            return
        try:
            self._begin(kind)
        except (ZygoteFailed, OSError) as error:
            self._failures[kind] += 1
            pause = min(0.5 * 2 ** self._failures[kind], LONGEST_PAUSE_S)
            self._next_try[kind] = time.monotonic() + pause
            say(f"{error} Trying again in {pause:g} s.")
        else:
            self._failures[kind] = 0

    def _start_gateway(self) -> None:
        if not self.config.listen or self.refused:
            return
        arguments, descriptor = command(replace(self.config, parent=os.getpid()), "gateway")
        self._gateway = subprocess.Popen(
            arguments, env=EMPTY, pass_fds=[descriptor], stdin=subprocess.DEVNULL, cwd="/"
        )
        os.close(descriptor)

    # the health report

    def report(self) -> dict[str, Any]:
        """What the console shows."""
        zygotes = [zygote.refresh() for zygote in self._zygotes.values()]
        counters = Counter(self._past)
        for zygote in [*self._zygotes.values(), *self._old]:
            counters.update(zygote.state["counters"])
        packages = self._zygotes.get("packages")
        return {
            "version": VERSION,
            "uid": self.config.uid if os.geteuid() == 0 else os.geteuid(),
            "architecture": os.uname().machine,
            "layers": self._layers,
            "minimum": list(self.config.minimum),
            "refused": self.refused,
            "zygotes": zygotes,
            "counters": dict(counters),
            "slots": self.config.job_slots(),
            "packages": list(self.config.packages),
            "missing": packages.missing if packages is not None else self._missing,
        }

    def _answer_state(self) -> None:
        if self._state_listener is None:
            return
        try:
            client, _ = self._state_listener.accept()
        except OSError:
            return
        with client:
            client.settimeout(STATE_SEND_S)
            try:
                client.sendall(json.dumps(self.report()).encode())
            except OSError:
                return  # it has gone


def say(text: str) -> None:
    """One line for the operator."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(config: ServerConfig) -> int:
    """Run until stopped; returns the exit code."""
    supervisor = Supervisor(config)
    try:
        supervisor.start()
    except Refused as reason:
        say(f"The sandbox refuses to start. {reason}")
        if not config.stay:
            return REFUSED_EXIT
    else:
        standing = [layer["name"] for layer in supervisor.report()["layers"] if layer["on"]]
        say(f"The sandbox is ready in {config.directory} behind {', '.join(standing)}.")
    try:
        supervisor.run()
    finally:
        supervisor.close()
    return 0
