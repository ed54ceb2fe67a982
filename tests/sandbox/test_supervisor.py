"""The supervisor as a process: sockets, replacement, recycling, refusal, and its end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from apps.core.sandbox import errors, protocol
from apps.core.sandbox.client import LocalTransport, execute
from apps.core.sandbox.jobs import CodeJob
from apps.core.sandbox.server import launch
from apps.core.sandbox.server.config import ServerConfig
from tests.sandbox.attacks.harness import SYSTEM_PYTHON
from tests.sandbox.test_zygote import alive, descendants, eventually

JOB = CodeJob("python", "import os\ndef main():\n    return 1")


async def no_network(request) -> bytes:
    return protocol.refusal_frame("no")


class Running:
    """A supervisor in a directory of its own."""

    def __init__(self, **config) -> None:
        self.base = tempfile.TemporaryDirectory(prefix="sandbox-")
        Path(self.base.name).chmod(0o755)
        self.directory = Path(self.base.name) / "s"
        values = {"slots": 4, "warm": 1, **config}
        self.process = launch.start(ServerConfig(str(self.directory), launch.engine_path(), **values))
        self.transport = LocalTransport(self.directory)

    def ready(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(self.process.stdout.read())
        return self.state() is not None

    def state(self):
        try:
            return asyncio.run(self.transport.state())
        except errors.SandboxUnavailable:
            return None

    def run(self, job=JOB):
        return asyncio.run(execute(self.transport, job, no_network)).value

    def pids(self):
        return {one["socket"]: one["pid"] for one in (self.state() or {"zygotes": []})["zygotes"]}

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        self.process.stdout.close()
        self.base.cleanup()


@pytest.fixture
def supervisor():
    running = []

    def start(**config) -> Running:
        running.append(Running(**config))
        assert eventually(running[-1].ready)
        return running[-1]

    yield start
    for one in running:
        if one.process.poll() is None:
            one.close()


def test_sockets_are_private_and_the_report_is_complete(supervisor):
    one = supervisor()
    assert stat.S_IMODE(one.directory.stat().st_mode) == 0o700
    for name in ("python", "javascript", "library", "state"):
        assert stat.S_IMODE((one.directory / f"{name}.sock").stat().st_mode) == 0o600
    assert one.run() == 1
    report = one.state()
    assert {"own_uid", "no_new_privs", "rlimits", "seccomp"} <= set(report["minimum"])
    standing = {layer["name"] for layer in report["layers"] if layer["on"]}
    assert set(report["minimum"]) <= standing
    assert report["refused"] == ""
    assert report["slots"] == 4
    assert {one["socket"] for one in report["zygotes"]} == {"python", "library", "javascript"}
    assert report["counters"]["finished"] >= 3


def test_its_environment_is_empty(supervisor, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_HOST", "very-secret")
    one = supervisor()
    for pid in [one.process.pid, *descendants(one.process.pid)]:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        assert b"very-secret" not in environment
        assert b"PATH=" not in environment


SENDER = """
import socket
kept = []
for _ in range(12):
    pair, passed = socket.socketpair(), socket.socketpair()
    socket.send_fds(pair[0], [b"x"], [passed[0].fileno()])
    kept += pair, passed
