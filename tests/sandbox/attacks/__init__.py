"""A battery of hostile programs, with what each must get."""

from __future__ import annotations

from tests.sandbox.attacks import (
    bombs,
    files,
    javascript,
    memory,
    network,
    poison,
    processes,
    protocol,
    syscalls,
)
from tests.sandbox.attacks.model import Attack

ATTACKS: list[Attack] = [
    *files.ATTACKS,
    *network.ATTACKS,
    *processes.ATTACKS,
    *syscalls.ATTACKS,
    *protocol.ATTACKS,
    *memory.ATTACKS,
    *bombs.ATTACKS,
    *poison.ATTACKS,
    *javascript.ATTACKS,
]

__all__ = ["ATTACKS", "Attack"]
