"""Runs a judged statement in a session that logs in as the workspace's own role."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from weakref import WeakKeyDictionary

import psycopg
from django.conf import settings
from django.db import connections
from django.utils.translation import gettext as _
from psycopg import errors as pg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from apps.core.exceptions import Invalid, TooLarge, Unavailable
from apps.workflows.tables.columns import from_database
from apps.workflows.tables.statement import Statement

MAX_ROWS: Final = 10_000
MAX_BYTES: Final = 8 * 1024 * 1024
CONNECT_TIMEOUT_S: Final = 10
#: Statements of one workspace that this process runs at once; the rest wait their turn.
AT_ONCE: Final = 4

_places: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, asyncio.Semaphore]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Login:
    """Who runs the statement, and where. The password is not printed."""

    role: str
    schema: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Rows as plain JSON, how many rows were read or changed, and whether there were more than the limit."""

    rows: list[dict[str, Any]]
    count: int
    truncated: bool = False


class _Enough(Exception):
    """A reading statement gave as many rows as were asked for."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome


async def execute(
    login: Login,
    statement: Statement,
    parameters: Mapping[str, Any],
    *,
    read_only: bool = False,
    limit: int = 1_000,
    timeout_s: float = 10.0,
) -> Outcome:
    """Run the statement in a session of its own, which ends with it. Cancelling ends it in the server too.

    Raises Invalid for what is wrong with the statement, TooLarge, Unavailable.
    """
    places = _places.setdefault(asyncio.get_running_loop(), {})
    async with places.setdefault(login.role, asyncio.Semaphore(AT_ONCE)):
        try:
            async with await _connect(login, read_only=read_only, timeout_s=timeout_s) as connection:
                return await _run(connection, statement, parameters, min(limit, MAX_ROWS))
        except psycopg.Error as error:
            raise explained(error, timeout_s) from error


async def _connect(
    login: Login, *, read_only: bool, timeout_s: float
) -> psycopg.AsyncConnection[dict[str, Any]]:
    target = connections["default"].settings_dict
    options = {
        "statement_timeout": str(int(timeout_s * 1000)),
        "lock_timeout": "5000",
        "search_path": login.schema,
        # the statement was read by these rules
        "standard_conforming_strings": "on",
        "default_transaction_read_only": "on" if read_only else "off",
    }
    return await psycopg.AsyncConnection.connect(
        host=target["HOST"] or None,
        port=target["PORT"] or None,
        dbname=target["NAME"],
        user=login.role,
        password=login.password,
        connect_timeout=CONNECT_TIMEOUT_S,
        application_name="flywheel sql node",
        options=" ".join(f"-c {name}={value}" for name, value in options.items()),
        autocommit=True,
        row_factory=dict_row,
        **_transport(target.get("OPTIONS") or {}),
    )


def _transport(options: Mapping[str, Any]) -> dict[str, Any]:
    """How the product's own connections are secured."""
    return {
        name: value for name, value in options.items() if name.startswith("ssl") or name == "channel_binding"
    }


async def _run(
    connection: psycopg.AsyncConnection[dict[str, Any]],
    statement: Statement,
    parameters: Mapping[str, Any],
    limit: int,
) -> Outcome:
    """In one transaction. Both ways use the extended protocol, in which the server takes one statement only."""
    values = {name: _adapted(value) for name, value in parameters.items()}
    async with connection.transaction():
        if not statement.silent:
            try:
                async with connection.transaction():
                    return await _stream(connection, statement, values, limit)
            except _Enough as enough:
                return enough.outcome
            except psycopg.ProgrammingError as error:
                if error.sqlstate is not None:
                    raise
                # the driver streams only what gives rows: undone by the savepoint, and done again without
        # the text was judged word by word; its places are bound by the server
        cursor = await connection.execute(statement.text.encode(), values, prepare=True)
        return Outcome([], max(cursor.rowcount, 0))


async def _stream(
    connection: psycopg.AsyncConnection[dict[str, Any]],
    statement: Statement,
    values: Mapping[str, Any],
    limit: int,
) -> Outcome:
    """Row by row, so that a statement that gives millions costs no memory here."""
    rows: list[dict[str, Any]] = []
    size = 0
    async with connection.cursor() as cursor:
        async for row in cursor.stream(statement.text.encode(), values):
            if len(rows) >= limit:
                if statement.writes:
                    raise TooLarge(
                        _("The statement gives back more than %(limit)d rows; nothing was changed.")
                        % {"limit": limit}
                    )
                # the driver cancels what it streams, and the savepoint is rolled back: nothing was changed
                raise _Enough(Outcome(rows, len(rows), truncated=True))
            plain = {name: from_database(value) for name, value in row.items()}
            size += len(str(plain))
            if size > MAX_BYTES:
                raise TooLarge(_("The statement gives back more than 8 MB. Select fewer columns or rows."))
            rows.append(plain)
    return Outcome(rows, len(rows))


def _adapted(value: Any) -> Any:
    """Objects go as JSON; lists as arrays, unless they hold more than plain values."""
    if isinstance(value, dict):
        return Jsonb(value)
    if isinstance(value, list | tuple):
        nested = any(isinstance(item, dict | list | tuple) for item in value)
        return Jsonb(list(value)) if nested else list(value)
    if isinstance(value, str):
        return value.replace("\x00", "")
    return value


def explained(error: psycopg.Error, timeout_s: float) -> Exception:
    """A database error as ours. What lies outside the schema does not exist, whether or not it does."""
    if isinstance(error, pg.InsufficientPrivilege | pg.UndefinedTable | pg.InvalidSchemaName):
        return Invalid(
            _("There is no such table in this workspace."),
            errors={"statement": [_("There is no such table in this workspace.")]},
        )
    if isinstance(error, pg.QueryCanceled):
        return Unavailable(
            _("The statement did not end within %(seconds)g seconds.") % {"seconds": timeout_s},
            reason="timeout",
        )
    if isinstance(error, pg.ReadOnlySqlTransaction):
        return Invalid(_("This node only reads: statements that change rows are switched off in it."))
    if isinstance(
        error, pg.TooManyConnections | pg.DeadlockDetected | pg.SerializationFailure | pg.LockNotAvailable
    ):
        return Unavailable(_("The database is busy with this workspace's statements. Try again in a moment."))
    if isinstance(error, psycopg.OperationalError) and error.sqlstate is None:
        return Unavailable(
            _(
                "The database refused a session for this workspace's statements. Check that it lets roles log in "
                "with a password."
            )
        )
    sentence = (
        (error.diag.message_primary or str(error)).splitlines()[0] if str(error) else type(error).__name__
    )
    if settings.DEBUG and error.diag.message_hint:
        sentence = f"{sentence} ({error.diag.message_hint})"
    return Invalid(sentence[:300], errors={"statement": [sentence[:300]]})
