"""Telling processes apart: a number alone may belong to another program by now."""

import os
import signal
import subprocess
from pathlib import Path

PROC = Path("/proc")


def identity(pid: int) -> str:
    """What tells a process from a later one with its number: the moment it started; "" if it is gone."""
    if not PROC.joinpath("self").exists():
        listing = ["ps", "-o", "lstart=", "-p", str(pid)]
        return subprocess.run(listing, capture_output=True, text=True, check=False).stdout.strip()
    try:
        # fields follow the command in parentheses, which may itself hold spaces and parentheses
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    state, started = fields[0], fields[19]
    return "" if state == "Z" else started


def signal_group(pid: int, number: signal.Signals) -> None:
    """Signal a child and all it started: each child leads a process group of its own."""
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return
