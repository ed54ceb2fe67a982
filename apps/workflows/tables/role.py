"""The login role of a workspace's schema: made and kept by the database user, used by SQL statements only.

It is a role of its own to log in as, not one to switch to: a session that began as it has nothing to go back to.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from django.db import connection
from django.utils.translation import gettext as _
from psycopg import sql

from apps.core.exceptions import Unavailable

#: Connections of one workspace's statements at once, in all processes together.
CONNECTION_LIMIT: Final = 20

_ATTRIBUTES = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOREPLICATION NOBYPASSRLS"
_SETTINGS: Final = {
    "search_path": "{schema}",
    "statement_timeout": "10s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "15s",
    "work_mem": "16MB",
    "max_parallel_workers_per_gather": "0",
}


def may_create_roles() -> bool:
    """Whether the database user may make roles."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user")
        row = cursor.fetchone()
    return bool(row and row[0])


def exists(role: str) -> bool:
    """Whether the server has the role."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
        return cursor.fetchone() is not None


def create_role(schema: str, role: str, password: str, tables: Iterable[str]) -> None:
    """Make the role, or give the one that is there a new password, and let it at the tables' rows.

    Raises Unavailable where the database user may not create roles.
    """
    if not may_create_roles():
        raise Unavailable(
            _(
                "SQL nodes need a database role of their own, and the database user may not create roles. Ask the "
                "database's administrator for CREATEROLE; the other table nodes work without it."
            )
        )
    name, place = sql.Identifier(role), sql.Identifier(schema)
    with connection.cursor() as cursor:
        word = "ALTER" if exists(role) else "CREATE"
        # hashed here, so that no log of the server ever holds the password
        hashed = cursor.connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
        statements = [
            sql.SQL(word + " ROLE {} WITH " + _ATTRIBUTES + " CONNECTION LIMIT {} PASSWORD {}").format(
                name, sql.Literal(CONNECTION_LIMIT), sql.Literal(hashed.decode())
            ),
            *(
                sql.SQL("ALTER ROLE {} SET {} = {}").format(
                    name, sql.Identifier(setting), sql.Literal(value.format(schema=schema))
                )
                for setting, value in _SETTINGS.items()
            ),
            sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(place, name),
            *(
                sql.SQL("GRANT SELECT, INSERT, UPDATE, DELETE ON {} TO {}").format(
                    sql.Identifier(schema, table), name
                )
                for table in tables
            ),
        ]
        for statement in statements:
            cursor.execute(statement.as_string(cursor.connection))


def drop_role(role: str) -> None:
    """Drop the role with its rights in this database; nothing happens when it is gone."""
    if not exists(role):
        return
    with connection.cursor() as cursor:
        for text in ("DROP OWNED BY {}", "DROP ROLE {}"):
            cursor.execute(sql.SQL(text).format(sql.Identifier(role)).as_string(cursor.connection))
