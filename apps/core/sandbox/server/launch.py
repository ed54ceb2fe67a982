"""Starting the supervisor: as a process of its own, or in place of this one. Needs no Django and no database."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from apps.core.sandbox.server.config import ServerConfig

BOOT = Path(__file__).with_name("boot.py")
EMPTY = {"TZ": "UTC0", "LC_ALL": "C.UTF-8"}
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def interpreter() -> str:
    """The interpreter itself, without the virtual environment around it."""
    return os.path.realpath(sys.executable)


def engine_path() -> str:
    """The file of the JavaScript engine's C module.

    Raises:
        ModuleNotFoundError: quickjs-ng is not installed.
    """
    spec = find_spec("_quickjs")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("The package quickjs-ng is not installed.")
    return spec.origin


def site_paths() -> tuple[str, ...]:
    """Where this interpreter's third-party packages are."""
    return tuple(path for path in sys.path if path.endswith(("site-packages", "dist-packages")))


def zone_paths() -> tuple[str, ...]:
    """Where time zone data may be, beside the usual places of the system."""
    spec = find_spec("tzdata")
    if spec is None or not spec.submodule_search_locations:
        return ()
    return (str(Path(spec.submodule_search_locations[0]) / "zoneinfo"),)


def command(config: ServerConfig, program: str = "supervisor") -> tuple[list[str], int]:
    """The command, and the open descriptor with the configuration that has to be inherited."""
    descriptor = os.memfd_create("sandbox", 0)
    os.write(descriptor, config.encode().encode())
    os.lseek(descriptor, 0, os.SEEK_SET)
    return [interpreter(), "-I", "-S", "-B", str(BOOT), program, str(descriptor)], descriptor


def start(config: ServerConfig, program: str = "supervisor") -> subprocess.Popen[str]:
    """Start it as a child; its output comes through `stdout`. It is ready when `state.sock` answers."""
    arguments, descriptor = command(config, program)
    try:
        return subprocess.Popen(
            arguments,
            env=EMPTY,
            pass_fds=[descriptor],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            cwd="/",
        )
    finally:
        os.close(descriptor)


def replace_process(config: ServerConfig) -> None:
    """Become the supervisor: nothing of this process's memory or environment stays."""
    arguments, descriptor = command(config)
    os.set_inheritable(descriptor, True)
    sys.stdout.flush()
    os.chdir("/")
    os.execve(arguments[0], arguments, EMPTY)  # noqa: S606 - our own script, no shell
