"""Which processes work on a data directory: what `postmaster.pid` says can't be trusted after a kill."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")
ORPHAN_GRACE_SECONDS = 5.0


def postmaster_pid(data: Path) -> int | None:
    """The pid of the live server on `data`, or None when the pid file is missing, stale or another's."""
    try:
        pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None
    return pid if pid > 0 and _serves(pid, data) else None


def _serves(pid: int, data: Path) -> bool:
    """A zombie has an empty command line, so it serves nothing."""
    command = _command_line(pid)
    return "postgres" in command and str(data) in command


def _command_line(pid: int) -> str:
    if PROC.joinpath("self").exists():
        try:
            return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    listing = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    return subprocess.run(listing, capture_output=True, text=True, check=False).stdout


def orphans(data: Path) -> list[int]:
    """Server processes left on `data` by a postmaster that was killed; they all work inside it."""
    return list(_working_in(data)) if postmaster_pid(data) is None else []


def _working_in(data: Path) -> Iterator[int]:
    for entry in PROC.glob("[0-9]*"):
        try:
            if entry.joinpath("cwd").readlink() == data and "postgres" in _command_line(int(entry.name)):
                yield int(entry.name)
        except OSError:
            continue


def end_orphans(data: Path) -> None:
    """Wait until a killed server's children are gone, helping those that are busy.

    An idle one notices its parent's death by itself; a new server must not start beside the others,
    because they still write to the shared memory and the files.
    """
    deadline = time.monotonic() + ORPHAN_GRACE_SECONDS
    while left := orphans(data):
        late = time.monotonic() > deadline
        for pid in left:
            _signal(pid, signal.SIGKILL if late else signal.SIGQUIT)
        time.sleep(0.05)


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