print("sent", flush=True)
input()
"""


def test_many_descriptors_under_way_lose_no_job(supervisor):
    """The kernel counts the descriptors that all processes of a user pass on, against the limit of each sender."""
    one = supervisor(warm=4)
    uid = None if os.geteuid() else one.state()["uid"]
    sender = subprocess.Popen(
        [SYSTEM_PYTHON, "-I", "-c", SENDER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        user=uid,
        extra_groups=None if uid is None else [],
    )
    with sender:
        assert sender.stdout.readline() == b"sent\n"
        assert [one.run() for _ in range(6)] == [1] * 6
        sender.stdin.close()


def run_when_back(one):
    """Run a job again while it goes to what is dying: such a loss is told, and can be tried again."""
    for _ in range(50):
        try:
            return one.run()
        except errors.JobCrashed:
            time.sleep(0.05)
    raise AssertionError("no job came through")


def test_a_killed_zygote_is_replaced(supervisor):
    one = supervisor()
    before = one.pids()
    os.kill(before["python"], signal.SIGKILL)
    assert run_when_back(one) == 1
    # a child that waited may still have taken the job while the killed one was dying
    assert eventually(lambda: one.pids().get("python") not in {before["python"], None})
    assert one.pids()["javascript"] == before["javascript"]


def test_zygotes_are_recycled(supervisor):
    one = supervisor(recycle_jobs=5)
    before = one.pids()["python"]
    for _ in range(6):
        assert one.run() == 1
    assert eventually(lambda: one.pids().get("python") not in {before, None})
    # it goes when those that waited in it have had one more job each; any other may take a job first
    assert eventually(lambda: run_when_back(one) == 1 and not alive(before))


def test_killing_the_supervisor_leaves_nothing(supervisor):
    one = supervisor()
    family = descendants(one.process.pid)
    assert len(family) >= 6
    one.process.kill()
    one.process.wait()
    one.process.stdout.close()
    assert eventually(lambda: not any(alive(pid) for pid in family))
    one.base.cleanup()


def test_stopping_ends_all_and_removes_the_sockets(supervisor):
    one = supervisor()
    family = descendants(one.process.pid)
    one.process.terminate()
    assert one.process.wait(10) == 0
    assert eventually(lambda: not any(alive(pid) for pid in family))
    assert not list(one.directory.glob("*.sock"))


@pytest.fixture
def site(tmp_path):
    """A directory with packages."""
    tmp_path.chmod(0o755)
    (tmp_path / "helpful.py").write_text(
        "import random\nSTATE = random.random()\ndef twice(x):\n    return x * 2\n"
    )
    (tmp_path / "threaded.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=[99], daemon=True).start()\n"
    )
    return tmp_path


def test_extra_packages_can_be_imported(supervisor, site):
    one = supervisor(packages=("helpful", "not_there"), package_paths=(str(site),))
    job = CodeJob("python", "import helpful\ndef main():\n    return [helpful.twice(2), helpful.__file__]")
    one.transport = LocalTransport(one.directory, ("helpful", "not_there"))
    value = one.run(job)
    assert value[0] == 4
    assert str(site) not in value[1]
    assert "not_there: ModuleNotFoundError" in one.state()["missing"][0]
    with pytest.raises(errors.CodeFailed, match="not available in the sandbox"):
        one.run(CodeJob("python", "import not_there"))


def test_a_package_that_starts_a_thread_is_left_out(supervisor, site):
    one = supervisor(packages=("threaded",), package_paths=(str(site),))
    assert "started a thread" in one.state()["missing"][0]
    assert one.run() == 1
    assert not (one.directory / "packages.sock").exists()


def test_it_refuses_below_the_minimum_and_says_so():
    one = Running(disabled=("landlock",), require=("landlock",))
    try:
        assert one.process.wait(20) == 78
        assert "'landlock' is required" in one.process.stdout.read()
        with pytest.raises(errors.SandboxUnavailable, match="'landlock' is required"):
            one.run()
    finally:
        one.process.stdout.close()
        one.base.cleanup()


def test_refusing_it_may_stay_to_tell(supervisor):
    one = supervisor(disabled=("seccomp",), stay=True)
    assert "seccomp" in one.state()["refused"]
    with pytest.raises(errors.SandboxUnavailable, match="seccomp"):
        one.run()


def test_a_deep_directory_works():
    base = tempfile.mkdtemp(prefix="sandbox-")
    deep = Path(base, *["directory-with-a-long-name"] * 5)
    from apps.core.sandbox.server.directory import SocketDirectory

    directory = SocketDirectory(str(deep), None)
    listener = directory.listen("python.sock", socket.SOCK_SEQPACKET)
    assert (deep / "python.sock").is_socket()
    listener.close()


def test_a_group_may_be_let_in(tmp_path):
    from apps.core.sandbox.server.directory import SocketDirectory

    directory = SocketDirectory(str(tmp_path / "s"), os.getgid())
    listener = directory.listen("python.sock", socket.SOCK_SEQPACKET)
    assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o710
    assert stat.S_IMODE((tmp_path / "s" / "python.sock").stat().st_mode) == 0o660
    listener.close()


def test_what_others_left_is_taken_over(tmp_path):
    from apps.core.sandbox.server.directory import SocketDirectory

    for _ in range(2):
        directory = SocketDirectory(str(tmp_path / "s"), None)
        directory.refuse("because")
        directory.listen("python.sock", socket.SOCK_SEQPACKET).close()
    SocketDirectory(str(tmp_path / "s"), None)
    assert not (tmp_path / "s" / protocol.REFUSED_FILE).exists()
