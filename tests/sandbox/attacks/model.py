"""What a hostile program is, and the helpers that the Python ones share.

A program reports a breach by returning `{"breach": <anything true>}`; a harness outside looks for the effects that a program
cannot report itself (see `harness`).
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from typing import Any, Literal

OK = "ok"
FAILED = "CodeFailed"
CPU = "CpuLimitExceeded"
WALL = "WallLimitExceeded"
MEMORY = "MemoryLimitExceeded"
OUTPUT = "OutputLimitExceeded"
LARGE = "ResultTooLarge"
DEEP = "ResultTooDeep"
NOT_JSON = "ResultNotJson"
FORBIDDEN = "ForbiddenOperation"
CRASHED = FAILED  # an interpreter that dies is the code's own failure; only the platform's is retryable

# A refused operation may come back as an exception that the program handles, as one that it does not, or as its end.
CONTAINED = (OK, FAILED, FORBIDDEN)


@dataclass(frozen=True)
class Attack:
    """One hostile program, and the outcomes that count as contained."""

    name: str
    language: Literal["python", "javascript"]
    code: str
    expect: tuple[str, ...] = CONTAINED
    inputs: dict[str, Any] = field(default_factory=dict)
    limits: dict[str, Any] = field(default_factory=dict)
    native: bool = False  # needs raw system calls to say anything
    canaries: bool = False  # gets the inputs that tell where the canaries are


# Finds native calls wherever they are left: by import, among loaded modules, or by walking every object.
PRELUDE = r"""
import sys
def find_ctypes():
    try:
        import ctypes
        return ctypes
    except BaseException:
        pass
    found = sys.modules.get("ctypes")
    if found is not None:
        return found
    try:
        import gc
        for thing in gc.get_objects():
            try:
                if type(thing) is type(sys) and getattr(thing, "__name__", "") == "ctypes":
                    return thing
                if type(thing) is dict and thing.get("__name__") == "ctypes" and "CDLL" in thing:
                    module = type(sys)("ctypes")
                    module.__dict__.update(thing)
                    return module
            except BaseException:
                continue
    except BaseException:
        pass
    return None
ctypes = find_ctypes()
NR = {}
def sc(name, *args):
    "A raw system call: the result, or minus errno; None when there are no native calls or no such number."
    if ctypes is None or name not in NR:
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    given = [ctypes.c_long(a) if isinstance(a, int) else a for a in args]
    result = libc.syscall(ctypes.c_long(NR[name]), *given)
    return -ctypes.get_errno() if result == -1 else result
REFUSED = (-1, -13, -38, -25)  # EPERM EACCES ENOSYS ENOTTY
def performed(result):
    "The kernel looked at the arguments: the call was not filtered."
    return result is not None and result not in REFUSED
def attempt(function, *args, **named):
    "What an operation gave, or None when it was refused."
    try:
        result = function(*args, **named)
    except BaseException:
        return None
    return True if result is None else result
"""


def python(name: str, body: str, *expect: str, native: bool = False, **more: Any) -> Attack:
    """A Python program whose `body` is a function of its inputs `k` that returns what it got away with."""
    code = (
        PRELUDE + "def attack(k):\n" + textwrap.indent(textwrap.dedent(body).strip("\n"), "    ") + "\n"
        "def main(**k):\n    NR.update(k.pop('NR', {}))\n    found = attack(k)\n    return {'breach': found if found else None}\n"
    )
    return Attack(name, "python", code, expect or CONTAINED, native=native, canaries=True, **more)


def plain(name: str, code: str, *expect: str, **more: Any) -> Attack:
    """A Python program as it stands."""
    return Attack(name, "python", textwrap.dedent(code).strip("\n") + "\n", expect or CONTAINED, **more)


def javascript(name: str, code: str, *expect: str, **more: Any) -> Attack:
    """A JavaScript program as it stands."""
    text = textwrap.dedent(code).strip("\n") + "\n"
    return Attack(name, "javascript", text, expect or CONTAINED, canaries=True, **more)


def syscall(name: str, call: str, *expect: str, label: str = "") -> Attack:
    """A raw system call given as `sc(...)`; it must not reach the kernel's own checks."""
    return python(
        f"syscall {label or name}",
        f"""
        buffer = ctypes.create_string_buffer(4096) if ctypes else None
        result = {call}
        return [{name!r}, result] if performed(result) else None
        """,
        *(expect or (OK, FORBIDDEN)),
        native=True,
    )
