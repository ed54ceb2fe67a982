"""One child: locked step by step, waits for its job, and hands over to the runner. Never returns."""

from __future__ import annotations

import _socket
import os
import resource
import signal
import struct
from collections.abc import Callable

from apps.core.sandbox.kernel import calls, landlock
from apps.core.sandbox.zygote.isolation import Isolation

ARRIVAL = struct.Struct("<QQB")  # processor seconds, bytes of address space, what to run
DATA, LEASE = 0, 1  # the descriptors a child has; the lease is closed before the job is read
READY = b"R"
DATA_SOCKET_ONLY = 2
DESCRIPTOR_SPACE = _socket.CMSG_SPACE(4)


def adopt(descriptor: int) -> _socket.socket:
    """A socket object of a descriptor; said what it is, Python need not ask the kernel."""
    return _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET, 0, descriptor)


Runner = Callable[[int], None]
Rehearsal = Callable[[], None]


def live(lease: int, isolation: Isolation, run: Runner, rehearse: Rehearsal | None = None) -> None:
    """Be a child. `run` gets what to run; its process ends when it returns.

    A child that waits rehearses: what a job writes to first is then its own already, and not copied while somebody
    waits for the job.
    """
    try:
        _lock(lease, isolation)
        if rehearse is not None:
            rehearse()
        message = _receive()
        if message is None:
            os._exit(0)
        what = _arrive(message, isolation)
    except BaseException as error:  # noqa: BLE001 - without the ready byte this is a failure of the platform
        os.write(LEASE, f"!{type(error).__name__}: {error}".encode()[:500])
        os._exit(111)
    os.write(LEASE, READY)
    os.close(LEASE)
    try:
        run(what)
    finally:
        os._exit(1)


def _lock(lease: int, isolation: Isolation) -> None:
    """All walls that do not depend on the job."""
    calls.prctl(calls.PR_SET_PDEATHSIG, signal.SIGKILL)
    if isolation.world >= 0:
        calls.set_capabilities(0)
    if isolation.ruleset >= 0:
        landlock.restrict(isolation.ruleset)  # a domain of its own: no signals and no tracing between jobs
    os.dup2(lease, LEASE)
    os.close(DATA)
    calls.close_from(LEASE + 1)
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (DATA_SOCKET_ONLY, DATA_SOCKET_ONLY))
    if isolation.child_filter is not None:
        isolation.child_filter.install()


def _receive() -> bytes | None:
    """Wait for the job's limits; its data socket takes the free descriptor 0."""
    lease = adopt(LEASE)
    message, ancillary, _, _ = lease.recvmsg(ARRIVAL.size, DESCRIPTOR_SPACE)
    lease.detach()
    if not message:
        return None
    descriptor = int.from_bytes(ancillary[0][2], "little")
    if descriptor != DATA:
        raise RuntimeError("the data socket took a wrong place")
    return message


def _arrive(message: bytes, isolation: Isolation) -> int:
    """The walls that depend on the job, and the end of receiving."""
    seconds, space, what = ARRIVAL.unpack(message)
    resource.setrlimit(resource.RLIMIT_AS, (space, space))
    resource.setrlimit(resource.RLIMIT_DATA, (space, space))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    if isolation.lock_filter is not None:
        isolation.lock_filter.install()
    return int(what)
