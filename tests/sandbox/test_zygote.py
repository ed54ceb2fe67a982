"""One zygote, spoken to by hand: start messages, slots, leases, and how children end."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import time
from pathlib import Path

import pytest

from apps.core.sandbox import protocol
from apps.core.sandbox.jobs import CodeJob, Limits
from apps.core.sandbox.protocol import Verdict
from apps.core.sandbox.server import launch
from apps.core.sandbox.server.config import ServerConfig
from apps.core.sandbox.server.directory import SocketDirectory
from apps.core.sandbox.server.handle import ZygoteFailed, ZygoteHandle

SLEEP = "import time\ndef main():\n    time.sleep(20)"
QUICK = "def main():\n    return 1"


class Peer:
    """A client of one job without any of the client's code."""

    def __init__(self, path, message=None, code=QUICK, *, give=True) -> None:
        self.control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control.connect(path)
        self.data, theirs = socket.socketpair()
        self.control.settimeout(10)
        self.data.settimeout(10)
        with theirs:
            message = protocol.start_message(Limits()) if message is None else message
            socket.send_fds(self.control, [message], [theirs.fileno()] if give else [])
        if give:
            with contextlib.suppress(BrokenPipeError):  # it was refused already
                self.data.send(protocol.encode_job(CodeJob("python", code)))

    def read(self) -> bytes:
        found = b""
        try:
            while piece := self.data.recv(65536):
                found += piece
        except ConnectionResetError:
            pass
        return found

    def result(self) -> bytes:
        """The payload of the RESULT frame, the last one."""
        output, found = self.read(), b""
        while output:
            kind, size = protocol.HEADER.unpack_from(output)
            found = output[5 : 5 + size] if kind == protocol.RESULT else b""
            output = output[5 + size :]
        return found

    def verdict(self) -> Verdict:
        return Verdict.decode(self.control.recv(4096))

    def close(self) -> None:
        self.control.close()
        self.data.close()


@pytest.fixture
def directory(tmp_path):
    tmp_path.chmod(0o755)
    return SocketDirectory(str(tmp_path / "s"), None)


@pytest.fixture
def start(directory, tmp_path):
    """Return `start(kind, **config)`: a prepared and serving zygote, and the path of its socket."""
    handles, listeners = [], []

    def begin(kind="python", **config):
        values = {"slots": 2, "warm": 0, **config}
        settings = ServerConfig(str(tmp_path / "s"), launch.engine_path(), **values)
        listeners.append(directory.listen(f"{kind}.sock", socket.SOCK_SEQPACKET))
        handle = ZygoteHandle(kind, listeners[-1], settings, directory.empty)
        handles.append(handle)
        handle.prepare()
        handle.serve()
        assert eventually(lambda: handle.refresh()["warm"] == min(values["warm"], values["slots"]))
        return handle, str(tmp_path / "s" / f"{kind}.sock")

    yield begin
    for handle in handles:
        handle.close()
    for listener in listeners:
        listener.close()


def eventually(check) -> bool:
    deadline = time.monotonic() + 10
    while not check():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_a_job_and_its_verdict(start):
    _, path = start()
    peer = Peer(path)
    assert json.loads(peer.result()) == {"ok": True, "value": 1}
    verdict = peer.verdict()
    assert (verdict.state, verdict.ready, verdict.exit_code, verdict.signal) == ("done", True, 0, None)


@pytest.mark.parametrize("warm", [0, 1])
@pytest.mark.parametrize(
    ("message", "give"),
    [(b"", True), (b"{}", True), (b"[1", True), (b'{"v":9}', True), (None, False), (b"\xff" * 4000, True)],
)
def test_strange_requests_start_nothing(start, message, give, warm):
    handle, path = start(warm=warm)
    peer = Peer(path, message, give=give)
    if message != b"":  # an empty message is an end
        assert peer.verdict().state == "failed"
    good = Peer(path)
    good.read()
    assert good.verdict().exit_code == 0
    assert handle.refresh()["jobs"] == 3  # the two of the self-test, and this one


@pytest.mark.parametrize("warm", [0, 4])
def test_slots_are_bounded(start, warm):
    _, path = start(slots=1, warm=warm)
    busy = Peer(path, code=SLEEP)
    time.sleep(0.1)
    other = Peer(path)
    assert other.verdict().state == "busy"
    busy.close()
    assert eventually(lambda: _runs(path))


def _runs(path) -> bool:
    peer = Peer(path)
    peer.read()
    return peer.verdict().state == "done"


@pytest.mark.parametrize("warm", [0, 2])
def test_a_client_that_goes_takes_its_job_along_and_no_other(start, warm):
    handle, path = start(warm=warm)
    one, other = Peer(path, code=SLEEP), Peer(path, code=SLEEP)
    assert eventually(lambda: handle.refresh()["running"] == 2)
    one.close()
    assert eventually(lambda: handle.refresh()["running"] == 1)
    other.control.settimeout(0.1)
    with pytest.raises(TimeoutError):
        other.control.recv(10)


@pytest.mark.parametrize("warm", [0, 1])
def test_a_job_cannot_pretend_that_it_never_began(start, warm):
    """Closing, reading and writing every descriptor changes nothing in what the zygote says."""
    _, path = start(warm=warm)
    code = "import os\ndef main():\n    os.write(0, b'R')\n    os.closerange(0, 5)\n    os._exit(111)"
    peer = Peer(path, code=code)
    assert peer.read() == b"R"
    verdict = peer.verdict()
    assert (verdict.ready, verdict.exit_code, verdict.reason) == (True, 111, "")


