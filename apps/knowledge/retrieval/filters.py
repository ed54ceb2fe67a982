"""Conditions on a document's metadata as SQL over ``fd`` (knowledge_document), with bound parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from apps.knowledge.settings import MetadataCondition, MetadataFilter

#: What every document has, by the names people filter by.
BUILT_IN: Final[Mapping[str, str]] = {
    "document_name": "fd.name",
    "document_id": "fd.id::text",
    "content_type": "fd.content_type",
    "language": "fd.language",
    "upload_date": "to_char(fd.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')",
    "last_update_date": "to_char(fd.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')",
}
_NUMBER: Final = r"'^\s*[-+]?[0-9]+([.][0-9]+)?\s*$'"
_COMPARED: Final = {">": ">", "<": "<", ">=": ">=", "<=": "<="}
_LIKE: Final = {
    "contains": "%{}%",
    "not contains": "%{}%",
    "starts with": "{}%",
    "ends with": "%{}",
}


def filter_sql(wanted: MetadataFilter | None, params: dict[str, Any]) -> str:
    """The condition ("" for none); its values are added to `params`."""
    if wanted is None or not wanted.conditions:
        return ""
    parts = [_condition(condition, params) for condition in wanted.conditions]
    joiner = " AND " if wanted.match == "all" else " OR "
    return "(" + joiner.join(parts) + ")"


def _condition(condition: MetadataCondition, params: dict[str, Any]) -> str:
    field = BUILT_IN.get(condition.name)
    if field is None:
        field = f"(fd.metadata ->> {_bind(condition.name, params)})"
    operator, value = condition.op, condition.value
    if operator in ("empty", "not empty"):
        return f"coalesce({field}, '') {'=' if operator == 'empty' else '<>'} ''"
    if operator in ("=", "!="):
        word = "=" if operator == "=" else "IS DISTINCT FROM"
        return f"{field} {word} {_bind(_text(value), params)}"
    if operator in ("in", "not in"):
        values = [_text(item) for item in (value if isinstance(value, list) else str(value).split(","))]
        found = f"coalesce({field} = ANY({_bind([item.strip() for item in values], params)}), false)"
        return found if operator == "in" else f"NOT {found}"
    if operator in _LIKE:
        escaped = _text(value).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        found = f"coalesce({field} ILIKE {_bind(_LIKE[operator].format(escaped), params)}, false)"
        return f"NOT {found}" if operator == "not contains" else found
    if operator in ("before", "after"):
        # times written in ISO 8601 sort as texts
        return f"{field} {'<' if operator == 'before' else '>'} {_bind(_text(value), params)}"
    try:
        given = repr(float(value))
    except (TypeError, ValueError):
        return "false"  # nothing compares with what is no number
    # CASE keeps a field that is no number from being read as one
    number = f"CASE WHEN {field} ~ {_NUMBER} THEN {field}::numeric END"
    return f"coalesce(({number}) {_COMPARED[operator]} {_bind(given, params)}::numeric, false)"


def _bind(value: Any, params: dict[str, Any]) -> str:
    name = f"filter_{len(params)}"
    params[name] = value
    return f"%({name})s"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value).replace("\x00", "")
