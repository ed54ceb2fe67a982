"""Environments of the peers that benchmarks measure beside us: installed once, outside the project."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path


def cache() -> Path:
    """Where the environments live; FLYWHEEL_BENCH_CACHE moves it."""
    return Path(os.environ.get("FLYWHEEL_BENCH_CACHE") or Path.home() / ".cache" / "flywheel-bench")


def environment(name: str, *packages: str, interpreter: str = sys.executable) -> Path:
    """The Python of an environment with these packages, made at first use with this interpreter."""
    place = cache() / name
    python, stamp = place / "bin" / "python", place / ".packages"
    wanted = "\n".join(packages)
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python
    print(f"installing {name}: {' '.join(packages)}", file=sys.stderr)
    uv = shutil.which("uv") or str(Path(sys.executable).parent / "uv")
    subprocess.run([uv, "venv", "--quiet", "--clear", "--python", interpreter, str(place)], check=True)
    subprocess.run([uv, "pip", "install", "--quiet", "--python", str(python), *packages], check=True)
    stamp.write_text(wanted)
    return python
