"""Landlock: no file system, no TCP, no signals to and no abstract sockets of others.

Source of the numbers: the kernel's Documentation/userspace-api/landlock.rst and linux/landlock.h.
"""

from __future__ import annotations

import os
import struct

from apps.core.sandbox.kernel import calls

VERSION_FLAG = 1
FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}  # number of rights by ABI
NEWEST_FILE_RIGHTS = 16
NET_ABI = 4
SCOPE_ABI = 6
ALL_OF_TWO = 3


def abi() -> int:
    """The version the kernel offers; 0 when it offers none."""
    try:
        return calls.call("landlock_create_ruleset", 0, 0, VERSION_FLAG)
    except OSError:
        return 0


def attributes(version: int) -> bytes:
    """`struct landlock_ruleset_attr` that handles, and with no rule denies, all that `version` knows."""
    files = (1 << FILE_RIGHTS.get(version, NEWEST_FILE_RIGHTS)) - 1
    packed = struct.pack("<Q", files)
    if version >= NET_ABI:
        packed += struct.pack("<Q", ALL_OF_TWO)
    if version >= SCOPE_ABI:
        packed += struct.pack("<Q", ALL_OF_TWO)
    return packed


def create(version: int) -> int:
    """Return the descriptor of a rule set that allows nothing.

    Raises:
        OSError: the kernel refused.
    """
    packed = attributes(version)
    return calls.call("landlock_create_ruleset", packed, len(packed), 0)


def restrict(ruleset: int) -> None:
    """Put this process, and all it forks, into a new domain of `ruleset`."""
    calls.call("landlock_restrict_self", ruleset, 0)


def available(limit: int | None = None) -> int:
    """The version that can really be used here, tried in a process of its own; 0 for none."""
    version = abi() if limit is None else min(abi(), limit)
    if version == 0:
        return 0
    child = os.fork()
    if child == 0:
        try:
            calls.prctl(calls.PR_SET_NO_NEW_PRIVS, 1)
            restrict(create(version))
            os._exit(_opens_root())
        except OSError:
            os._exit(2)
    return version if os.waitpid(child, 0)[1] == 0 else 0


def _opens_root() -> int:
    try:
        os.listdir("/")
    except PermissionError:
        return 0
    return 1
