"""Conditions on rows as SQL with bound parameters.

``{"all": [...]}``, ``{"any": [...]}`` and ``{"not": {...}}`` hold conditions or further groups; a condition is
``{"column": "status", "op": "=", "value": "open"}``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from django.utils.translation import gettext as _
from psycopg import sql

from apps.core.exceptions import Invalid
from apps.workflows.tables.columns import SYSTEM_COLUMNS, Column, ColumnType, to_database

MAX_DEPTH: Final = 8
MAX_CONDITIONS: Final = 200

Part = tuple[sql.Composable, list[Any]]

#: Other spellings of operators (Dify's, Coze's, SQL's) and the one used here.
ALIASES: Final[Mapping[str, str]] = {
    "==": "=", "is": "=", "equal": "=", "equals": "=", "≠": "!=", "<>": "!=", "is not": "!=", "not_equal": "!=",
    "greater_than": ">", "less_than": "<", "greater_equal": ">=", "less_equal": "<=", "≥": ">=", "≤": "<=",
    "not_in": "not in", "not_like": "not like", "is_null": "is null", "is_not_null": "is not null",
    "null": "is null", "not null": "is not null", "start with": "starts with", "end with": "ends with",
    "is empty": "empty", "is not empty": "not empty", "contain": "contains", "not contain": "not contains",
}  # fmt: skip
OPERATORS: Final = (
    "=", "!=", ">", ">=", "<", "<=", "in", "not in", "like", "not like", "contains", "not contains",
    "starts with", "ends with", "between", "is null", "is not null", "empty", "not empty",
)  # fmt: skip
#: Operators that take no value.
UNARY: Final = frozenset({"is null", "is not null", "empty", "not empty"})

_COMPARED = {"=": "=", "!=": "IS DISTINCT FROM", ">": ">", ">=": ">=", "<": "<", "<=": "<="}
_PATTERNS = {
    "contains": "%{}%",
    "not contains": "%{}%",
    "starts with": "{}%",
    "ends with": "%{}",
}


def types_of(columns: Sequence[Column]) -> dict[str, ColumnType]:
    """Every column by name, the system's included."""
    return {**SYSTEM_COLUMNS, **{column.name: column.type for column in columns}}


def compile_where(where: Mapping[str, Any] | None, columns: Sequence[Column]) -> Part | None:
    """The condition without the word WHERE, and its parameters; None when it holds for every row. Raises Invalid."""
    if not where:
        return None
    return _Compiler(types_of(columns)).group(where, 1)


class _Compiler:
    def __init__(self, types: Mapping[str, ColumnType]) -> None:
        self._types = types
        self._count = 0

    def group(self, node: Mapping[str, Any], depth: int) -> Part | None:
        if depth > MAX_DEPTH:
            raise _invalid(_("The conditions are nested too deep."))
        for word, joiner in (("all", " AND "), ("any", " OR ")):
            if node.get(word) is not None:
                return self._join(node[word], joiner, depth)
        if node.get("not") is not None:
            inner = self.group(_mapping(node["not"]), depth + 1)
            return None if inner is None else (sql.SQL("NOT ({})").format(inner[0]), inner[1])
        if not node.get("column") and not node.get("left"):
            return None
        return self._condition(node)

    def _join(self, children: Any, joiner: str, depth: int) -> Part | None:
        if not isinstance(children, list | tuple):
            raise _invalid(_("“all” and “any” hold a list of conditions."))
        parts = [part for child in children if (part := self.group(_mapping(child), depth + 1)) is not None]
        if not parts:
            return None
        text = sql.SQL(joiner).join(sql.SQL("({})").format(part[0]) for part in parts)
        return text, [value for part in parts for value in part[1]]

    def _condition(self, node: Mapping[str, Any]) -> Part:
        self._count += 1
        if self._count > MAX_CONDITIONS:
            raise _invalid(_("There are too many conditions."))
        name = str(node.get("column") or node.get("left"))
        kind = self._types.get(name)
        if kind is None:
            raise _invalid(_("The table has no column “%(name)s”.") % {"name": name[:60]})
        given = str(node.get("op") or "=").strip().lower()
        operator = ALIASES.get(given, given)
        if operator not in OPERATORS:
            raise _invalid(_("“%(operator)s” is no operator for tables.") % {"operator": given[:40]})
        return self._build(name, kind, operator, node.get("value", node.get("right")))

    def _build(self, name: str, kind: ColumnType, operator: str, value: Any) -> Part:
        column = sql.Identifier(name)
        if operator in UNARY:
            return _unary(column, kind, operator), []
        if operator in _COMPARED:
            return _compared(column, name, kind, operator, value)
        special: Callable[..., Part] | None = {"in": _in, "not in": _in, "between": _between}.get(operator)
        if special is not None:
            return special(column, name, kind, operator, value)
        return _like(column, operator, value)


def _unary(column: sql.Identifier, kind: ColumnType, operator: str) -> sql.Composable:
    if operator in ("is null", "is not null"):
        return sql.SQL("{} " + operator.upper()).format(column)
    empty = {
        "text": "{0} IS NULL OR {0} = ''",
        "json": "{0} IS NULL OR {0} IN ('null', '[]', '{{}}', '\"\"')",
    }
    text = sql.SQL(empty.get(kind, "{0} IS NULL")).format(column)
    return text if operator == "empty" else sql.SQL("NOT ({})").format(text)


def _compared(column: sql.Identifier, name: str, kind: ColumnType, operator: str, value: Any) -> Part:
    if value is None:
        if operator not in ("=", "!="):
            # nothing is greater or smaller than an unknown value
            return sql.SQL("FALSE"), []
        return sql.SQL("{} IS NULL" if operator == "=" else "{} IS NOT NULL").format(column), []
    text = sql.SQL("{} " + _COMPARED[operator] + " %s").format(column)
    return text, [to_database(name, kind, value)]


def _in(column: sql.Identifier, name: str, kind: ColumnType, operator: str, value: Any) -> Part:
    values = list(value) if isinstance(value, list | tuple) else [value]
    known = [to_database(name, kind, item) for item in values if item is not None]
    if not known:
        return sql.SQL("FALSE" if operator == "in" else "TRUE"), []
    places = sql.SQL(", ").join(sql.SQL("%s") for _item in known)
    text = sql.SQL("{} IN ({})").format(column, places)
    if operator == "not in":
        # a row without a value is not among them either
        text = sql.SQL("{} IS NULL OR NOT ({})").format(column, text)
    return text, known


def _between(column: sql.Identifier, name: str, kind: ColumnType, _operator: str, value: Any) -> Part:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise _invalid(_("“between” takes a list of two values."))
    return sql.SQL("{} BETWEEN %s AND %s").format(column), [to_database(name, kind, item) for item in value]


def _like(column: sql.Identifier, operator: str, value: Any) -> Part:
    text = "" if value is None else str(value).replace("\x00", "")
    if operator in _PATTERNS:
        escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        pattern = _PATTERNS[operator].format(escaped)
        matched = sql.SQL("{}::text ILIKE %s").format(column)
    else:
        pattern = text
        matched = sql.SQL("{}::text LIKE %s").format(column)
    if operator.startswith("not "):
        return sql.SQL("{} IS NULL OR NOT ({})").format(column, matched), [pattern]
    return matched, [pattern]


def _mapping(node: Any) -> Mapping[str, Any]:
    if not isinstance(node, Mapping):
        raise _invalid(_("A condition is an object with “column”, “op” and “value”."))
    return node


def _invalid(sentence: str) -> Invalid:
    return Invalid(sentence, errors={"where": [sentence]})
