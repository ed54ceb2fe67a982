"""Early pytest plugin: gives the suite its own embedded PostgreSQL before Django's settings are read.

It sets DATABASE_URL and nothing else, and leaves the server running for the next run. `-n` spreads the tests as
`tests.scheduling` says.
"""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from apps.core.postgres import TEST, EmbeddedPostgres

if TYPE_CHECKING:
    from tests.scheduling import Scheduling

ROOT = Path(__file__).resolve().parent.parent

if not os.environ.get("DATABASE_URL"):
    server = EmbeddedPostgres(ROOT / "var" / "test-postgres", settings=TEST)
    os.environ["DATABASE_URL"] = server.start()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Scheduling:
    """Spread the tests over processes in our own way."""
    from tests.scheduling import Scheduling

    return Scheduling(config, log)


def pytest_collection_finish() -> None:
    """Keep all modules and tests, which stay until the end, out of garbage collections."""
    gc.collect()
    gc.freeze()
