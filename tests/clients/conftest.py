"""A running product, and other people's clients against it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.model_server import _model_server_thread, model_server
from tests.support.api import Api
from tests.support.environments import environment
from tests.support.product import running_product

__all__ = ["_model_server_thread", "model_server"]
SCRIPTS = Path(__file__).parent / "scripts"
Run = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def api() -> Iterator[Api]:
    """Our own API, to look for what the clients sent.

    One product serves all clients; FLYWHEEL_CLIENTS_URL and FLYWHEEL_CLIENTS_KEY name one that runs already.
    """
    if url := os.environ.get("FLYWHEEL_CLIENTS_URL"):
        yield Api(url, os.environ["FLYWHEEL_CLIENTS_KEY"])
        return
    for product in running_product():
        yield Api.of(product)


@pytest.fixture(scope="session")
def run(api: Api) -> Run:
    """Return `run(script, environment, packages, arguments=…)`: the JSON that a script prints in its last line."""

    def run(script: str, name: str, *packages: str, arguments: Sequence[str] = ()) -> dict[str, Any]:
        done = subprocess.run(
            [environment(name, *packages), SCRIPTS / script, *arguments],
            env={
                "PATH": os.environ["PATH"],
                "LANGFUSE_HOST": api.base_url,
                "LANGFUSE_BASE_URL": api.base_url,
                "LANGFUSE_PUBLIC_KEY": "pk-lf-any",
                "LANGFUSE_SECRET_KEY": api.key,
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        # SDKs swallow what goes wrong in the background and only log it
        assert "Failed to export" not in done.stderr, done.stderr[-4000:]
        result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        return result

    return run
