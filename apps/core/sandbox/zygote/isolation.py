"""Putting the zygote itself behind every wall this machine offers, in the one order that works."""

from __future__ import annotations

import os
import resource
import signal

from apps.core.sandbox.kernel import bpf, calls, landlock, namespaces, policy

LAYERS = (  # in the order they are built
    "own_uid", "no_new_privs", "userns", "mountns", "netns", "ipcns", "pidns", "chroot", "landlock", "rlimits",
    "seccomp", "mdwe",
)  # fmt: skip
NAMESPACES = ("userns", "mountns", "netns", "ipcns", "pidns")

INHERITED_LIMITS = (
    (resource.RLIMIT_CORE, 0),
    (resource.RLIMIT_FSIZE, 0),
    (resource.RLIMIT_MEMLOCK, 0),
    (resource.RLIMIT_MSGQUEUE, 0),
    (resource.RLIMIT_SIGPENDING, 16),
    (resource.RLIMIT_STACK, 8 * 2**20),
    (resource.RLIMIT_RTPRIO, 0),
    (resource.RLIMIT_NICE, 0),
)


class Isolation:
    """The walls that stand, why others do not, and what children need of them."""

    def __init__(self, disabled: tuple[str, ...] = ()) -> None:
        self.disabled = disabled
        self.layers: dict[str, str] = dict.fromkeys(
            LAYERS, "not tried"
        )  # name -> empty when it stands, or why not
        self.details: dict[str, str] = {}
        self.world = -1  # descriptor of our process namespace: children begin one of their own below it
        self.ruleset = -1  # Landlock rules that allow nothing
        self.zygote = os.getpid()
        self.space = 0  # bytes of address space before a job adds to them
        self.child_filter: bpf.Filter | None = None
        self.lock_filter: bpf.Filter | None = None

    def stand(self, name: str, detail: str = "") -> None:
        """Record a wall that stands."""
        self.layers[name] = ""
        if detail:
            self.details[name] = detail

    def report(self) -> list[dict[str, object]]:
        """The layers, for people."""
        return [
            {"name": name, "on": not why, "why": why or self.details.get(name, "")}
            for name, why in self.layers.items()
        ]


def isolate(isolation: Isolation, *, uid: int, gid: int, empty: str) -> None:
    """Give up everything. `uid` is who to become when this is root; `empty` an empty directory for chroot.

    In a namespace of processes the caller goes on in a child; the parent only waits for it.

    Raises:
        OSError: a wall that must stand could not be built.
    """
    if calls.thread_count() != 1:
        raise RuntimeError("a preloaded package started a thread; it can't be used in the sandbox")
    root = os.geteuid() == 0
    calls.prctl(calls.PR_SET_NO_NEW_PRIVS, 1)
    if calls.call("prctl", calls.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1:
        raise PermissionError("no_new_privs did not take hold")
    isolation.stand("no_new_privs")
    usable = _namespaces_usable(isolation, uid if root else None, gid if root else None)
    if root:
        _change_root(isolation, empty, needed=not usable)
        calls.drop_bounding_set()
        namespaces.become(uid, gid)
    if os.geteuid() == 0:
        raise PermissionError("still root")
    isolation.stand(
        "own_uid", f"uid {os.geteuid()}" + ("" if root else ", that of whoever started the sandbox")
    )
    if usable:
        _enter_namespaces(isolation)
    calls.set_capabilities(
        1 << calls.CAP_SYS_ADMIN if usable else 0
    )  # for the children's process namespaces only
    calls.prctl(calls.PR_SET_DUMPABLE, 0)
    # a change of identity clears it
    calls.prctl(calls.PR_SET_PDEATHSIG, signal.SIGKILL)
    _restrict_files(isolation)


def _namespaces_usable(isolation: Isolation, uid: int | None, gid: int | None) -> bool:
    why = "switched off" if "userns" in isolation.disabled else namespaces.available(uid, gid)
    if why:
        isolation.layers.update(dict.fromkeys(NAMESPACES, why))
    return not why


def _change_root(isolation: Isolation, empty: str, *, needed: bool) -> None:
    if not needed:
        isolation.layers["chroot"] = "the mount namespace has an empty root already"
    elif "chroot" in isolation.disabled:
        isolation.layers["chroot"] = "switched off"
    else:
        try:
            os.chroot(empty)
            os.chdir("/")
        except OSError as error:
            isolation.layers["chroot"] = str(error.strerror)
        else:
            isolation.stand("chroot", "empty")


def _enter_namespaces(isolation: Isolation) -> None:
    namespaces.enter()
    child = os.fork()
    if child:
        _wait_for(child)
    calls.prctl(calls.PR_SET_PDEATHSIG, signal.SIGKILL)
    isolation.zygote = os.getpid()
    isolation.world = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    namespaces.empty_root()
    isolation.layers["chroot"] = "the mount namespace has an empty root already"
    for name in NAMESPACES:
        isolation.stand(name)
    isolation.details.update(
        mountns="empty read-only root",
        netns="no interface is up",
        pidns="one per job",
        userns="no capabilities",
    )


def _wait_for(child: int) -> None:
    """The outer process: holds nothing, does nothing, ends with the inner one."""
    calls.close_from(0)
    status = os.waitpid(child, 0)[1]
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _restrict_files(isolation: Isolation) -> None:
    if "landlock" in isolation.disabled:
        isolation.layers["landlock"] = "switched off"
        return
    version = landlock.available()
    if not version:
        isolation.layers["landlock"] = "the kernel offers none"
        return
    isolation.ruleset = landlock.create(version)
    landlock.restrict(isolation.ruleset)
    isolation.stand("landlock", f"ABI {version}")


def limit(isolation: Isolation) -> None:
    """Set the limits that children inherit."""
    for kind, value in INHERITED_LIMITS:
        resource.setrlimit(kind, (value, value))
    isolation.stand("rlimits")
    try:
        calls.prctl(calls.PR_SET_MDWE, calls.MDWE_REFUSE_EXEC_GAIN)
        isolation.stand("mdwe")
    except OSError as error:
        isolation.layers["mdwe"] = str(error)


def filter_calls(isolation: Isolation) -> None:
    """Install the zygote's filter and prepare those of the children. After this, no file and no namespace.

    Raises:
        OSError: the kernel has no seccomp; nothing may run then.
    """
    machine = calls.architecture()
    isolation.child_filter = bpf.Filter(policy.child_filter(machine))
    isolation.lock_filter = bpf.Filter(policy.lock_filter(machine))
    outer = bpf.Filter(policy.zygote_filter(machine))
    outer.install()
    sizes = f"{outer.length} + {isolation.child_filter.length} + {isolation.lock_filter.length} instructions"
    isolation.stand("seccomp", sizes)
