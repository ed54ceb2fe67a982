"""Life of one embedded server: made, started, found again, recovered, stopped."""

import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psycopg
from psycopg import sql

from . import binaries, ports, processes
from .account import Account, server_account
from .exceptions import PostgresError
from .settings import PRODUCTION, render, shared_memory_settings

SUPERUSER = "flywheel"
EXTENSIONS = ("vector",)
SHARED_HOME = Path("/var/lib/flywheel")
CLUSTER_OPTIONS = (
    "--encoding=UTF8",
    "--auth=scram-sha-256",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
)
START_TIMEOUT_SECONDS = 120
START_ATTEMPTS = 4


class EmbeddedPostgres:
    """A PostgreSQL server whose files live below `root`; any number of processes may share it.

    `start` is safe to call at any time from anywhere: it finds the running server, or makes, repairs
    and starts one. The server outlives the process that started it until `stop`.
    """

    def __init__(
        self, root: Path, *, database: str = "flywheel", settings: Mapping[str, str] | None = None
    ) -> None:
        self.root = root.resolve()
        self.database = database
        self.settings = {**(PRODUCTION if settings is None else settings), **shared_memory_settings()}

    # -- what callers use

    def start(self) -> str:
        """Make sure the server runs and return the URL of its database.

        Raises PostgresError with a sentence when it can't run here.
        """
        with self._locked():
            if not self.running():
                self._start()
            self._ensure_database()
        return self.dsn()

    def stop(self) -> None:
        """Stop the server, ending its connections; nothing happens when it doesn't run."""
        if not self.root.exists():
            return
        with self._locked():
            self._stop()

    def running(self) -> bool:
        """Whether the server on our data directory accepts connections."""
        return self.pid() is not None and self._answers()

    def pid(self) -> int | None:
        """Process id of the server, or None."""
        return processes.postmaster_pid(self._data)

    def dsn(self, database: str | None = None) -> str:
        """URL of `database` (by default ours) on this server, password included; known before `start` too.

        `start` may change the port when another program has taken it meanwhile.
        """
        address = f"{SUPERUSER}:{self._password()}@127.0.0.1:{self._port()}"
        return f"postgresql://{address}/{database or self.database}"

    def reset(self) -> None:
        """Stop the server and delete all its data."""
        if not self.root.exists():
            return
        with self._locked():
            self._stop()
            home = self._data.parent
        for path in {home, self.root}:
            shutil.rmtree(path, ignore_errors=True)

    # -- files

    @property
    def _data(self) -> Path:
        return (self.root / "data").resolve()

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """One process at a time makes, starts or stops this server."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _password(self) -> str:
        return self._remembered("password", lambda: secrets.token_urlsafe(24))

    def _port(self) -> int:
        return int(self._remembered("port", lambda: str(ports.choose_port())))

    def _remembered(self, name: str, choose: Callable[[], str]) -> str:
        """The content of a private file, chosen by whichever process asks first.

        So the URL is known before the server has ever run. Linking a finished file into place makes
        two first askers agree without a lock.
        """
        path = self.root / name
        if not path.exists():
            self.root.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(f"{name}.{secrets.token_hex(4)}")
            draft.touch(0o600)
            draft.write_text(choose())
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(draft)
            draft.unlink()
        return path.read_text()

    # -- states of the server

    def _answers(self) -> bool:
        """Whether what listens on our port is our server, not a stranger on the same port."""
        try:
            with psycopg.connect(self.dsn("postgres"), connect_timeout=3) as connection:
                row = connection.execute("show data_directory").fetchone()
        except psycopg.Error:
            return False
        return row is not None and Path(row[0]) == self._data

    def _start(self) -> None:
        binaries.check_processor()
        account = server_account()
        programs = self._programs(account)
        if self._settles():
            return
        self._initialise(programs, account)
        for _attempt in range(START_ATTEMPTS):
            self._clear_remains()
            self._configure(account)
            if self._run(programs, account, *self._start_arguments(), check=False):
                return
            if self._settles():
                return
        raise PostgresError(f"The embedded PostgreSQL did not start. Its log ends with:\n{self._log_tail()}")

    def _settles(self) -> bool:
        """Wait for a live server that starts, recovers or stops right now; whether it answers at last."""
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while self.pid() is not None and time.monotonic() < deadline:
            if self._answers():
                return True
            time.sleep(0.1)
        return False

    def _clear_remains(self) -> None:
        """Take away what a killed server left: busy children and an outdated pid file."""
        if self.pid() is None:
            processes.end_orphans(self._data)
            (self._data / "postmaster.pid").unlink(missing_ok=True)

    def _stop(self) -> None:
        if self.pid() is None:
            self._clear_remains()
            return
        account = server_account()
        arguments = ("pg_ctl", "-D", str(self._data), "-w", "-m", "fast", "stop")
        if not self._run(self._programs(account), account, *arguments, check=False):
            raise PostgresError(f"The embedded PostgreSQL did not stop; see {self._log}.")

    # -- making a server

    def _initialise(self, programs: Path, account: Account | None) -> None:
        """Create the data directory beside its final place, so that a killed start leaves no half of one."""
        self._place_data(account)
        if (self._data / "PG_VERSION").exists():
            return
        draft = self._data.with_name("data.draft")
        for path in (draft, self._data):
            shutil.rmtree(path, ignore_errors=True)
        draft.mkdir(mode=0o700)
        password_file = self._data.with_name("initial-password")
        password_file.touch(0o600)
        password_file.write_text(self._password())
        if account is not None:
            account.own(draft)
            account.own(password_file)
        arguments = ("-D", str(draft), "-U", SUPERUSER, f"--pwfile={password_file}", *CLUSTER_OPTIONS)
        self._run(programs, account, "initdb", *arguments)
        password_file.unlink()
        draft.rename(self._data)
        with (self._data / "postgresql.conf").open("a") as main:
            main.write("\ninclude 'embedded.conf'\n")

    def _place_data(self, account: Account | None) -> None:
        """If the server's user can't enter our root (say, below /root), `data` links to a place it can."""
        link = self.root / "data"
        if account is not None and not link.exists() and not binaries.reachable_by_others(self.root):
            home = SHARED_HOME / hashlib.sha256(str(self.root).encode()).hexdigest()[:16]
            link.unlink(missing_ok=True)
            link.symlink_to(home / "data")
        self._data.parent.mkdir(parents=True, exist_ok=True)

    def _programs(self, account: Account | None) -> Path:
        """The bin directory; copied if the server's own user can't enter the place it is installed in."""
        installation = binaries.find_installation()
        if account is not None and not binaries.reachable_by_others(installation / "bin"):
            home = self.root if binaries.reachable_by_others(self.root) else SHARED_HOME
            home.mkdir(parents=True, exist_ok=True)
            installation = binaries.copy_installation(installation, home / "programs")
        return installation / "bin"

    def _configure(self, account: Account | None) -> None:
        port = self._port()
        if not ports.is_free(port):
            port = ports.choose_port()
            (self.root / "port").write_text(str(port))
        configuration = self._data / "embedded.conf"
        configuration.write_text(render(self.settings, port=port))
        if account is not None:
            account.own(configuration)

    def _ensure_database(self) -> None:
        """Extensions go into template1, so that each new database (also a test database) has them."""
        with psycopg.connect(self.dsn("template1"), autocommit=True) as connection:
            for extension in EXTENSIONS:
                statement = sql.SQL("create extension if not exists {}").format(sql.Identifier(extension))
                connection.execute(statement)
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            query = "select 1 from pg_database where datname = %s"
            if connection.execute(query, [self.database]).fetchone() is None:
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(self.database)))

    # -- programs

    def _start_arguments(self) -> tuple[str, ...]:
        log = str(self._data / "start.log")
        return ("pg_ctl", "-D", str(self._data), "-w", "-t", str(START_TIMEOUT_SECONDS), "-l", log, "start")

    @property
    def _log(self) -> Path:
        return self.root / "programs.log"

    def _run(
        self, programs: Path, account: Account | None, program: str, *arguments: str, check: bool = True
    ) -> bool:
        """Run a PostgreSQL program as `account`, in a session of its own so that Ctrl-C passes it by."""
        options = account.spawn_options() if account else {}
        with self._log.open("ab") as log:
            done = subprocess.run(
                [str(programs / program), *arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True,
                timeout=2 * START_TIMEOUT_SECONDS, check=False, **options,
            )  # fmt: skip
        if check and done.returncode != 0:
            raise PostgresError(f"{program} failed. Its output ends with:\n{_tail(self._log)}")
        return done.returncode == 0

    def _log_tail(self) -> str:
        logs = [self._log, self._data / "start.log", *self._data.glob("log/server-*.log")]
        newest = sorted((path for path in logs if path.exists()), key=lambda path: path.stat().st_mtime)[-2:]
        return "\n".join(_tail(path) for path in newest)


def _tail(path: Path, size: int = 1500) -> str:
    with path.open("rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - size))
        return file.read().decode(errors="replace")