@pytest.mark.parametrize("warm", [0, 1])
def test_a_job_has_one_descriptor_and_is_not_root(start, warm):
    _, path = start(warm=warm)
    code = (
        "import os\ndef main():\n    found = []\n    for fd in range(50):\n"
        "        try: os.lseek(fd, 0, 1)\n        except OSError as e: found.append(e.errno)\n"
        "    return [found[0], set(found[1:]) == {9}, os.getuid(), os.getpid()]"
    )
    peer = Peer(path, code=code)
    value = json.loads(peer.result())["value"]
    assert value[:2] == [29, True]  # ESPIPE: a socket; EBADF for all others
    assert value[2] != 0


def test_waiting_children_take_jobs_and_are_replaced(start):
    handle, path = start(warm=2)
    assert eventually(lambda: handle.refresh()["warm"] == 2)
    for _ in range(5):
        peer = Peer(path)
        peer.read()
        assert peer.verdict().exit_code == 0
    assert eventually(lambda: handle.refresh()["warm"] == 2)


def test_a_client_that_connects_and_says_nothing_harms_nobody(start):
    handle, path = start(warm=1)
    assert eventually(lambda: handle.refresh()["warm"] == 1)
    silent = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    silent.connect(path)
    gone = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    gone.connect(path)
    gone.close()
    assert eventually(lambda: _runs(path))
    silent.close()


def test_waiting_children_of_a_zygote_that_drains_take_what_comes_next(start):
    handle, path = start(warm=1)
    assert eventually(lambda: handle.refresh()["warm"] == 1)
    handle.drain()
    assert _runs(path)
    assert eventually(handle.ended)


def test_draining_waits_for_connections_that_have_said_nothing_yet(start):
    handle, path = start()
    late = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    late.connect(path)
    assert eventually(lambda: _runs(path))  # the one before it has been accepted
    handle.drain()
    time.sleep(0.05)
    peer = Peer.__new__(Peer)
    peer.control = late
    peer.data, theirs = socket.socketpair()
    socket.send_fds(late, [protocol.start_message(Limits())], [theirs.fileno()])
    theirs.close()
    peer.data.send(protocol.encode_job(CodeJob("python", QUICK)))
    assert json.loads(peer.result()) == {"ok": True, "value": 1}
    assert eventually(handle.ended)


def test_draining_finishes_jobs_and_ends(start):
    handle, path = start(warm=0)
    peer = Peer(path, code="import time\ndef main():\n    time.sleep(0.3)\n    return 1")
    assert eventually(lambda: handle.refresh()["running"] == 1)
    handle.drain()
    assert b'"value":1' in peer.read()
    assert peer.verdict().exit_code == 0
    assert eventually(handle.ended)


@pytest.mark.parametrize("disabled", [(), ("userns", "chroot")])
def test_a_dying_zygote_takes_its_children_along(start, disabled):
    handle, path = start(warm=2, disabled=disabled)
    peer = Peer(path, code=SLEEP)
    assert eventually(lambda: handle.refresh()["running"] == 1)
    family = descendants(handle.process.pid)
    assert len(family) >= 2
    handle.process.kill()
    assert eventually(lambda: not any(alive(pid) for pid in family))
    assert peer.control.recv(10) == b""  # no verdict is made up


def test_a_child_whose_zygote_died_first_ends_by_itself():
    """It may die between its fork and the moment when the kernel is asked to tell the child."""
    from apps.core.sandbox.zygote import child
    from apps.core.sandbox.zygote.isolation import Isolation

    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    isolation = Isolation()
    isolation.zygote = 1
    pid = os.fork()
    if pid == 0:
        child.live(theirs.fileno(), isolation, lambda what: None)
    theirs.close()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert ours.recv(10) == b""
    ours.close()


def descendants(pid: int) -> list[int]:
    found = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, children.read_text().split()):
            found += [child, *descendants(child)]
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def test_a_processor_hog_gives_way(start):
    handle, path = start()
    peer = Peer(path, code="def main():\n    while True: pass")
    assert eventually(lambda: handle.refresh()["running"] == 1)
    job = descendants(handle.process.pid)[-1]
    assert eventually(lambda: os.getpriority(os.PRIO_PROCESS, job) >= 10)
    peer.close()


def test_memory_is_small(start):
    """A job keeps less than two megabytes for itself."""
    handle, path = start()
    peer = Peer(path, code=SLEEP)
    assert eventually(lambda: handle.refresh()["running"] == 1)
    time.sleep(0.1)
    job = descendants(handle.process.pid)[-1]
    lines = Path(f"/proc/{job}/smaps_rollup").read_text().splitlines()
    private = next(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty"))
    assert private < 2_048
    peer.close()


def test_without_seccomp_it_is_refused(start):
    with pytest.raises(ZygoteFailed, match="'seccomp' is required"):
        start(disabled=("seccomp",))


def test_a_required_layer_that_is_missing_is_named(start):
    with pytest.raises(ZygoteFailed, match="'landlock' is required and does not stand: switched off"):
        start(disabled=("landlock",), require=("landlock",))


def test_the_verdict_of_a_zygote_is_the_protocols(start):
    """The zygote writes it without the protocol's class, to import less."""
    _, path = start()
    peer = Peer(path)
    peer.read()
    assert set(json.loads(peer.control.recv(4096))) <= set(Verdict.__dataclass_fields__)
    assert struct.calcsize("<cI") == protocol.HEADER.size
