"""The `filter` parameter: a JSON list of conditions, as our explorer's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from django.db.models import Q

from apps.core.exceptions import Invalid
from apps.interop.langfuse import ids
from apps.interop.langfuse.values import as_object, text
from apps.tracing.explorer import LISTS, Condition, ListKind

MAX_CONDITIONS: Final = 20
MAX_VALUES: Final = 100

#: Columns by what clients call them, as fields of the explorer.
_COLUMNS: Final[Mapping[str, str]] = {
    "userId": "user_id", "sessionId": "session_id", "traceName": "name", "traceTags": "tags",
    "statusMessage": "status_message", "providedModelName": "model", "promptName": "prompt_name",
    "promptVersion": "prompt_version", "latency": "latency_ms", "timeToFirstToken": "ttft_ms", "totalCost": "cost",
    "inputTokens": "input_tokens", "outputTokens": "output_tokens", "inputUsage": "input_tokens",
    "outputUsage": "output_tokens", "observationCount": "observations", "errorCount": "errors",
}  # fmt: skip
#: Fields in milliseconds that clients give in seconds.
_SECONDS: Final = {"latency", "timeToFirstToken"}
_LOWER: Final = {"level", "type"}
_TIMES: Final = {"timestamp", "startTime", "endTime"}
_TIME_LOOKUPS: Final = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}
_TEXT: Final = {"=": "is", "contains": "contains", "does not contain": "lacks", "starts with": "starts"}
_NUMBER: Final = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte", "=": "eq"}


def read_filter(raw: str, list_name: str) -> list[Q]:
    """The conditions of a filter on "traces" or "observations"; raises Invalid for anything that is none."""
    if not raw:
        return []
    try:
        entries = json.loads(raw)
    except ValueError:
        entries = None
    if not isinstance(entries, list):
        raise Invalid(f"`filter` is a JSON list of {MAX_CONDITIONS} conditions at most.")
    return conditions_of(entries, list_name)


def conditions_of(entries: list[Any], list_name: str) -> list[Q]:
    """The conditions of a filter that is read already, as `read_filter`."""
    if len(entries) > MAX_CONDITIONS:
        raise Invalid(f"A filter has {MAX_CONDITIONS} conditions at most.")
    return [_condition(as_object(entry), LISTS[list_name]) for entry in entries]


def _condition(entry: dict[str, Any], kind: ListKind) -> Q:
    column, operator = text(entry.get("column")), text(entry.get("operator"))
    values = [text(value) for value in _values(entry.get("value"))]
    if column in _TIMES:
        return _time(column, operator, values)
    if column in {"id", "traceId", "parentObservationId"}:
        return _identity(column, operator, values, kind)
    name = _COLUMNS.get(column, column)
    field = kind.fields.get(name)
    of_trace = column.startswith("trace") and kind.name != "traces"
    if field is None or of_trace or field.path.startswith("trace."):
        raise Invalid(f"Conditions on {column[:60]!r} are not served here.")
    if column in _LOWER:
        values = [value.lower() for value in values]
    if column in _SECONDS:
        values = [_milliseconds(value) for value in values]
    key = f".{entry.get('key') or ''}" if field.kind == "json" else ""
    return _combined(operator, values, lambda ours, value: _parsed(f"{name}{key}:{ours}:{value}", kind))


def _combined(operator: str, values: list[str], one: Any) -> Q:
    if operator in {"any of", "none of", "all of"}:
        ours = "has" if one("has", "x") is not None else "is"
        found = [condition for value in values if (condition := one(ours, value)) is not None]
        if len(found) < len(values):
            raise Invalid("This condition can't be read.")
        joined = Q()
        for condition in found:
            joined = joined & condition if operator == "all of" else joined | condition
        return ~joined if operator == "none of" else joined
    for table in (_TEXT, _NUMBER):
        if operator in table and values and (condition := one(table[operator], values[0])) is not None:
            return Q(condition)
    if operator in {"is null", "is not null"}:
        condition = one("empty" if operator == "is null" else "set", "")
        if condition is not None:
            return Q(condition)
    raise Invalid(f"The operator {operator[:30]!r} does not go with this column.")


def _parsed(text_form: str, kind: ListKind) -> Q | None:
    condition = Condition.parse(text_form, kind.fields)
    return None if condition is None else condition.to_q()


def _values(value: Any) -> list[Any]:
    values = value if isinstance(value, list) else [value]
    if len(values) > MAX_VALUES:
        raise Invalid(f"A condition takes {MAX_VALUES} values at most.")
    return values


def _milliseconds(value: str) -> str:
    try:
        return str(float(value) * 1000)
    except ValueError:
        raise Invalid("A duration is a number of seconds.") from None


def _time(column: str, operator: str, values: list[str]) -> Q:
    field = "end_time" if column == "endTime" else "start_time"
    try:
        at = datetime.fromisoformat(values[0])
    except (ValueError, IndexError):
        raise Invalid("A time is given in ISO 8601.") from None
    if operator not in _TIME_LOOKUPS:
        raise Invalid("Times are compared with <, <=, > and >=.")
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return Q(**{f"{field}__{_TIME_LOOKUPS[operator]}": at})


def _identity(column: str, operator: str, values: list[str], kind: ListKind) -> Q:
    of_trace = column == "traceId" or (column == "id" and kind.name == "traces")
    field = "trace_id" if of_trace else {"id": "span_id"}.get(column, "parent_id")
    made = ids.trace_id if of_trace else ids.span_id
    if column == "parentObservationId" and operator in {"is null", "is not null"}:
        return Q(parent_id__isnull=operator == "is null")
    found = Q(**{f"{field}__in": [made(value) for value in values if value]})
    if operator in {"=", "any of"}:
        return found
    if operator == "none of":
        return ~found
    raise Invalid("Ids are compared with =, any of and none of.")
