"""A migrated database from which test databases are copied: a second instead of ten for each of them.

It is made anew when a migration, an app or a package has changed, and every day: partitions are made from that day on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from psycopg import sql

ROOT = Path(__file__).resolve().parents[2]
PREFIX = "flywheel_template_"
#: Held while it is made; any number that nothing else uses.
LOCK = 7_204_611


def migrated_database() -> str:
    """Name of the database; whichever process asks first makes it, the others wait."""
    name = PREFIX + fingerprint()
    with psycopg.connect(settings.DATABASE_URL, autocommit=True) as server:
        server.execute("select pg_advisory_lock(%s)", [LOCK])
        existing = [row[0] for row in server.execute("select datname from pg_database")]
        if name not in existing:
            for outdated in existing:
                if outdated.startswith(PREFIX):
                    server.execute(sql.SQL("drop database {}").format(sql.Identifier(outdated)))
            _make(server, name)
    return name


def _make(server: psycopg.Connection, name: str) -> None:
    """Make it under another name, so that a run that is stopped meanwhile leaves no half of one."""
    draft = sql.Identifier(f"{name}_draft")
    server.execute(sql.SQL("create database {}").format(draft))
    usual = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = f"{name}_draft"
    try:
        call_command("migrate", interactive=False, verbosity=0)
    finally:
        connection.close()
        connection.settings_dict["NAME"] = usual
    server.execute(sql.SQL("alter database {} rename to {}").format(draft, sql.Identifier(name)))


def fingerprint() -> str:
    """Changes with whatever decides what `migrate` makes."""
    digest = hashlib.sha256("\n".join([str(datetime.now(UTC).date()), *settings.INSTALLED_APPS]).encode())
    for path in _sources():
        digest.update(str(path.relative_to(ROOT)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _sources() -> Iterator[Path]:
    # Migrations call functions of the apps, and permissions come from the models: so all of the code counts.
    yield ROOT / "requirements.lock"
    for folder in ("apps", "config"):
        yield from sorted((ROOT / folder).rglob("*.py"))
