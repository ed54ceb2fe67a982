"""Keeps the children and the database running until somebody says stop."""

import http.client
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Protocol

from .child import Child, ChildSpec
from .console import Console
from .processes import identity
from .runfile import RunFile, RunState

TICK_SECONDS = 0.2
STOP_SECONDS = 12.0
HEAD_START_SECONDS = 15.0
HEALTH_PATH = "/health/"
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Database(Protocol):
    """A database server that is ours to keep running."""

    def pid(self) -> int | None:
        """Process id of the server, or None."""

    def start(self) -> str:
        """Start it and return its URL."""

    def stop(self) -> None:
        """Stop it."""


class Supervisor:
    """Runs `specs` and, when given, `database`: children stop first, the database last.

    The first child is the web process. The others start when it answers (or keeps us waiting too long), so
    that the first page does not compete with them.
    """

    def __init__(
        self,
        specs: Sequence[ChildSpec],
        *,
        directory: Path,
        console: Console,
        runfile: RunFile,
        url: str,
        database: Database | None = None,
    ) -> None:
        self._children = [Child(spec, directory, console) for spec in specs]
        self._console = console
        self._runfile = runfile
        self._state = RunState(url=url)
        self._database = database
        self._database_url = ""
        self._stopping = threading.Event()

    @property
    def ready(self) -> bool:
        """Whether the web process has answered."""
        return self._state.ready

    def run(self, *, address: tuple[str, int], ready: Callable[[], None]) -> None:
        """Run until a stop signal; call `ready` once, when the web process answers at `address` first."""
        self._state.pid = os.getpid()
        for number in STOP_SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup means it
                signal.signal(number, self._on_signal)
        try:
            self._start()
            self._watch(address, ready)
        finally:
            self._stop()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        """The first signal stops in order, a second one at once."""
        if self._stopping.is_set():
            for child in self._children:
                child.kill()
        self._stopping.set()

    def _start(self) -> None:
        if self._database is not None:
            self._database_url = self._database.start()
        first, *others = self._children
        first.start()
        for child in others:
            child.start_within(HEAD_START_SECONDS)
        self._record()

    def _watch(self, address: tuple[str, int], ready: Callable[[], None]) -> None:
        while not self._stopping.wait(TICK_SECONDS):
            self._keep_database()
            self._keep_children()
            if not self._state.ready and _answers(*address):
                self._first_answer()
                ready()

    def _first_answer(self) -> None:
        self._state.ready = True
        for child in self._children:
            if child.process is None and not child.crashes:
                child.start()
        self._record()

    def _keep_children(self) -> None:
        changed = [child for child in self._children if child.keep_running()]
        if changed:
            self._record()

    def _keep_database(self) -> None:
        """Start a database that has died. Children reconnect by themselves, unless its address changed."""
        if self._database is None or self._database.pid() is not None:
            return
        self._console.line("database", "PostgreSQL has stopped; starting it again.")
        try:
            url = self._database.start()
        except Exception as error:  # noqa: BLE001 - whatever it is, the next tick tries again
            self._console.line("database", str(error))
            self._stopping.wait(2.0)
            return
        self._console.line("database", "PostgreSQL runs again.")
        if url != self._database_url:
            self._database_url = url
            for child in self._children:
                child.terminate()

    def _record(self) -> None:
        pids = {child.spec.name: child.pid for child in self._children}
        self._state.children = {name: (pid, identity(pid)) for name, pid in pids.items() if pid is not None}
        self._runfile.write(self._state)

    def _stop(self) -> None:
        self._console.line("flywheel", "Stopping.")
        for child in self._children:
            child.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for child in self._children:
            child.wait(deadline)
        if self._database is not None:
            self._database.stop()
        self._console.line("flywheel", "Stopped.")


def _answers(host: str, port: int) -> bool:
    """Whether a working web process answers. A refusal (unknown host name, only HTTPS) is an answer too."""
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", HEALTH_PATH)
        return connection.getresponse().status < http.HTTPStatus.INTERNAL_SERVER_ERROR
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
