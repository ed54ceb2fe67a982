"""The embedded PostgreSQL: found again, recovered after kills, and refused with a sentence."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from apps.core.postgres import TEST, EmbeddedPostgres, PostgresError, binaries, processes
from apps.core.postgres.settings import render, shared_memory_settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    home = tmp_path_factory.mktemp("postgres")
    for path in (home, home.parent, home.parent.parent):
        path.chmod(0o755)  # as the server's own user sees a project directory
    embedded = EmbeddedPostgres(home / "server")
    yield embedded
    embedded.stop()


def ask(dsn: str, query: str) -> object:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(query).fetchone()
    return row[0] if row else None


def kill_and_wait(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while Path(f"/proc/{pid}/cmdline").exists() and time.monotonic() < deadline:
        if not Path(f"/proc/{pid}/cmdline").read_bytes():
            return  # a zombie whose parent does not care
        time.sleep(0.02)


def test_starts_cold_with_vectors_in_every_new_database(server: EmbeddedPostgres) -> None:
    dsn = server.start()

    assert ask(dsn, "select '[1,2]'::vector <-> '[1,3]'::vector") == 1.0
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("create database another")
    assert ask(server.dsn("another"), "select count(*) from pg_extension where extname = 'vector'") == 1


def test_a_second_start_finds_the_running_server(server: EmbeddedPostgres) -> None:
    dsn, pid = server.start(), server.pid()

    assert EmbeddedPostgres(server.root).start() == dsn
    assert server.pid() == pid


def test_concurrent_starts_agree(server: EmbeddedPostgres) -> None:
    server.stop()
    with ThreadPoolExecutor(4) as pool:
        urls = set(pool.map(lambda _: EmbeddedPostgres(server.root).start(), range(4)))

    assert urls == {server.dsn()}


def test_only_the_right_password_opens_it(server: EmbeddedPostgres) -> None:
    dsn = server.start()
    password = (server.root / "password").read_text()

    assert (server.root / "password").stat().st_mode & 0o777 == 0o600
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(dsn.replace(password, "wrong"))


def test_data_and_address_survive_a_killed_server(server: EmbeddedPostgres) -> None:
    dsn = server.start()
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("create table kept (n int)")
        connection.execute("insert into kept values (7)")
    kill_and_wait(server.pid() or 0)

    assert not server.running()
    assert server.start() == dsn
    assert ask(dsn, "select n from kept") == 7


def test_busy_children_of_a_killed_server_are_ended_first(server: EmbeddedPostgres) -> None:
    dsn = server.start()
    busy = psycopg.connect(dsn, autocommit=True)
    endless = "do $$ begin loop end loop; end $$"
    with ThreadPoolExecutor(1) as pool:
        query = pool.submit(busy.execute, endless)
        time.sleep(0.2)
        kill_and_wait(server.pid() or 0)
        data = (server.root / "data").resolve()
        assert processes.orphans(data)

        server.start()

        assert isinstance(query.exception(), psycopg.OperationalError)
        assert not processes.orphans(data)


def test_a_pid_file_naming_a_stranger_is_not_believed(server: EmbeddedPostgres) -> None:
    server.start()
    server.stop()
    pid_file = server.root / "data" / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n{server.root / 'data'}\n")

    assert not server.running()
    server.start()
    assert server.running()


def test_takes_another_port_when_its_own_is_taken(server: EmbeddedPostgres) -> None:
    server.start()
    server.stop()
    port = int((server.root / "port").read_text())
    with socket.create_server(("127.0.0.1", port)):
        dsn = server.start()

    assert f":{port}/" not in dsn
    assert ask(dsn, "select 1") == 1


def test_an_interrupted_creation_is_done_again(server: EmbeddedPostgres, tmp_path: Path) -> None:
    other = EmbeddedPostgres(server.root.parent / "interrupted", settings=TEST)
    half = other.root / "data.draft"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")

    assert ask(other.start(), "select 1") == 1
    other.reset()
    assert not other.root.exists()


def test_the_server_outlives_who_started_it_and_obeys_the_command_line(server: EmbeddedPostgres) -> None:
    def command(action: str) -> subprocess.CompletedProcess[str]:
        arguments = [sys.executable, "-m", "apps.core.postgres", action, str(server.root)]
        return subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False)

    assert command("start").stdout.strip() == server.dsn()
    assert command("status").stdout.strip() == "running"
    assert command("url").stdout.strip() == server.dsn()
    assert command("stop").returncode == 0
    assert command("status").returncode == 3


def test_the_address_is_known_before_the_first_start(tmp_path: Path) -> None:
    planned = EmbeddedPostgres(tmp_path / "planned")

    assert planned.dsn() == EmbeddedPostgres(tmp_path / "planned").dsn()
    assert not planned.running()


@pytest.mark.parametrize(("flags", "refused"), [("sse2 avx", True), ("sse2 avx avx2", False)])
def test_a_processor_without_avx2_is_refused_with_a_sentence(
    tmp_path: Path, flags: str, refused: bool
) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor : 0\nflags : {flags}\n")
    if not refused:
        binaries.check_processor(cpuinfo)
        return
    with pytest.raises(PostgresError, match=r"AVX2.*DATABASE_URL"):
        binaries.check_processor(cpuinfo)


def test_programs_are_copied_with_their_libraries_once(tmp_path: Path) -> None:
    copy = binaries.copy_installation(binaries.find_installation(), tmp_path / "programs")
    version = subprocess.run([copy / "bin" / "psql", "--version"], capture_output=True, text=True, check=True)

    assert "18." in version.stdout
    assert binaries.copy_installation(binaries.find_installation(), tmp_path / "programs") == copy


def test_a_private_directory_is_not_reachable_by_others(tmp_path: Path) -> None:
    private = tmp_path / "private"
    (private / "inner").mkdir(parents=True)
    private.chmod(0o700)

    assert not binaries.reachable_by_others(private / "inner")
    assert binaries.reachable_by_others(Path("/usr/bin"))


def test_small_shared_memory_is_avoided() -> None:
    assert shared_memory_settings(Path("/nowhere")) == {}
    assert shared_memory_settings(Path("/proc")) == {"dynamic_shared_memory_type": "mmap"}


def test_it_listens_on_the_loopback_address_only() -> None:
    text = render({"listen_addresses": "*"}, port=1234)

    assert "listen_addresses = '127.0.0.1'" in text
    assert "port = '1234'" in text
