"""The zygote's loop: accept a job's connection, give it a child, say how the child ended."""

from __future__ import annotations

import _socket
import contextlib
import gc
import json
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from apps.core.sandbox.kernel import calls, namespaces
from apps.core.sandbox.runner.selftest import RUN
from apps.core.sandbox.zygote import child as children
from apps.core.sandbox.zygote import request
from apps.core.sandbox.zygote.isolation import Isolation, filter_calls, isolate, limit

if TYPE_CHECKING:
    from typing import Any

MAX_MESSAGE = 65_536
NOT_UNDERSTOOD = "The sandbox did not understand the request."
_kept: list[Zygote] = []  # a child does not spend time on taking the zygote apart
LINGER_S = 60.0  # how long children of a zygote that is replaced may wait for one more job
POLITE_AFTER_S = 0.15  # who computes longer than this gives way to everybody else
POLITE = 10
AHEAD_S = 0.003  # most jobs are done by then; making the next child would take the processor from them
SOON_FAILED = 8  # children that die before they have a job, in a row
IDLE_S = 3_600.0


class Forked(BaseException):
    """Raised in a new child: it leaves all the zygote's frames behind, so that code finds none of them."""

    def __init__(self, lease: _socket.socket, *, waits: bool) -> None:
        self.lease = lease
        self.waits = waits


class Child:
    """A forked process: waiting for a job, or running one."""

    __slots__ = ("control", "deadline", "lease", "pid", "pidfd", "polite_at", "reason", "started")

    def __init__(self, pid: int, pidfd: int, lease: _socket.socket) -> None:
        self.pid = pid
        self.pidfd = pidfd
        self.lease = lease
        self.control: _socket.socket | None = None
        self.started = 0.0
        self.deadline = 0.0
        self.polite_at = 0.0
        self.reason = ""


