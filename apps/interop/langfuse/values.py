"""Values in requests."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime

from apps.core.exceptions import Invalid

Rows = TypeVar("Rows", bound=QuerySet[Any])


def as_object(value: Any) -> dict[str, Any]:
    """`value`, when it is a JSON object; raises Invalid for anything else."""
    if not isinstance(value, dict):
        raise Invalid("A JSON object is expected here.")
    return value


def text(value: Any) -> str:
    """A value as text without NUL and half surrogates; empty for null."""
    return "" if value is None else _whole(str(value).replace("\0", ""))


def exact(value: Any) -> Any:
    """A JSON value that can be kept exactly; raises Invalid for half surrogates, which no database takes."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise Invalid("The text holds half of a surrogate pair.") from None
    return value


#: Parameters whose values may hold commas themselves.
_UNSPLIT = {"name", "sessionId", "value"}


def listed(query: Any, name: str) -> list[str]:
    """The values of a parameter that may be given several times, or separated by commas; no NUL."""
    given = query.getlist(name) if hasattr(query, "getlist") else [query.get(name) or ""]
    if name not in _UNSPLIT:
        given = [part.strip() for value in given for part in value.split(",")]
    return [text(value) for value in given if value]


def moment(query: Mapping[str, Any], name: str) -> datetime | None:
    """A time in a request, UTC where it names no zone; raises Invalid."""
    value = query.get(name)
    if not value:
        return None
    try:
        # "+" stands for a space in addresses, and clients forget to encode it
        found = parse_datetime(str(value).replace(" ", "+") if "T" in str(value) else str(value))
    except ValueError:
        found = None
    if found is None or found.year < 1970:
        raise Invalid(f"`{name}` is a time in ISO 8601.")
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def between(rows: Rows, query: Mapping[str, Any], field: str, *, asked: str = "Timestamp") -> Rows:
    """Rows of the time that `from…` and `to…` of a request name, the end excluded; raises Invalid."""
    if since := moment(query, f"from{asked}"):
        rows = rows.filter(**{f"{field}__gte": since})
    if until := moment(query, f"to{asked}"):
        rows = rows.filter(**{f"{field}__lt": until})
    return rows


def _whole(value: str) -> str:
    return value if value.isascii() else value.encode("utf-8", "replace").decode()
