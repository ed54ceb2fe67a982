"""Making and changing tables in a workspace's schema. Runs in the caller's transaction, on Django's connection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from django.db import DatabaseError, connection
from django.utils.translation import gettext as _
from psycopg import errors as pg
from psycopg import sql

from apps.core.exceptions import Conflict, Unavailable
from apps.workflows.tables.columns import SQL_TYPES, Column, to_database
from apps.workflows.tables.rows import Place

#: Somebody's long transaction on a table must not hold up everybody who waits behind the change.
LOCK_TIMEOUT: Final = "5s"


def schema_name(workspace_id: UUID) -> str:
    """The schema of a workspace; its login role has the same name."""
    return f"fw_ws_{workspace_id.hex}"


def create_schema(schema: str) -> None:
    """Make the schema; nobody but its owner may enter it. Raises Unavailable where the database forbids it."""
    try:
        _run(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
    except DatabaseError as error:
        if isinstance(error.__cause__, pg.InsufficientPrivilege):
            raise Unavailable(
                _(
                    "Data tables need the right to create schemas: grant the database user CREATE on this database "
                    "(GRANT CREATE ON DATABASE … TO …)."
                )
            ) from error
        raise


def drop_schema(schema: str) -> None:
    """Drop the schema with all its tables."""
    _run(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))


def create_table(place: Place, role: str) -> None:
    """Make a table; `role` ("" for none) may read and write its rows."""
    parts = [
        sql.SQL("id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"),
        *(_definition(column) for column in place.columns),
        sql.SQL("created_at timestamp with time zone NOT NULL DEFAULT now()"),
        sql.SQL("updated_at timestamp with time zone NOT NULL DEFAULT now()"),
    ]
    _run(sql.SQL("CREATE TABLE {} ({})").format(place.identifier, sql.SQL(", ").join(parts)))
    if role:
        grant(place, role)


def grant(place: Place, role: str) -> None:
    """Let a role read and write the rows of a table."""
    _run(
        sql.SQL("GRANT SELECT, INSERT, UPDATE, DELETE ON {} TO {}").format(
            place.identifier, sql.Identifier(role)
        )
    )


def drop_table(place: Place) -> None:
    """Drop a table with its rows."""
    _run(sql.SQL("DROP TABLE IF EXISTS {}").format(place.identifier))


def rename_table(place: Place, name: str) -> None:
    """Give a table another name."""
    _run(sql.SQL("ALTER TABLE {} RENAME TO {}").format(place.identifier, sql.Identifier(name)))


def rename_column(place: Place, old: str, new: str) -> None:
    """Give a column another name."""
    _run(
        sql.SQL("ALTER TABLE {} RENAME COLUMN {} TO {}").format(
            place.identifier, sql.Identifier(old), sql.Identifier(new)
        )
    )


def alter_columns(place: Place, before: Sequence[Column], after: Sequence[Column]) -> None:
    """Bring a table from one list of columns to another: by name, dropped, added, changed.

    Raises Conflict when values that are there do not fit the new type, or the new rule.
    """
    old = {column.name: column for column in before}
    new = {column.name: column for column in after}
    changes: list[sql.Composable] = [
        sql.SQL("DROP COLUMN {}").format(sql.Identifier(name)) for name in old if name not in new
    ]
    changes += [
        sql.SQL("ADD COLUMN {}").format(_definition(column))
        for name, column in new.items()
        if name not in old
    ]
    for name, column in new.items():
        if name in old:
            changes += _changes(place, old[name], column)
    if not changes:
        return
    try:
        _run(sql.SQL("ALTER TABLE {} {}").format(place.identifier, sql.SQL(", ").join(changes)))
    except DatabaseError as error:
        raise _unfit(error) from error


def _definition(column: Column) -> sql.Composable:
    parts = [sql.Identifier(column.name), sql.SQL(SQL_TYPES[column.type])]
    default = _default(column)
    if default is not None:
        parts.append(sql.SQL("DEFAULT {}").format(default))
    if column.required:
        parts.append(sql.SQL("NOT NULL"))
    if column.unique:
        parts.append(sql.SQL("UNIQUE"))
    return sql.SQL(" ").join(parts)


def _changes(place: Place, old: Column, new: Column) -> list[sql.Composable]:
    name = sql.Identifier(new.name)
    changes: list[sql.Composable] = []
    if old.type != new.type:
        if old.default is not None:
            changes.append(sql.SQL("ALTER COLUMN {} DROP DEFAULT").format(name))
        changes.append(
            sql.SQL("ALTER COLUMN {} TYPE {} USING {}").format(
                name, sql.SQL(SQL_TYPES[new.type]), _conversion(old, new)
            )
        )
    if (old.default, old.type) != (new.default, new.type):
        default = _default(new)
        if default is not None:
            changes.append(sql.SQL("ALTER COLUMN {} SET DEFAULT {}").format(name, default))
        elif old.default is not None and old.type == new.type:
            changes.append(sql.SQL("ALTER COLUMN {} DROP DEFAULT").format(name))
    if old.required != new.required:
        changes.append(
            sql.SQL("ALTER COLUMN {} " + ("SET" if new.required else "DROP") + " NOT NULL").format(name)
        )
    if new.unique and not old.unique:
        changes.append(sql.SQL("ADD UNIQUE ({})").format(name))
    elif old.unique and not new.unique:
        changes.append(sql.SQL("DROP CONSTRAINT {}").format(_unique_constraint(place, new.name)))
    return changes


def _conversion(old: Column, new: Column) -> sql.Composable:
    """The old value in the new type: by way of its text, with JSON's strings taken out of their quotes."""
    column = sql.Identifier(new.name)
    if new.type == "json":
        return sql.SQL("to_jsonb({})").format(column)
    if old.type == "json":
        return sql.SQL("({} #>> '{{}}')::{}").format(column, sql.SQL(SQL_TYPES[new.type]))
    if new.type == "text" or old.type == "text" or {old.type, new.type} <= {"datetime", "date"}:
        return sql.SQL("{}::{}").format(column, sql.SQL(SQL_TYPES[new.type]))
    if {old.type, new.type} == {"integer", "number"}:
        return sql.SQL("{}::{}").format(column, sql.SQL(SQL_TYPES[new.type]))
    return sql.SQL("{}::text::{}").format(column, sql.SQL(SQL_TYPES[new.type]))