class Zygote:
    """Serves one listening socket with children of one kind."""

    def __init__(
        self, leash: _socket.socket, listener: _socket.socket, isolation: Isolation, config: dict[str, Any]
    ) -> None:
        self._leash = leash
        self._listener = listener
        self._isolation = isolation
        self._slots: int = config["slots"]
        self._warm_wanted: int = config["warm"]
        self._poll = select.epoll()
        self._handlers: dict[int, Callable[[], None]] = {}
        self._running: dict[int, Child] = {}  # by process id; these hold a slot
        self._ending: dict[int, Child] = {}  # their clients have what they wanted, or went; soon gone
        self._warm: dict[int, Child] = {}  # these wait for a client, or have one and are about to tell
        self._silent: dict[int, _socket.socket] = {}  # connections whose start message is not there yet
        self._serving = False
        self._failed = 0
        self._draining = False
        self._drained_at = 0.0
        self._jobs = 0
        self._counters: dict[str, int] = {}

    def serve(self) -> None:
        """Run until the leash ends, or until it said to drain and the last child is gone."""
        self._watch(self._leash.fileno(), self._obey)
        while not (self._draining and self._is_idle()):
            wanted = self._wants_child()
            wait = self._rest() if wanted else self._pause()
            events = self._poll.poll(wait)
            if not events and wanted:
                self._refill()
            # a descriptor that one handler closes may be given out again before the last event of the round is seen
            for descriptor, handler in [(number, self._handlers.get(number)) for number, _ in events]:
                if handler is not None and self._handlers.get(descriptor) is handler:
                    handler()
            self._accept_or_leave_it()
            if self._running or self._draining:
                self._keep_time()

    def _is_idle(self) -> bool:
        return not (self._running or self._ending or self._warm or self._silent)

    def _wants_child(self) -> bool:
        """Whether one more should wait; who waits takes a slot as well, so that waiting ones never exceed them."""
        room = self._slots - len(self._running)
        if self._draining or not self._serving or self._failed >= SOON_FAILED:
            return False
        return len(self._warm) < min(self._warm_wanted, room)

    def _rest(self) -> float:
        """Seconds until the next child may be made: a single job that has just begun goes first."""
        if not self._running or len(self._warm) + 1 < self._warm_wanted:
            return 0.0
        begun = max(one.started for one in self._running.values())
        return max(0.0, begun + AHEAD_S - time.monotonic())

    def _accept_or_leave_it(self) -> None:
        """Take connections only when no child waits for them."""
        number = self._listener.fileno()
        wanted = self._serving and not self._draining and not self._warm
        if wanted and number not in self._handlers:
            self._watch(number, self._accept)
        elif not wanted and number in self._handlers:
            self._unwatch(number)

    # events

    def _watch(self, descriptor: int, handler: Callable[[], None]) -> None:
        self._handlers[descriptor] = handler
        self._poll.register(descriptor, select.EPOLLIN | select.EPOLLRDHUP)

    def _unwatch(self, descriptor: int) -> None:
        del self._handlers[descriptor]
        self._poll.unregister(descriptor)

    def _pause(self) -> float:
        """Seconds until a job has to be looked at."""
        if self._draining:
            return 1.0
        if not self._running:
            return IDLE_S
        next_look = min(min(one.deadline, one.polite_at or one.deadline) for one in self._running.values())
        return max(0.0, next_look - time.monotonic()) + 0.001

    def _keep_time(self) -> None:
        now = time.monotonic()
        if self._draining and now > self._drained_at + LINGER_S:
            self._end_waiting()
        for one in self._running.values():
            if now >= one.deadline and not one.reason:
                self._kill(one, "wall")
                one.deadline = now + IDLE_S
            elif one.polite_at and now >= one.polite_at:
                one.polite_at = 0.0
                os.setpriority(os.PRIO_PROCESS, one.pid, POLITE)

    def _end_waiting(self) -> None:
        """Nobody came for long: what waits may go, and clients that never said anything may try again."""
        for one in self._warm.values():
            self._kill(one, "drained")
        for number, control in list(self._silent.items()):
            self._unwatch(number)
            self._answer(control, state="busy")
        self._silent.clear()

    # the supervisor

    def _obey(self) -> None:
        message, ancillary, _, _ = self._leash.recvmsg(MAX_MESSAGE, children.DESCRIPTOR_SPACE)
        if not message:
            os._exit(0)
        order = json.loads(message)
        if order["op"] == "serve":
            self._serving = True
        elif order["op"] == "drain":
            # its waiting children are as good as new ones and first in line; they take what comes next
            self._draining, self._drained_at = True, time.monotonic()
        elif order["op"] == "test":
            control = children.adopt(int.from_bytes(ancillary[0][2], "little"))
            self._take(control, order["what"])
        elif order["op"] == "state":
            self._tell(
                event="state",
                jobs=self._jobs,
                running=len(self._running),
                warm=len(self._warm),
                counters=self._counters,
            )

    def _tell(self, **event: object) -> None:
        self._leash.send(json.dumps(event).encode())

    # jobs

    def _accept(self) -> None:
        try:
            descriptor, _ = self._listener._accept()  # type: ignore[attr-defined]  # what socket.accept() wraps
        except BlockingIOError:
            return
        control = children.adopt(descriptor)
        control.setblocking(False)
        self._take(control, RUN)

    def _take(self, control: _socket.socket, what: int) -> None:
        """Read the start message when it is there already, else when it comes."""
        number = control.fileno()
        try:
            message, ancillary, _, _ = control.recvmsg(request.MAX_BYTES, children.DESCRIPTOR_SPACE)
        except BlockingIOError:
            if number not in self._silent:
                self._silent[number] = control
                self._watch(number, lambda: self._take(control, what))
            return
        except OSError:
            message, ancillary = b"", []
        if self._silent.pop(number, None) is not None:
            self._unwatch(number)
        data = int.from_bytes(ancillary[0][2], "little") if ancillary else -1
        try:
            self._start(control, message, data, what)
        finally:
            if data >= 0:
                os.close(data)

    def _start(self, control: _socket.socket, message: bytes, data: int, what: int) -> None:
        """Fork a child for a job."""
        asked = request.parse(message)
        if asked is None or data < 0:
            self._answer(control, state="failed", message=NOT_UNDERSTOOD)
        elif len(self._running) >= self._slots and not self._slot_came_free():
            self._count("busy")
            self._answer(control, state="busy")
        else:
            try:
                one = self._fork(waits=False)
                one.lease.sendmsg([bytes([what]) + message], children.rights(data))
            except OSError as error:
                self._answer(
                    control, state="failed", message=f"No process could be started: {error.strerror}"
                )
            else:
                self._begin(one, control, asked)

    def _begin(self, one: Child, control: _socket.socket, asked: request.Request) -> None:
        now = one.started = time.monotonic()
        one.deadline, one.polite_at, one.control = now + asked.wall, now + POLITE_AFTER_S, control
        self._running[one.pid] = one
        self._watch(control.fileno(), lambda: self._cancel(one))

    def _taken(self, one: Child) -> None:
        """A waiting child has taken a connection, and passes it on; or it has died."""
        self._unwatch(one.lease.fileno())
        message, ancillary, _, _ = one.lease.recvmsg(request.MAX_BYTES, children.DESCRIPTOR_SPACE)
        del self._warm[one.pid]
        if not ancillary:
            return
        control = children.adopt(int.from_bytes(ancillary[0][2], "little"))
        control.setblocking(False)
        asked = request.parse(message)
        if asked is None:
            self._answer(control, state="failed", message=NOT_UNDERSTOOD)
        else:
            self._begin(one, control, asked)

    def _refill(self) -> None:
        try:
            one = self._fork(waits=True)
        except OSError:
            self._failed += 1
            return
        self._warm[one.pid] = one
        self._watch(one.lease.fileno(), lambda: self._taken(one))

    def _fork(self, *, waits: bool) -> Child:
        ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
        if self._isolation.world >= 0:
            namespaces.set_parent_world(self._isolation.world)
        pid = os.fork()
        if pid == 0:
            raise Forked(theirs, waits=waits)
        theirs.close()
        pidfd = os.pidfd_open(pid)
        one = Child(pid, pidfd, ours)
        self._watch(pidfd, lambda: self._bury(one))
        return one

    def _kill(self, one: Child, reason: str) -> None:
        one.reason = one.reason or reason
        signal.pidfd_send_signal(one.pidfd, signal.SIGKILL)

    def _cancel(self, one: Child) -> None:
        """The client hung up: it has its result, or does not want it any more. Either way its slot is free."""
        if one.control is not None:
            self._unwatch(one.control.fileno())
            one.control.close()
            one.control = None
        self._kill(one, "cancelled")
        self._ending[one.pid] = self._running.pop(one.pid)

    def _slot_came_free(self) -> bool:
        """Whether clients hung up that the loop has not come to yet."""
        for one in list(self._running.values()):
            if one.control is not None and _hung_up(one.control):
                self._cancel(one)
        return len(self._running) < self._slots

    def _bury(self, one: Child) -> None:
        """A child has ended: say how."""
        self._unwatch(one.pidfd)
        os.close(one.pidfd)
        _, status, usage = os.wait4(one.pid, 0)
        if one.pid in self._warm:
            self._taken(one)  # it was quick: its connection and its end come in one round, in any order
        if self._running.pop(one.pid, None) is None and self._ending.pop(one.pid, None) is None:
            self._lost(one, status)
            return
        self._jobs += 1
        self._failed = 0
        exited = os.WIFEXITED(status)
        self._count("finished" if exited and not os.WEXITSTATUS(status) else one.reason or "died")
        if one.control is None:
            one.lease.close()
            return
        self._unwatch(one.control.fileno())
        word = _last_word(one.lease)
        self._answer(
            one.control,
            state="done",
            ready=word == children.READY,
            exit_code=os.WEXITSTATUS(status) if exited else None,
            signal=None if exited else os.WTERMSIG(status),
            reason=one.reason,
            message="" if word == children.READY else word.decode("utf-8", "replace"),
            cpu_ms=round((usage.ru_utime + usage.ru_stime) * 1e3, 3),
            wall_ms=round((time.monotonic() - one.started) * 1e3, 3),
            max_rss_kb=usage.ru_maxrss,
        )

    def _lost(self, one: Child, status: int) -> None:
        """A child ended without a job."""
        one.lease.close()
        if status and not self._draining:
            self._failed += 1

    def _count(self, what: str) -> None:
        self._counters[what] = self._counters.get(what, 0) + 1

    def _answer(self, control: _socket.socket, **verdict: object) -> None:
        with contextlib.suppress(OSError):  # the client may have gone
            control.send(json.dumps(verdict).encode())
        control.close()


