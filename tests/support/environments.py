"""Environments of other people's clients: installed once, outside the project."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path


def cache() -> Path:
    """Where the environments live; FLYWHEEL_CLIENTS_CACHE moves it."""
    return Path(os.environ.get("FLYWHEEL_CLIENTS_CACHE") or Path.home() / ".cache" / "flywheel-clients")


def environment(name: str, *packages: str) -> Path:
    """The Python of an environment with these packages, made at first use."""
    place = cache() / name
    python, stamp = place / "bin" / "python", place / ".packages"
    wanted = "\n".join(packages)
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python
    uv = shutil.which("uv") or str(Path(sys.executable).parent / "uv")
    subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(place)], check=True)
    subprocess.run([uv, "pip", "install", "--quiet", "--python", str(python), *packages], check=True)
    stamp.write_text(wanted)
    return python
