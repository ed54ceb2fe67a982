"""The supervisor: prefixed logs, restarts, an orderly stop, and nothing left after a kill."""

import io
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from apps.core.supervisor import ChildSpec, Console, JsonConsole, RunFile, RunState
from apps.core.supervisor.child import Child
from apps.core.supervisor.processes import identity

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 10

# Runs a supervisor as `manage.py up` does, with children that need no Django.
PROGRAM = """
import sys
from pathlib import Path
from apps.core.supervisor import ChildSpec, Console, RunFile, Supervisor

directory, port = Path(sys.argv[1]), int(sys.argv[2])
runfile = RunFile(directory)
if not runfile.acquire():
    sys.exit(f"already runs at {runfile.read().url}")
print("left:", runfile.end_leftovers(), flush=True)
web = f"import http.server as h; h.test(h.SimpleHTTPRequestHandler, port={port}, bind='127.0.0.1')"
specs = [
    ChildSpec("web", (sys.executable, "-u", "-c", web)),
    ChildSpec("worker", (sys.executable, "-u", "-c", "import time; print('working'); time.sleep(600)")),
]
supervisor = Supervisor(
    specs, directory=Path.cwd(), console=Console(sys.stdout, colour=False), runfile=runfile, url=f"http://127.0.0.1:{port}/"
)
supervisor.run(address=("127.0.0.1", port), ready=lambda: print("READY", flush=True))
runfile.release()
"""


def until(condition: Callable[[], object], seconds: float = SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


class Running:
    """A supervisor in a process of its own, with its output."""

    def __init__(self, directory: Path, port: int) -> None:
        self.runfile = RunFile(directory)
        command = [sys.executable, "-c", textwrap.dedent(PROGRAM), str(directory), str(port)]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.output = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self.output += line

    def says(self, text: str) -> None:
        until(lambda: text in self.output)

    def child(self, name: str) -> int:
        return self.runfile.read().children[name][0]

    def end(self) -> int:
        self.process.terminate()
        code = self.process.wait(SECONDS)
        self._reader.join(SECONDS)
        return code


@pytest.fixture
def start(tmp_path: Path, unused_tcp_port: int) -> Iterator[Callable[[], Running]]:
    started: list[Running] = []

    def begin() -> Running:
        started.append(Running(tmp_path / "run", unused_tcp_port))
        return started[-1]

    yield begin
    for running in started:
        running.process.kill()
        running.process.wait()
    holder = RunFile(tmp_path / "run")
    if holder.acquire():
        holder.end_leftovers()
        holder.release()


def test_runs_its_children_until_told_to_stop(start: Callable[[], Running]) -> None:
    running = start()
    running.says("READY")
    running.says("   worker | working")
    pids = [running.child("web"), running.child("worker")]
    assert running.runfile.read().ready

    assert running.end() == 0

    assert "Stopped." in running.output
    assert [identity(pid) for pid in pids] == ["", ""]
    assert running.runfile.read() == RunState()


def test_a_killed_child_is_started_again(start: Callable[[], Running]) -> None:
    running = start()
    running.says("READY")
    worker = running.child("worker")

    os.kill(worker, signal.SIGKILL)

    running.says("was killed by SIGKILL; starting it again")
    until(lambda: running.runfile.read().children.get("worker", (worker, ""))[0] != worker)


def test_a_second_one_says_where_the_first_runs(start: Callable[[], Running]) -> None:
    start().says("READY")

    second = start()

    assert second.process.wait(SECONDS) == 1
    second.says("already runs at http://127.0.0.1:")


def test_children_end_with_a_killed_supervisor(start: Callable[[], Running]) -> None:
    running = start()
    running.says("READY")
    pids = [running.child("web"), running.child("worker")]

    running.process.kill()

    until(lambda: [identity(pid) for pid in pids] == ["", ""])
    start().says("READY")


def test_the_next_start_ends_children_that_missed_it(tmp_path: Path) -> None:
    deaf = "import signal as s, time; s.signal(s.SIGTERM, s.SIG_IGN); print(1, flush=True); time.sleep(600)"
    child = subprocess.Popen([sys.executable, "-c", deaf], start_new_session=True, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    runfile = RunFile(tmp_path)
    assert runfile.acquire()
    stranger = os.getpid()
    runfile.write(
        RunState(
            1, "", True, {"worker": (child.pid, identity(child.pid)), "web": (stranger, "another moment")}
        )
    )

    assert runfile.end_leftovers(seconds=0.3) == ["worker"]
    assert child.wait(SECONDS) == -signal.SIGKILL


def test_a_child_that_keeps_crashing_is_reported_plainly(tmp_path: Path) -> None:
    stream = io.StringIO()
    spec = ChildSpec("worker", (sys.executable, "-c", "raise SystemExit(3)"))
    child = Child(spec, ROOT, Console(stream, colour=False))
    for _ in range(4):
        child.start()
        until(child.keep_running)

    assert child.crashes == 4
    assert "ended with code 3; starting it again in 0.5 s" in stream.getvalue()
    assert "for the 4th time in a row" in stream.getvalue()
    assert not child.keep_running()  # it waits before the next try


def test_lines_carry_the_name_of_their_process() -> None:
    plain, coloured = io.StringIO(), io.StringIO()
    Console(plain, colour=False).line("web", "hello\n")
    Console(coloured, colour=True).line("web", "hello")

    assert plain.getvalue() == "      web | hello\n"
    assert coloured.getvalue() == "\x1b[36m      web | \x1b[0mhello\n"


def test_lines_for_programs_are_objects() -> None:
    stream = io.StringIO()
    console = JsonConsole(stream)
    logged = '{"level": "INFO", "message": "hello"}'
    console.line("web", f"{logged}\n")
    console.line("web", "\n")
    console.line("web", "Killed: 飞轮")

    first, second = stream.getvalue().splitlines()
    assert first == logged
    wrapped = json.loads(second)
    assert (wrapped["process"], wrapped["level"], wrapped["message"]) == ("web", "INFO", "Killed: 飞轮")


@pytest.mark.parametrize("text", ["", "{", '{"pid": "x"}', "[]"])
def test_a_damaged_record_is_an_empty_one(text: str) -> None:
    assert RunState.parse(text) == RunState()
