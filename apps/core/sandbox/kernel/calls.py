"""Raw system calls, and the few that Python does not offer."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys

from apps.core.sandbox.kernel.numbers import AARCH64, X86_64

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38
PR_GET_NO_NEW_PRIVS = 39
PR_SET_THP_DISABLE = 41
PR_SET_MDWE = 65
MDWE_REFUSE_EXEC_GAIN = 1
CAP_SYS_ADMIN = 21
LAST_CAPABILITY = 63
CAPABILITY_VERSION_3 = 0x20080522


class UnsupportedPlatform(RuntimeError):
    """This machine's kernel or processor is none the sandbox knows."""


class Architecture:
    """A processor the policy is written for.

    `audit` is its AUDIT_ARCH_* in struct seccomp_data; `x32` says whether numbers from 0x40000000 are a second ABI.
    """

    __slots__ = ("audit", "name", "numbers", "x32")

    def __init__(self, name: str, audit: int, numbers: dict[str, int], *, x32: bool) -> None:
        self.name = name
        self.audit = audit
        self.numbers = numbers
        self.x32 = x32


MACHINE = os.uname().machine
ARCHITECTURES = {
    "x86_64": Architecture("x86_64", 0xC000003E, X86_64, x32=True),
    "aarch64": Architecture("aarch64", 0xC00000B7, AARCH64, x32=False),
}


def architecture() -> Architecture:
    """The processor this process runs on.

    Raises:
        UnsupportedPlatform: it is not 64-bit Linux on x86-64 or aarch64.
    """
    found = ARCHITECTURES.get(MACHINE)
    if sys.platform != "linux" or found is None or sys.maxsize < 2**32:
        raise UnsupportedPlatform(
            f"Code execution needs 64-bit Linux on x86-64 or aarch64, and this is {sys.platform} on "
            f"{MACHINE or 'an unknown processor'}. Run the sandbox in a Linux container or virtual machine "
            "and set SANDBOX_URL."
        )
    return found


# PyDLL keeps the interpreter lock: these calls do not block, and the process has one thread
_libc = ctypes.PyDLL(None, use_errno=True)
_syscall = _libc.syscall
_syscall.restype = ctypes.c_long
_numbers = ARCHITECTURES[MACHINE].numbers if MACHINE in ARCHITECTURES else {}

Argument = int | bytes | ctypes.Array[ctypes.c_char] | ctypes.Structure | None


def call(name: str, *arguments: Argument) -> int:
    """Make one system call.

    Raises:
        OSError: the kernel refused, or this processor has no such call.
    """
    number = _numbers.get(name)
    if number is None:
        raise OSError(errno.ENOSYS, f"{name}: no such call on this processor")
    result: int = _syscall(ctypes.c_long(number), *[_raw(argument) for argument in arguments])
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")
    return result


def _raw(argument: Argument) -> object:
    """Pass numbers as 64 bits; ctypes would cut them to 32."""
    if isinstance(argument, int):
        return ctypes.c_long(argument)
    if isinstance(argument, ctypes.Structure):
        return ctypes.byref(argument)
    return argument


def prctl(option: int, value: int = 0) -> int:
    """Set one property of this process."""
    return call("prctl", option, value, 0, 0, 0)


def close_from(first: int) -> None:
    """Close every descriptor from `first` on."""
    try:
        call("close_range", first, 0xFFFFFFFF, 0)
    except OSError as error:
        if error.errno not in {errno.ENOSYS, errno.EPERM}:
            raise
        os.closerange(first, 65_536)


def set_capabilities(mask: int) -> None:
    """Keep the capabilities in `mask` as effective and permitted, none as inheritable."""
    low, high = mask & 0xFFFFFFFF, mask >> 32
    header = struct.pack("<Ii", CAPABILITY_VERSION_3, 0)
    call("capset", header, struct.pack("<IIIIII", low, low, 0, high, high, 0))


def drop_bounding_set() -> None:
    """Give up, for this process and all that follow, every capability there is."""
    for capability in range(LAST_CAPABILITY + 1):
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError:
            return


def thread_count() -> int:
    """How many threads this process has; forking and entering namespaces needs exactly one."""
    return len(os.listdir("/proc/self/task"))
