"""Early pytest plugin: gives the suite its own embedded PostgreSQL before Django's settings are read.

It sets DATABASE_URL and nothing else, and leaves the server running for the next run.
"""

import os
from pathlib import Path

from apps.core.postgres import TEST, EmbeddedPostgres

ROOT = Path(__file__).resolve().parent.parent

if not os.environ.get("DATABASE_URL"):
    server = EmbeddedPostgres(ROOT / "var" / "test-postgres", settings=TEST)
    os.environ["DATABASE_URL"] = server.start()
