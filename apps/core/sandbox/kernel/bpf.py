"""An assembler for seccomp's classic BPF programs (linux/filter.h, linux/seccomp.h)."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Iterable

from apps.core.sandbox.kernel import calls
from apps.core.sandbox.kernel.calls import Architecture

ALLOW = 0x7FFF0000
KILL = 0x80000000  # SECCOMP_RET_KILL_PROCESS
ERRNO = 0x00050000
MAX_INSTRUCTIONS = 4096
X32_BIT = 0x40000000

LOAD = 0x20  # BPF_LD | BPF_W | BPF_ABS
EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
AT_LEAST = 0x35  # BPF_JMP | BPF_JGE | BPF_K
ANY_BIT = 0x45  # BPF_JMP | BPF_JSET | BPF_K
MASK = 0x54  # BPF_ALU | BPF_AND | BPF_K
RETURN = 0x06  # BPF_RET | BPF_K

NUMBER_OFFSET = 0
ARCHITECTURE_OFFSET = 4
ARGUMENTS_OFFSET = 16

SET_MODE_FILTER = 1


def errno_action(number: int) -> int:
    """The action that answers with an error instead of making the call."""
    return ERRNO | number


class WithoutBits:
    """Allow the call unless its argument has one of `bits`; only the low half counts, as the kernel reads these."""

    __slots__ = ("argument", "bits", "otherwise")

    def __init__(self, argument: int, bits: int, otherwise: int) -> None:
        self.argument = argument
        self.bits = bits
        self.otherwise = otherwise

    def instructions(self) -> list[bytes]:
        """The body for this call."""
        return [
            instruction(LOAD, ARGUMENTS_OFFSET + 8 * self.argument),
            instruction(ANY_BIT, self.bits, 0, 1),
            instruction(RETURN, self.otherwise),
            instruction(RETURN, ALLOW),
        ]


class OneOf:
    """Allow the call when its argument, masked, is one of `values`."""

    __slots__ = ("argument", "mask", "otherwise", "values")

    def __init__(self, argument: int, mask: int, values: tuple[int, ...], otherwise: int) -> None:
        self.argument = argument
        self.mask = mask
        self.values = values
        self.otherwise = otherwise

    def instructions(self) -> list[bytes]:
        """The body for this call."""
        body = [
            instruction(LOAD, ARGUMENTS_OFFSET + 8 * self.argument),
            instruction(MASK, self.mask),
        ]
        for value in self.values:
            body += [instruction(EQUAL, value, 0, 1), instruction(RETURN, ALLOW)]
        return [*body, instruction(RETURN, self.otherwise)]


Rule = int | WithoutBits | OneOf


def instruction(code: int, operand: int, when_true: int = 0, when_false: int = 0) -> bytes:
    """One `struct sock_filter`."""
    return struct.pack("<HBBI", code, when_true, when_false, operand & 0xFFFFFFFF)


def assemble(machine: Architecture, rules: Iterable[tuple[str, Rule]], default: int) -> bytes:
    """Return a program that applies the rule of a call's name, and `default` to every other number.

    Names the processor does not have are left out. A foreign architecture, and the x32 numbers, kill.

    Raises:
        ValueError: two rules for one call, or more than the kernel takes.
    """
    program = [
        instruction(LOAD, ARCHITECTURE_OFFSET),
        instruction(EQUAL, machine.audit, 1, 0),
        instruction(RETURN, KILL),
        instruction(LOAD, NUMBER_OFFSET),
    ]
    if machine.x32:
        program += [instruction(AT_LEAST, X32_BIT, 0, 1), instruction(RETURN, KILL)]
    seen: set[str] = set()
    for name, rule in rules:
        if name in seen:
            raise ValueError(f"two rules for {name}")
        seen.add(name)
        if name in machine.numbers:
            body = [instruction(RETURN, rule)] if isinstance(rule, int) else rule.instructions()
            program += [instruction(EQUAL, machine.numbers[name], 0, len(body)), *body]
    program.append(instruction(RETURN, default))
    if len(program) > MAX_INSTRUCTIONS:
        raise ValueError("the filter is longer than the kernel takes")
    return b"".join(program)


class _Program(ctypes.Structure):
    """`struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


class Filter:
    """A program in memory, ready to be installed without further allocation."""

    def __init__(self, program: bytes) -> None:
        self.length = len(program) // 8
        self._buffer = ctypes.create_string_buffer(program, len(program))
        self._program = _Program(self.length, ctypes.addressof(self._buffer))

    def install(self) -> None:
        """Put this process, and all it forks, under the program for ever.

        Raises:
            OSError: the kernel refused.
        """
        calls.call("seccomp", SET_MODE_FILTER, 0, self._program)
