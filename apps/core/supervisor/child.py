"""One supervised process."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .console import Console
from .processes import signal_group

FIRST_DELAY_SECONDS = 0.5
LAST_DELAY_SECONDS = 30.0
HEALTHY_SECONDS = 60.0
CRASHES_TO_REPORT = 4


@dataclass(frozen=True)
class ChildSpec:
    """What to run: a name for the log, and a command whose first word is a path."""

    name: str
    command: Sequence[str]


@dataclass
class Child:
    """Starts its process, and starts it again when it ends, later each time it ends soon."""

    spec: ChildSpec
    directory: Path
    console: Console
    process: subprocess.Popen[str] | None = None
    crashes: int = 0
    _started: float = 0.0
    _restart_at: float = field(default=0.0, repr=False)

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self.process.pid if self.process is not None else None

    def start(self) -> None:
        """Start the process, as leader of a session so that a Ctrl-C reaches the supervisor alone."""
        leash = [sys.executable, "-m", "apps.core.supervisor.leash", str(os.getpid())]
        self.process = subprocess.Popen(
            [*leash, *self.spec.command],
            cwd=self.directory,
            env={**os.environ, "FLYWHEEL_PROCESS": self.spec.name},  # noqa: TID251 - passed on whole, not read
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._started = time.monotonic()
        if self.process.stdout is not None:
            self.console.follow(self.spec.name, self.process.stdout)

    def start_within(self, seconds: float) -> None:
        """Let `keep_running` start the process after `seconds`, unless somebody starts it earlier."""
        self._restart_at = time.monotonic() + seconds

    def keep_running(self) -> bool:
        """Notice an end, and start again when its time has come; return whether the process changed."""
        if self.process is not None:
            code = self.process.poll()
            if code is None:
                return False
            self._ended(self.process, code)
            return True
        if time.monotonic() < self._restart_at:
            return False
        self.start()
        return True

    def _ended(self, process: subprocess.Popen[str], code: int) -> None:
        # what it started must not work on beside its successor
        signal_group(process.pid, signal.SIGKILL)
        self.process = None
        lived = time.monotonic() - self._started
        self.crashes = 1 if lived > HEALTHY_SECONDS else self.crashes + 1
        delay = min(FIRST_DELAY_SECONDS * 2 ** (self.crashes - 1), LAST_DELAY_SECONDS)
        self._restart_at = time.monotonic() + delay
        self.console.line(self.spec.name, self._report(code, delay))

    def _report(self, code: int, delay: float) -> str:
        reason = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        if self.crashes < CRASHES_TO_REPORT:
            return f"The process {reason}; starting it again in {delay:g} s."
        return (
            f"The process {reason}, for the {self.crashes}th time in a row. The lines above say why. "
            f"Trying again in {delay:g} s; stop with Ctrl-C."
        )

    def terminate(self) -> None:
        """Ask the process to finish."""
        if self.process is not None:
            self.process.terminate()

    def kill(self) -> None:
        """End the process and all it started at once."""
        if self.process is not None:
            signal_group(self.process.pid, signal.SIGKILL)

    def wait(self, deadline: float) -> None:
        """Wait for the end until `deadline` (monotonic seconds), then kill it with all it started."""
        if self.process is None:
            return
        try:
            self.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.console.line(self.spec.name, "The process did not finish in time and is killed.")
        signal_group(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None
