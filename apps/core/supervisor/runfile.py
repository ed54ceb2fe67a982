"""The record of a running installation: one at a time, and what it left behind when it was killed."""

import fcntl
import json
import signal
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

from .processes import identity, signal_group

STALE_GRACE_SECONDS = 5.0


@dataclass
class RunState:
    """Who runs: the supervisor, its address, and its children (name to process id and identity)."""

    pid: int = 0
    url: str = ""
    ready: bool = False
    children: dict[str, tuple[int, str]] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> "RunState":
        """Read what `write` wrote; an empty or damaged record is an empty state."""
        try:
            data = json.loads(text)
            children = {name: (int(pid), str(mark)) for name, (pid, mark) in data["children"].items()}
            return cls(int(data["pid"]), str(data["url"]), bool(data["ready"]), children)
        except (ValueError, KeyError, TypeError):
            return cls()


class RunFile:
    """`var/run/flywheel.json`, held by a lock that ends with the process that holds it, however it ends."""

    def __init__(self, directory: Path) -> None:
        self._state_path = directory / "flywheel.json"
        self._lock_path = directory / "flywheel.lock"
        self._lock: IO[str] | None = None

    def acquire(self) -> bool:
        """Become the one that runs here; False when another does."""
        self._lock_path.parent.mkdir(parents=True, exist_ok=True)
        lock = self._lock_path.open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            return False
        self._lock = lock
        return True

    def release(self) -> None:
        """Let another run here."""
        self._state_path.unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def read(self) -> RunState:
        """The last written state."""
        return RunState.parse(self._state_path.read_text() if self._state_path.exists() else "")

    def write(self, state: RunState) -> None:
        """Replace the state in one step: readers see the old one or the new one."""
        draft = self._state_path.with_suffix(".draft")
        draft.write_text(json.dumps(asdict(state)))
        draft.rename(self._state_path)

    def end_leftovers(self, *, seconds: float = STALE_GRACE_SECONDS) -> list[str]:
        """End the children of a killed supervisor and return their names. The caller holds the lock."""
        left = {
            name: pid for name, (pid, mark) in self.read().children.items() if mark and identity(pid) == mark
        }
        for pid in left.values():
            signal_group(pid, signal.SIGTERM)
        deadline = time.monotonic() + seconds
        while any(identity(pid) for pid in left.values()) and time.monotonic() < deadline:
            time.sleep(0.05)
        for pid in left.values():
            signal_group(pid, signal.SIGKILL)
        self._state_path.unlink(missing_ok=True)
        return list(left)
