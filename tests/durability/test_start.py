"""What `up` refuses, it refuses with a sentence."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.durability


def up(var: Path, **environment: str) -> str:
    """Run `manage.py up`, which must fail; return what it says."""
    inherited = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    settings = {"DJANGO_SETTINGS_MODULE": "config.settings.base", "FLYWHEEL_VAR_DIR": str(var)}
    done = subprocess.run(
        [sys.executable, "manage.py", "up"],
        cwd=ROOT,
        env={**inherited, **settings, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    assert "PORT" in up(tmp_path, PORT="eighty")


def test_a_port_in_use_is_named_with_a_way_out(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"make up PORT={port + 1}" in up(tmp_path, HOST="127.0.0.1", PORT=str(port))
