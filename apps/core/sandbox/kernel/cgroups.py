"""One control group (v2) around all jobs of a zygote, where the hierarchy is ours to write."""

from __future__ import annotations

import os
from pathlib import Path

MOUNTS = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")
NEEDED = {"memory", "pids"}


def own_group() -> Path | None:
    """The directory of the group this process is in, when version 2 controls memory and processes there."""
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    path = next((line[3:] for line in lines if line.startswith("0::")), None)
    if path is None:
        return None
    for mount in MOUNTS:
        group = Path(mount) / path.lstrip("/")
        if (group / "cgroup.controllers").exists():
            return group
    return None


def why_not(group: Path | None) -> str:
    """An empty text when groups can be made below `group`, else the reason."""
    if group is None:
        return "no version 2 hierarchy"
    offered = set((group / "cgroup.controllers").read_text(encoding="ascii").split())
    if not offered >= NEEDED:
        return "memory and pids are not controlled here"
    if not os.access(group, os.W_OK) or not os.access(group / "cgroup.subtree_control", os.W_OK):
        return "not writable"
    return ""


def create(group: Path, name: str, *, memory_bytes: int, processes: int) -> Path:
    """Make a group `name` with limits.

    Raises:
        OSError: the kernel refused, for instance because `group` itself holds processes.
    """
    (group / "cgroup.subtree_control").write_text("+memory +pids", encoding="ascii")
    inner = group / name
    inner.mkdir(exist_ok=True)
    (inner / "memory.max").write_text(str(memory_bytes), encoding="ascii")
    (inner / "pids.max").write_text(str(processes), encoding="ascii")
    swap = inner / "memory.swap.max"
    if swap.exists():
        swap.write_text("0", encoding="ascii")
    return inner


def join(group: Path, pid: int) -> None:
    """Move a process, and all it forks from now on, into `group`."""
    (group / "cgroup.procs").write_text(str(pid), encoding="ascii")
