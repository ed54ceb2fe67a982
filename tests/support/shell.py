"""Python code with a product's models, run by one process that stays: loading the apps takes seconds.

`python -m tests.support.shell` reads a piece of code as a line of JSON, and answers with a line of what it printed.
"""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[2]


class Shell:
    """The process, seen from the tests; it starts when it is needed first."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._process: subprocess.Popen[str] | None = None

    def run(self, code: str) -> str:
        """Run a piece of code and return what it prints; raises AssertionError with its traceback."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.shell"],
                cwd=ROOT, env=self._environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(code) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"the shell ended with code {self._process.wait()}"
        printed, error = json.loads(answer)
        assert not error, error
        return str(printed)

    def close(self) -> None:
        """End the process, and with it its connections."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def serve(requests: IO[str], answers: IO[str]) -> None:
    """Answer until nobody asks any more."""
    import django

    django.setup()
    for line in requests:
        printed, error = io.StringIO(), ""
        with contextlib.redirect_stdout(printed):
            try:
                exec(json.loads(line), {})  # noqa: S102  # the tests' own code
            except Exception:  # noqa: BLE001  # whatever it is, the test shows it
                error = traceback.format_exc()
        answers.write(json.dumps([printed.getvalue().strip(), error]) + "\n")
        answers.flush()


if __name__ == "__main__":
    serve(sys.stdin, sys.stdout)
