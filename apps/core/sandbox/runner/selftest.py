"""The canary: tries, in a real child, what must not be possible. Runs before a zygote may serve."""

from __future__ import annotations

import ctypes
import errno
import os

from apps.core.sandbox.kernel import calls

RUN, SELF_TEST, SELF_TEST_DEADLY = 0, 1, 2  # what a child is told to run
EXPECTED = {errno.EPERM, errno.EACCES, errno.ENOSYS}
AT_FDCWD = -100
AF_UNIX, AF_INET, SOCK_STREAM = 1, 2, 1
PROT_ALL = 7
MAP_PRIVATE_ANONYMOUS = 0x22


def leaks() -> list[str]:
    """Names of what the kernel allowed; empty when all walls hold."""
    buffer = ctypes.create_string_buffer(64)
    attempts: tuple[tuple[str, tuple[calls.Argument, ...]], ...] = (
        ("openat", (AT_FDCWD, b"/", 0, 0)),
        ("newfstatat", (AT_FDCWD, b"/", buffer, 0)),
        ("socket", (AF_INET, SOCK_STREAM, 0)),
        ("socket", (AF_UNIX, SOCK_STREAM, 0)),
        ("execve", (b"/bin/true", 0, 0)),
        ("clone", (0x11, 0, 0, 0, 0)),
        ("clone3", (buffer, 64)),
        ("memfd_create", (b"x", 0)),
        ("kill", (os.getppid(), 0)),
        ("prlimit64", (0, 9, 0, buffer)),
        ("prctl", (calls.PR_SET_DUMPABLE, 1, 0, 0, 0)),
        ("dup", (0,)),
        ("recvmsg", (0, buffer, 0)),
        ("sendmsg", (0, buffer, 0)),
        ("mmap", (0, 4096, PROT_ALL, MAP_PRIVATE_ANONYMOUS, -1, 0)),
    )
    found = [
        name
        for name, arguments in attempts
        if name in calls.architecture().numbers and _works(name, arguments)
    ]
    if os.geteuid() == 0:
        found.append("root")
    return found


def _works(name: str, arguments: tuple[calls.Argument, ...]) -> bool:
    try:
        result = calls.call(name, *arguments)
    except OSError as error:
        return error.errno not in EXPECTED
    if name == "clone" and result == 0:
        os._exit(0)
    return True


def deadly() -> None:
    """Make a call that must end this process at once."""
    calls.call("ptrace", 0, 0, 0, 0)
