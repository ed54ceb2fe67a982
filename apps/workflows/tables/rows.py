"""Rows of one data table, over Django's connection; the caller has checked who may."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import DatabaseError, DataError, IntegrityError, connection, transaction
from django.db.utils import OperationalError
from django.utils.translation import gettext as _
from psycopg import errors as pg
from psycopg import sql

from apps.core.exceptions import Conflict, Invalid, Unavailable
from apps.workflows.tables.columns import Column, decode, to_database
from apps.workflows.tables.where import Part, compile_where, types_of

MAX_ROWS: Final = 10_000
DEFAULT_LIMIT: Final = 100
TIMEOUT_MS: Final = 15_000
_INSERT_BATCH: Final = 500
_KEY = re.compile(r"\((\w+)\)=")

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """A table: its schema, its name in it, and its columns."""

    schema: str
    name: str
    columns: Sequence[Column] = field(default_factory=list)

    @property
    def identifier(self) -> sql.Identifier:
        """For statements."""
        return sql.Identifier(self.schema, self.name)

    @property
    def all_names(self) -> list[str]:
        """Every column, the id first, the times last."""
        return ["id", *(column.name for column in self.columns), "created_at", "updated_at"]


def select_rows(place: Place, query: Mapping[str, Any]) -> list[Row]:
    """Rows; query: fields, where, order_by, limit, offset, distinct. Raises Invalid."""
    names = _fields(place, query.get("fields"))
    statement = sql.SQL("SELECT {} {} FROM {}").format(
        sql.SQL("DISTINCT" if query.get("distinct") else ""), _list(names), place.identifier
    )
    where = compile_where(query.get("where"), place.columns)
    parameters = list(where[1]) if where else []
    if where:
        statement += sql.SQL(" WHERE ") + where[0]
    statement += _order(place, query.get("order_by"), names, distinct=bool(query.get("distinct")))
    statement += sql.SQL(" LIMIT %s OFFSET %s")
    parameters += [
        _bounded(query.get("limit"), DEFAULT_LIMIT, MAX_ROWS),
        _bounded(query.get("offset"), 0, 2**40),
    ]
    return list(_read(place, names, (statement, parameters)))


def count_rows(place: Place, where: Mapping[str, Any] | None = None, cap: int = 100_000) -> int:
    """How many rows there are, counted up to `cap`."""
    condition = compile_where(where, place.columns)
    inner = sql.SQL("SELECT 1 FROM {}").format(place.identifier)
    if condition:
        inner += sql.SQL(" WHERE ") + condition[0]
    statement = sql.SQL("SELECT count(*) FROM ({} LIMIT %s) AS counted").format(inner)
    with _cursor() as cursor:
        cursor.execute(_text(statement), [*(condition[1] if condition else []), cap])
        return int(cursor.fetchone()[0])


def insert_rows(place: Place, rows: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Insert rows and return them whole. All or none. Raises Invalid, Conflict."""
    if len(rows) > MAX_ROWS:
        raise Invalid(_("At most %(limit)d rows can be inserted at once.") % {"limit": MAX_ROWS})
    prepared = [_prepared(place, row, position) for position, row in enumerate(rows, 1)]
    inserted: list[Row] = []
    names = [column.name for column in place.columns]
    for start in range(0, len(prepared), _INSERT_BATCH):
        batch = prepared[start : start + _INSERT_BATCH]
        one = sql.SQL("({})").format(sql.SQL(", ").join(sql.SQL("%s") for _name in names))
        statement = sql.SQL("INSERT INTO {} ({}) VALUES {} RETURNING {}").format(
            place.identifier, _list(names), sql.SQL(", ").join([one] * len(batch)), _list(place.all_names)
        )
        inserted += _read(place, place.all_names, (statement, [value for row in batch for value in row]))
    return inserted


def update_rows(place: Place, where: Mapping[str, Any] | None, values: Mapping[str, Any]) -> int:
    """Change the rows that fit; how many. Raises Invalid, Conflict."""
    columns = {column.name: column for column in place.columns}
    _refuse_unknown(values, columns)
    if not values:
        return 0
    condition = compile_where(where, place.columns)
    sets = [sql.SQL("{} = %s").format(sql.Identifier(name)) for name in values]
    parameters = [to_database(name, columns[name].type, value) for name, value in values.items()]
    for name, value in zip(values, parameters, strict=True):
        _refuse_missing(columns[name], value)
    statement = sql.SQL("UPDATE {} SET {}, updated_at = now()").format(
        place.identifier, sql.SQL(", ").join(sets)
    )
    return _change(place, statement, condition, parameters)


def delete_rows(place: Place, where: Mapping[str, Any] | None) -> int:
    """Delete the rows that fit; how many."""
    statement = sql.SQL("DELETE FROM {}").format(place.identifier)
    return _change(place, statement, compile_where(where, place.columns), [])


def all_rows(place: Place) -> Iterator[Row]:
    """Every row in the order of ids, read in pages."""
    last = 0
    while True:
        page = select_rows(
            place,
            {
                "where": {"column": "id", "op": ">", "value": last},
                "order_by": [{"column": "id"}],
                "limit": 2_000,
            },
        )
        yield from page
        if len(page) < 2_000:
            return
        last = page[-1]["id"]