def _hung_up(control: _socket.socket) -> bool:
    try:
        return control.recv(1, _socket.MSG_PEEK | _socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def _last_word(lease: _socket.socket) -> bytes:
    """What a child said before its job: that it was ready, or why not."""
    lease.setblocking(False)
    try:
        return lease.recv(request.MAX_BYTES)
    except OSError:
        return b""
    finally:
        lease.close()


def address_space() -> int:
    """Bytes of address space this process has mapped."""
    descriptor = os.open("/proc/self/statm", os.O_RDONLY)  # open() is the job's by now
    try:
        return int(os.read(descriptor, 100).split()[0]) * resource.getpagesize()
    finally:
        os.close(descriptor)


def main(leash_number: int) -> Callable[[], None]:
    """Prepare, lock, report, serve. The first message on the leash is the configuration.

    The zygote never returns from here. Its children do, with what they have to do.
    """
    leash = children.adopt(leash_number)
    message, ancillary, _, _ = leash.recvmsg(MAX_MESSAGE, children.DESCRIPTOR_SPACE)
    config = json.loads(message)
    listener = children.adopt(int.from_bytes(ancillary[0][2], "little"))
    isolation = Isolation(tuple(config["disabled"]))
    try:
        _prepare(config, isolation)
    except BaseException as error:  # noqa: BLE001 - whatever it is, the supervisor says it and refuses to start
        reason = f"{type(error).__name__}: {error}"
        leash.send(json.dumps({"event": "failed", "reason": reason, "layers": isolation.report()}).encode())
        os._exit(1)
    facts = {"modules": len(sys.modules), "space": isolation.space, "packages": config.get("missing", [])}
    leash.send(json.dumps({"event": "ready", "layers": isolation.report(), **facts}).encode())
    zygote = Zygote(leash, listener, isolation, config)
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        zygote.serve()
    except Forked as forked:
        _kept.append(zygote)
        lease = forked.lease.detach()
        if forked.waits:
            return partial(
                children.wait, lease, listener.fileno(), isolation, config["run"], config["rehearse"]
            )
        return partial(children.live, lease, isolation, config["run"])
    os._exit(0)


def _prefer_small_pages() -> None:
    """A fork that writes copies a page; huge ones would make that slow. Old kernels lack the switch."""
    try:
        calls.prctl(calls.PR_SET_THP_DISABLE, 1)
    except OSError:
        return


def _prepare(config: dict[str, Any], isolation: Isolation) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    calls.prctl(calls.PR_SET_PDEATHSIG, signal.SIGKILL)
    _prefer_small_pages()
    if config["kind"] == "javascript":
        from apps.core.sandbox.runner.javascript import prepare
    else:
        from apps.core.sandbox.runner.python import prepare
    config["run"], config["rehearse"] = prepare(config)
    isolation.space = address_space()
    isolate(isolation, uid=config["uid"], gid=config["gid"], empty=config["empty"])
    limit(isolation)
    if "seccomp" not in isolation.disabled:
        filter_calls(isolation)