def _default(column: Column) -> sql.Composable | None:
    if column.default is None:
        return None
    return sql.SQL("{}").format(sql.Literal(to_database(column.name, column.type, column.default)))


def _unique_constraint(place: Place, column: str) -> sql.Identifier:
    """The name that PostgreSQL gave to the constraint (ours would have to differ from table to table)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.conname FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid "
            "WHERE c.conrelid = %s::regclass AND c.contype = 'u' AND c.conkey = ARRAY[a.attnum] AND a.attname = %s",
            [place.identifier.as_string(None), column],
        )
        row = cursor.fetchone()
    return sql.Identifier(row[0] if row else column)


def _unfit(error: DatabaseError) -> Exception:
    cause = error.__cause__
    if isinstance(cause, pg.NotNullViolation):
        return Conflict(
            _(
                "“%(column)s” can't be required: there are rows without a value. Give them one first, or a default."
            )
            % {"column": cause.diag.column_name or "?"}
        )
    if isinstance(cause, pg.UniqueViolation):
        return Conflict(_("A column can't be unique while two rows have the same value in it."))
    if isinstance(cause, pg.DataError | pg.CannotCoerce | pg.DatatypeMismatch):
        return Conflict(
            _("There are values that do not fit the new type: %(problem)s")
            % {"problem": str(cause).splitlines()[0]}
        )
    if isinstance(cause, pg.LockNotAvailable):
        return Unavailable(_("The table is in use. Try again in a moment."))
    return error


def _run(statement: sql.Composable) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [LOCK_TIMEOUT])
        # the driver's own connection knows how to write literals of our types
        cursor.execute(statement.as_string(cursor.connection))
