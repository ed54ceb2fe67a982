"""One child: locked step by step, gets its job, and hands over to the runner. Never returns.

A child gets its job in one of two ways. One that waits takes a client's connection itself, which saves the way through
the zygote, and passes the connection on. One that was forked for a job gets it from the zygote over the lease.
"""

from __future__ import annotations

import _socket
import errno
import os
import resource
import select
import signal
import time
from collections.abc import Callable

from apps.core.sandbox.kernel import calls, landlock
from apps.core.sandbox.runner.selftest import RUN
from apps.core.sandbox.zygote import request
from apps.core.sandbox.zygote.isolation import Isolation

DATA, LEASE, LISTENER, POLL = (
    0,
    1,
    2,
    3,
)  # the descriptors of a child; only DATA is left when it reads its job
DESCRIPTORS = 5  # one more while it accepts
READY = b"R"
BUSY = b'{"state": "busy"}'
NO_DATA = b"-"  # in place of a start message that came without a data socket
DESCRIPTOR_SPACE = _socket.CMSG_SPACE(4)
PATIENCE_S = 1.0  # for a client that has connected and says nothing
PATIENCE_STEP_S = 0.001

Runner = Callable[[int], None]
Rehearsal = Callable[[], None]


def adopt(descriptor: int) -> _socket.socket:
    """A socket object of a descriptor; said what it is, Python need not ask the kernel."""
    return _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET, 0, descriptor)


def rights(descriptor: int) -> list[tuple[int, int, bytes]]:
    """The ancillary data that passes `descriptor` on."""
    return [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, descriptor.to_bytes(4, "little"))]


def live(lease: int, isolation: Isolation, run: Runner) -> None:
    """Be a child that was forked for a job. `run` gets what to run; its process ends when it returns."""
    try:
        _lock(lease, isolation)
        os.close(DATA)
        calls.close_from(LISTENER)
        _finish_lock(isolation)
        message = _receive()
        _arrive(message[1:], isolation)
    except BaseException as error:  # noqa: BLE001 - without the ready byte this is a failure of the platform
        _fail(error)
    _run(run, message[0])


def wait(lease: int, listener: int, isolation: Isolation, run: Runner, rehearse: Rehearsal) -> None:
    """Be a child that waits for a client.

    It rehearses first: what a job writes to is then its own already, and not copied while somebody waits for it.
    """
    try:
        _lock(lease, isolation)
        os.dup2(listener, LISTENER)
        os.dup2(LEASE, DATA)  # keeps the place until the job's data comes
        calls.close_from(POLL)
        poll = select.epoll(2)
        poll.register(LISTENER, select.EPOLLIN | select.EPOLLEXCLUSIVE)
        poll.register(LEASE, 0)  # hanging up is told anyway
        _finish_lock(isolation)
        rehearse()
        message = _accept(poll)
        _arrive(message, isolation)
    except BaseException as error:  # noqa: BLE001 - as above
        _fail(error)
    _run(run, RUN)


def _run(run: Runner, what: int) -> None:
    os.write(LEASE, READY)
    os.close(LEASE)
    try:
        run(what)
    finally:
        os._exit(1)


def _fail(error: BaseException) -> None:
    os.write(LEASE, f"!{type(error).__name__}: {error}".encode()[:500])
    os._exit(111)


def _lock(lease: int, isolation: Isolation) -> None:
    """The walls that do not depend on the job, but for the last ones."""
    calls.prctl(calls.PR_SET_PDEATHSIG, signal.SIGKILL)
    if isolation.world >= 0:
        calls.set_capabilities(0)
    elif os.getppid() != isolation.zygote:
        os._exit(0)  # it died before the line above; in a process world of its own, the kernel ended this one
    if isolation.ruleset >= 0:
        landlock.restrict(isolation.ruleset)  # a domain of its own: no signals and no tracing between jobs
    os.dup2(lease, LEASE)


def _finish_lock(isolation: Isolation) -> None:
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    if isolation.child_filter is not None:
        isolation.child_filter.install()


def _receive() -> bytes:
    """What to run and the start message, from the zygote; the data socket takes the free descriptor 0."""
    lease = adopt(LEASE)
    message, ancillary, _, _ = lease.recvmsg(request.MAX_BYTES + 1, DESCRIPTOR_SPACE)
    lease.detach()
    if not message:
        os._exit(0)
    _require_data(ancillary)
    return message


def _accept(poll: select.epoll) -> bytes:
    """The start message, from a client; the zygote gets the connection and with it the job's lease."""
    listener = adopt(LISTENER)
    while True:
        if any(number == LEASE for number, _ in poll.poll()):
            os._exit(0)
        try:
            descriptor, _ = listener._accept()  # type: ignore[attr-defined]  # what socket.accept() wraps
        except BlockingIOError:
            continue  # another child was faster
        break
    os.close(DATA)
    control = adopt(descriptor)
    message, ancillary = _hear(control)
    _pass_on(control, message if ancillary else NO_DATA)
    if request.parse(message) is None or not ancillary:
        os._exit(0)  # the zygote tells the client
    _require_data(ancillary)
    control.close()
    listener.close()
    poll.close()
    return message


def _pass_on(control: _socket.socket, message: bytes) -> None:
    """Give the zygote the connection; a client whose connection can't be passed on may try again.

    The kernel refuses to pass descriptors on for a user who has more of them under way than `RLIMIT_NOFILE` (unix(7),
    ETOOMANYREFS), which counts those of all the user's processes. That limit is lowered when the job has arrived.
    """
    lease = adopt(LEASE)
    try:
        lease.sendmsg([message], rights(control.fileno()))
    except OSError:
        control.send(BUSY)
        os._exit(0)
    lease.detach()


def _hear(control: _socket.socket) -> tuple[bytes, list[tuple[int, int, bytes]]]:
    """Read the start message, which is on its way when the connection is there."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            message, ancillary, _, _ = control.recvmsg(
                request.MAX_BYTES, DESCRIPTOR_SPACE, _socket.MSG_DONTWAIT
            )
        except OSError as error:
            if error.errno != errno.EAGAIN:
                break
            time.sleep(PATIENCE_STEP_S)
        else:
            if not message:
                break
            return message, ancillary
    os._exit(0)


def _require_data(ancillary: list[tuple[int, int, bytes]]) -> None:
    if not ancillary or int.from_bytes(ancillary[0][2], "little") != DATA:
        raise RuntimeError("the data socket did not take its place")


def _arrive(message: bytes, isolation: Isolation) -> None:
    """The walls that depend on the job, and the end of receiving."""
    asked = request.parse(message)
    if asked is None:
        raise RuntimeError("no start message")
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
    space = isolation.space + asked.memory_mb * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (space, space))
    resource.setrlimit(resource.RLIMIT_DATA, (space, space))
    resource.setrlimit(resource.RLIMIT_CPU, (asked.seconds, asked.seconds))
    if isolation.lock_filter is not None:
        isolation.lock_filter.install()