def _change(place: Place, statement: sql.Composable, where: Part | None, parameters: list[Any]) -> int:
    if where:
        statement = sql.SQL("{} WHERE {}").format(statement, where[0])
    with _cursor() as cursor:
        cursor.execute(_text(statement), [*parameters, *(where[1] if where else [])])
        return int(cursor.rowcount)


def _read(place: Place, names: Sequence[str], part: Part) -> Iterator[Row]:
    types = types_of(place.columns)
    with _cursor() as cursor:
        cursor.execute(_text(part[0]), part[1])
        rows = cursor.fetchall()
    for row in rows:
        yield {name: decode(types[name], value) for name, value in zip(names, row, strict=True)}


@contextmanager
def _cursor() -> Iterator[Any]:
    """A cursor in a transaction with a time limit; database errors become ours."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(TIMEOUT_MS)])
            yield cursor
            # the limit is the transaction's: what the caller does after us in the same one has none
            cursor.execute("SELECT set_config('statement_timeout', '0', true)")
    except DatabaseError as error:
        raise_for(error)
        raise


def raise_for(error: BaseException) -> None:
    """Raise a database error as one of ours, where people can do something about it."""
    cause = error.__cause__ or error
    if isinstance(cause, pg.UniqueViolation):
        key = _KEY.search(cause.diag.message_detail or "")
        sentence = _("There is a row with this value of “%(column)s” already.")
        raise Conflict(sentence % {"column": key[1] if key else "?"}) from error
    if isinstance(cause, pg.NotNullViolation):
        name = cause.diag.column_name or ""
        raise Invalid(_required(name), errors={name: [_required(name)]}) from error
    if isinstance(cause, pg.QueryCanceled):
        sentence = _("The table did not answer within %(seconds)d seconds.")
        raise Unavailable(sentence % {"seconds": TIMEOUT_MS // 1000}) from error
    if isinstance(cause, pg.UndefinedTable | pg.UndefinedColumn):
        raise Conflict(_("The table was changed in the meantime. Try again.")) from error
    if isinstance(error, DataError | IntegrityError):
        raise Invalid(str(cause).splitlines()[0]) from error
    if isinstance(error, OperationalError):
        raise Unavailable(_("The database does not answer at the moment.")) from error


def _prepared(place: Place, row: Mapping[str, Any], position: int) -> list[Any]:
    """The values of a row in the order of the columns."""
    columns = {column.name: column for column in place.columns}
    if not isinstance(row, Mapping):
        raise Invalid(_("Row %(position)d is not an object.") % {"position": position})
    _refuse_unknown(row, columns)
    values = []
    for column in place.columns:
        value = to_database(column.name, column.type, row.get(column.name))
        if value is None and column.default is not None:
            value = to_database(column.name, column.type, column.default)
        _refuse_missing(column, value)
        values.append(value)
    return values


def _refuse_unknown(values: Mapping[str, Any], columns: Mapping[str, Column]) -> None:
    unknown = [name for name in values if name not in columns]
    if unknown:
        sentence = _("The table has no column “%(name)s”.") % {"name": str(unknown[0])[:60]}
        raise Invalid(sentence, errors={str(name)[:60]: [sentence] for name in unknown})


def _refuse_missing(column: Column, value: Any) -> None:
    if column.required and value is None:
        raise Invalid(_required(column.name), errors={column.name: [_required(column.name)]})


def _required(name: str) -> str:
    return _("“%(column)s” needs a value.") % {"column": name}


def _fields(place: Place, wanted: Any) -> list[str]:
    if not wanted:
        return place.all_names
    known = types_of(place.columns)
    names = [str(name) for name in wanted]
    unknown = next((name for name in names if name not in known), None)
    if unknown is not None:
        raise Invalid(_("The table has no column “%(name)s”.") % {"name": unknown[:60]})
    return list(dict.fromkeys(names))


def _order(place: Place, order_by: Any, names: Sequence[str], *, distinct: bool) -> sql.Composable:
    """ORDER BY, by default newest last; a distinct query can only be ordered by what it shows."""
    known = types_of(place.columns)
    terms: list[sql.Composable] = []
    for entry in order_by or ():
        name = str(entry.get("column", "")) if isinstance(entry, Mapping) else str(entry)
        if name not in known or (distinct and name not in names):
            raise Invalid(_("Rows can't be ordered by “%(name)s”.") % {"name": name[:60]})
        direction = str(entry.get("direction", "asc")).lower() if isinstance(entry, Mapping) else "asc"
        terms.append(
            sql.SQL("{} DESC NULLS LAST" if direction == "desc" else "{} ASC").format(sql.Identifier(name))
        )
    if not distinct and not any(_is_id(entry) for entry in order_by or ()):
        terms.append(sql.SQL("id ASC"))
    return sql.SQL(" ORDER BY ") + sql.SQL(", ").join(terms) if terms else sql.SQL("")


def _is_id(entry: Any) -> bool:
    return entry == "id" or (isinstance(entry, Mapping) and entry.get("column") == "id")


def _bounded(value: Any, default: int, most: int) -> int:
    if value is None or value == "":
        return default
    return max(0, min(int(value), most))


def _list(names: Sequence[str]) -> sql.Composable:
    return sql.SQL(", ").join(sql.Identifier(name) for name in names)


def _text(statement: sql.Composable) -> str:
    """As text, for Django's cursors, which also log it."""
    return statement.as_string(None)
