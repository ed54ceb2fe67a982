"""A whole running product for tests that kill its processes or drive a browser.

`product` is `manage.py up` in a directory and on a port of its own; import the fixture into a conftest.py.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest

from apps.core.postgres import EmbeddedPostgres, ports
from apps.core.supervisor import RunFile
from tests.support.shell import Shell

ROOT = Path(__file__).resolve().parents[2]
ADMIN_EMAIL = "admin@example.com"
ADMIN_PASSWORD = "correct-horse-battery-staple"


def wait_until(condition: Callable[[], Any], *, seconds: float = 30, what: str = "it") -> Any:
    """Poll until `condition` returns something true, and return that; a failed connection is not yet true."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if result := condition():
                return result
        except (psycopg.OperationalError, OSError):
            pass
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {seconds:g} s")
        time.sleep(0.05)


class Product:
    """One installation: started, looked into, wounded, stopped."""

    def __init__(self, var: Path, environment: Mapping[str, str] | None = None) -> None:
        self.var = var
        self.port = ports.choose_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.admin_email, self.admin_password = ADMIN_EMAIL, ADMIN_PASSWORD
        self.postgres = EmbeddedPostgres(var / "postgres")
        self.log_path = var / "up.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._runfile = RunFile(var / "run")
        self._environment = {**self._defaults(), **(environment or {})}
        self._shell = Shell(self._environment)

    def _defaults(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        return {
            **inherited,
            "DJANGO_SETTINGS_MODULE": "config.settings.base",
            "FLYWHEEL_VAR_DIR": str(self.var),
            "FLYWHEEL_ADMIN_EMAIL": ADMIN_EMAIL,
            "FLYWHEEL_ADMIN_PASSWORD": ADMIN_PASSWORD,
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
        }

    def start(self) -> None:
        """Run `manage.py up`; its lines go to the end of `log_path`."""
        command = [sys.executable, "-u", "manage.py", "up"]
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def wait_ready(self, *, seconds: float = 180) -> None:
        """Wait until the web process has answered."""

        def ready() -> bool:
            assert self.process is not None
            assert self.process.poll() is None, f"the product ended:\n{self.logs()[-4000:]}"
            state = self._runfile.read()
            return state.ready and state.pid == self.process.pid  # not the record of a run that was killed

        try:
            wait_until(ready, seconds=seconds, what="the start of the product")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.logs()[-4000:]}") from None

    def stop(self) -> int:
        """Stop as Ctrl-C does; return the exit code."""
        assert self.process is not None
        self._shell.close()
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)

    def delete(self) -> None:
        """End whatever still runs and remove all data."""
        self._shell.close()
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self._runfile.acquire():
            self._runfile.end_leftovers()
            self._runfile.release()
        self.postgres.reset()
        shutil.rmtree(self.var, ignore_errors=True)

    def logs(self) -> str:
        """Everything that was logged so far."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    # -- processes: "web", "worker", "runner", "beat", "postgres", "supervisor"

    def pid(self, name: str) -> int | None:
        """Process id of a process that runs, else None."""
        if name == "postgres":
            return self.postgres.pid()
        if name == "supervisor":
            return self.process.pid if self.process and self.process.poll() is None else None
        child = self._runfile.read().children.get(name)
        return child[0] if child else None

    def kill(self, name: str) -> int:
        """`kill -9` a process with all it started; return the process id it had."""
        pid = self.pid(name)
        assert pid is not None, f"{name} does not run"
        if name in {"web", "worker", "runner", "beat"}:
            os.killpg(pid, signal.SIGKILL)
        else:
            os.kill(pid, signal.SIGKILL)
        if name == "postgres":
            self._shell.close()  # as if it had never been: it is no part of what has to recover
        if name == "supervisor" and self.process is not None:
            self.process.wait()
        return pid

    def wait_back(self, name: str, *, after: int, seconds: float = 30) -> int:
        """Wait until another process does what process `after` did; return its process id."""

        def successor() -> int | None:
            pid = self.pid(name)
            return pid if pid != after else None

        return int(wait_until(successor, seconds=seconds, what=f"the return of {name}"))

    # -- a look inside

    def answers(self, path: str = "/health/") -> bool:
        """Whether the web process answers `path` with 200."""
        with urllib.request.urlopen(self.base_url + path, timeout=5) as response:  # noqa: S310  # our own address
            return bool(response.status == 200)

    def connect(self) -> psycopg.Connection:
        """An autocommit connection to the product's database."""
        return psycopg.connect(self.postgres.dsn(), autocommit=True)

    def query(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Rows of one statement, on a connection of its own."""
        with self.connect() as connection:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def run(self, code: str) -> str:
        """Run Python code with the product's models in a process of its own; return what it prints."""
        return self._shell.run(code)


def running_product(environment: Mapping[str, str] | None = None) -> Iterator[Product]:
    """A product that is ready; afterwards it is stopped and all its data deleted."""
    parent = ROOT / "var"
    parent.mkdir(exist_ok=True)
    var = Path(tempfile.mkdtemp(prefix="product-", dir=parent))
    var.chmod(0o755)  # the database server's own user has to pass
    product = Product(var, environment)
    try:
        product.start()
        product.wait_ready()
        yield product
    finally:
        product.delete()


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    """A product with nothing changed but its place; it fills its starter workspace."""
    yield from running_product()
