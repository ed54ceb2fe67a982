"""Columns of data tables: their types, and values on the way in and out."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal
from uuid import UUID

import orjson
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _
from psycopg.types.json import Jsonb
from pydantic import BaseModel, ConfigDict, ValidationError

from apps.core.exceptions import Invalid

ColumnType = Literal["text", "integer", "number", "boolean", "datetime", "date", "json"]

#: The PostgreSQL type of each of ours.
SQL_TYPES: Final[Mapping[str, str]] = {
    "text": "text",
    "integer": "bigint",
    "number": "numeric",
    "boolean": "boolean",
    "datetime": "timestamp with time zone",
    "date": "date",
    "json": "jsonb",
}
#: Columns that every table has.
SYSTEM_COLUMNS: Final[Mapping[str, ColumnType]] = {
    "id": "integer",
    "created_at": "datetime",
    "updated_at": "datetime",
}
MAX_COLUMNS: Final = 100
MAX_TEXT_CHARS: Final = 1_000_000

_NAME = re.compile(r"[a-z][a-z0-9_]{0,47}")
_SECONDS = re.compile(r"\d{9,11}(\.\d+)?")
# PostgreSQL's own columns, and prefixes that SQL statements may not use
_RESERVED = frozenset({*SYSTEM_COLUMNS, "tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"})
_RESERVED_PREFIXES = ("pg_", "fw_")
_BIGINT = 2**63
_TRUE = frozenset({"true", "yes", "on", "1", "t", "y"})
_FALSE = frozenset({"false", "no", "off", "0", "f", "n"})


class Column(BaseModel):
    """A column as people define it. `default` is used where a row gives no value."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    type: ColumnType = "text"
    description: str = ""
    required: bool = False
    unique: bool = False
    default: Any = None


def parse_columns(raw: Sequence[Mapping[str, Any]]) -> list[Column]:
    """Stored columns; they were checked when they were stored."""
    return [Column.model_validate(column) for column in raw]


def check_columns(raw: Iterable[Any]) -> list[Column]:
    """Columns that somebody asks for. Raises Invalid naming each mistake."""
    columns: list[Column] = []
    errors: list[str] = []
    for position, entry in enumerate(raw, 1):
        try:
            column = entry if isinstance(entry, Column) else Column.model_validate(entry)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            errors.append(
                _("Column %(position)d: %(place)s: %(problem)s")
                % {"position": position, "place": place, "problem": first["msg"]}
            )
            continue
        errors += _problems(column, [known.name for known in columns])
        columns.append(column)
    if not columns and not errors:
        errors.append(_("A table needs at least one column."))
    if len(columns) > MAX_COLUMNS:
        errors.append(_("A table may have %(limit)d columns at most.") % {"limit": MAX_COLUMNS})
    if errors:
        raise Invalid(" ".join(errors), errors={"columns": errors})
    return [_with_default(column) for column in columns]


def check_name(name: str, field: str = "name") -> str:
    """A table's or column's name. Raises Invalid."""
    problem = _name_problem(name)
    if problem:
        raise Invalid(problem, errors={field: [problem]})
    return name


def _name_problem(name: str) -> str:
    if not _NAME.fullmatch(name):
        return _(
            "“%(name)s” can't be a name: begin with a small letter and use small letters, digits and underscores, "
            "48 at most."
        ) % {"name": name[:60]}
    if name in _RESERVED or name.startswith(_RESERVED_PREFIXES):
        return _("The name “%(name)s” is reserved.") % {"name": name}
    return ""


def _problems(column: Column, before: list[str]) -> list[str]:
    problem = _name_problem(column.name)
    if not problem and column.name in before:
        problem = _("There are two columns “%(name)s”.") % {"name": column.name}
    return [problem] if problem else []


def _with_default(column: Column) -> Column:
    if column.default is None or column.default == "":
        return column.model_copy(update={"default": None})
    to_database(column.name, column.type, column.default)
    return column


def to_database(name: str, kind: ColumnType, value: Any) -> Any:
    """A value for a column of this type, converted where nothing is lost. Raises Invalid naming the column."""
    if value is None:
        return None
    try:
        return _CONVERTERS[kind](value)
    except (ValueError, TypeError, InvalidOperation, OverflowError):
        sentence = _("“%(column)s” takes %(kind)s, not “%(value)s”.") % {
            "column": name,
            "kind": _kind_name(kind),
            "value": str(value)[:60],
        }
        raise Invalid(sentence, errors={name: [sentence]}) from None


def from_database(value: Any) -> Any:
    """A value as plain JSON: times as ISO text, decimals as numbers."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if isinstance(value, list | tuple):
        return [from_database(item) for item in value]
    if isinstance(value, dict):
        return {str(key): from_database(item) for key, item in value.items()}
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)


def decode(kind: ColumnType, value: Any) -> Any:
    """The value of a known column as Django's cursor gives it (JSON comes as text)."""
    if kind == "json" and isinstance(value, str):
        return orjson.loads(value)
    return from_database(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = value if isinstance(value, str) else dump_json(value)
    text = text.replace("\x00", "")
    if len(text) > MAX_TEXT_CHARS:
        raise ValueError
    return text


def dump_json(value: Any) -> str:
    """JSON text; what JSON has no word for becomes text."""
    return orjson.dumps(value, default=str).decode()


def _integer(value: Any) -> int:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, float):
        if not value.is_integer():
            raise ValueError
        value = int(value)
    number = int(value.strip()) if isinstance(value, str) else int(value)
    if not -_BIGINT <= number < _BIGINT:
        raise ValueError
    return number


def _number(value: Any) -> Decimal:
    if isinstance(value, bool):
        return Decimal(int(value))
    if not isinstance(value, int | float | str | Decimal):
        raise TypeError
    number = Decimal(str(value).strip())
    # numeric has room for far more, but nobody means it
    if not number.is_finite() or abs(number.adjusted()) > 300:
        raise ValueError
    return number


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    lowered = str(value).strip().lower()
    if lowered in _TRUE:
        return True
    if lowered in _FALSE:
        return False
    raise ValueError


def _datetime(value: Any) -> datetime:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return datetime.fromtimestamp(value, UTC)
    if isinstance(value, str) and _SECONDS.fullmatch(value.strip()):
        # what a template makes of a time such as sys.timestamp
        return datetime.fromtimestamp(float(value), UTC)
    parsed = value if isinstance(value, datetime) else parse_datetime(str(value).strip())
    if parsed is None:
        day = parse_date(str(value).strip())
        if day is None:
            raise ValueError
        parsed = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _date(value: Any) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    return _datetime(value).date()


def _json(value: Any) -> Jsonb:
    text = dump_json(value)
    if len(text) > MAX_TEXT_CHARS or "\\u0000" in text:
        raise ValueError
    return Jsonb(value, dumps=dump_json)


_CONVERTERS: Final[Mapping[str, Any]] = {
    "text": _text,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "datetime": _datetime,
    "date": _date,
    "json": _json,
}


def _kind_name(kind: ColumnType) -> str:
    return {
        "text": _("a text"),
        "integer": _("a whole number"),
        "number": _("a number"),
        "boolean": _("true or false"),
        "datetime": _("a time (ISO 8601)"),
        "date": _("a date (YYYY-MM-DD)"),
        "json": _("JSON"),
    }[kind]
