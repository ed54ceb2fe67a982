"""Namespaces: an own user, mount, network, IPC, host name and process world, with an empty read-only root."""

from __future__ import annotations

import _socket
import os

from apps.core.sandbox.kernel import calls

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
ALL = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = (
    1, 2, 4, 8, 32, 4096, 16384, 1 << 18,
)  # fmt: skip
MNT_DETACH = 2
LOCKED = MS_NOSUID | MS_NODEV | MS_NOEXEC

INNER_ID = 65534  # who the code believes to be
MOUNT_POINTS = ("/tmp", "/var/tmp", "/usr", "/etc", "/var")  # noqa: S108 - only a name to cover, nothing is written


def enter() -> None:
    """Move this single-threaded process into namespaces of its own; its children are in the new process world.

    Raises:
        OSError: the kernel or a security module refuses.
    """
    user, group = os.geteuid(), os.getegid()
    calls.prctl(calls.PR_SET_DUMPABLE, 1)  # the identity maps belong to root otherwise
    try:
        calls.call("unshare", ALL | CLONE_NEWCGROUP)
    except OSError:
        calls.call("unshare", ALL)
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{INNER_ID} {user} 1")
    _write("/proc/self/gid_map", f"{INNER_ID} {group} 1")


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """mount(2)."""
    raw = [None if text is None else text.encode() for text in (source, target, kind, data)]
    calls.call("mount", raw[0], raw[1], raw[2], flags, raw[3])


def mount_empty(point: str) -> None:
    """Cover `point` with an empty file system, in a mount world that propagates nothing."""
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    mount("tmpfs", point, "tmpfs", LOCKED, "size=64k,nr_inodes=16,mode=0555")


def empty_root() -> None:
    """Make an empty, read-only file system the root, and let go of the old one."""
    point = mount_point()
    mount_empty(point)
    old = f"{point}/old"
    os.mkdir(old)
    calls.call("pivot_root", point.encode(), old.encode())
    os.chdir("/")
    calls.call("umount2", b"/old", MNT_DETACH)
    os.rmdir("/old")
    mount("none", "/", None, MS_REMOUNT | MS_BIND | MS_RDONLY | LOCKED)
    _socket.sethostname("sandbox")


def mount_point() -> str:
    """A directory that exists on this machine."""
    return next(path for path in (*MOUNT_POINTS, "/proc") if os.path.isdir(path))


def available(user: int | None, group: int | None) -> str:
    """Try everything as `user`, in a process of its own; return an empty text, or why it does not work.

    `unshare` alone proves nothing: a security module may allow it and refuse the mount.
    """
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        reason = b""
        try:
            if user is not None and group is not None:
                become(user, group)
            enter()
            mount_empty(mount_point())
        except OSError as error:
            reason = str(error).encode()[:200] or b"refused"
        os.write(write, reason)
        os._exit(0)
    os.close(write)
    reason = os.read(read, 200)
    os.close(read)
    status = os.waitpid(child, 0)[1]
    return reason.decode() or ("" if status == 0 else f"the trial ended with status {status}")


def become(user: int, group: int) -> None:
    """Give up root for good.

    Raises:
        OSError: it did not work; nothing may run then.
    """
    os.setgroups([])
    os.setresgid(group, group, group)
    os.setresuid(user, user, user)
    if os.getresuid() != (user, user, user) or os.getresgid() != (group, group, group):
        raise PermissionError("the identity did not change")


def set_parent_world(descriptor: int) -> None:
    """Let the next fork begin a process world of its own below the one `descriptor` names."""
    calls.call("setns", descriptor, CLONE_NEWPID)
    calls.call("unshare", CLONE_NEWPID)
