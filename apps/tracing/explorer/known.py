"""What is known of the values that fields had, and so of the rows that a condition can be true of."""

import re
from datetime import datetime
from typing import Any, Final

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q

from apps.core.models import User, Workspace
from apps.tracing.explorer.condition import Condition
from apps.tracing.explorer.fields import Field, Kind
from apps.tracing.models import Knowledge, KnownValue
from apps.tracing.writer.known import COLUMNS, LISTS, MAX_LENGTH, OBJECTS, PEOPLE, week_of

#: An index is asked for so many values at most. More of them are in so many rows that these are met soon.
MOST: Final = 1_000
MOST_OF_KEY: Final = 50
#: Suggested at once.
SUGGESTED: Final = 20
#: Rows without the key meet these as well, and lists without the item.
_OF_NOTHING: Final = frozenset({"not", "lacks", "empty"})
#: Columns of traces that gather what steps have in another one.
_SAME: Final = {"model_names": "model"}
#: What may be a place in a list: PostgreSQL reads `-1` and ` 7` so too.
_PLACE: Final = re.compile(r"\s*[-+]?\d+\s*")


def is_place(key: str) -> bool:
    """Whether a way through JSON may lead into a list."""
    return any(_PLACE.fullmatch(step) for step in key.split("."))


def known_values(
    condition: Condition,
    *,
    user: User | AnonymousUser,
    workspace: Workspace,
    start: datetime | None,
    end: datetime | None,
) -> list[str] | None:
    """The values that meet a condition, of those that its field had in the weeks of a time range.

    None where they are not known or too many, and where an index of the column's own says as much.
    """
    name, key = _place(condition.field), condition.key
    if name is None or (name in PEOPLE and condition.operator in {"is", "in"}):
        return None
    if condition.field.kind in {Kind.JSON, Kind.LIST} and condition.operator in _OF_NOTHING:
        return None
    if key and (is_place(key) or len(key) > MAX_LENGTH):
        return None
    rows = _rows(user, workspace, name, start, end)
    if rows.filter(Q(kind=Knowledge.MORE_KEYS) | Q(kind=Knowledge.MORE_VALUES, key=key)).exists():
        return None
    most = MOST_OF_KEY if key else MOST
    meeting = rows.filter(condition.of_value("value"), kind=Knowledge.VALUE, key=key)
    found = list(meeting.order_by().values_list("value", flat=True).distinct()[: most + 1])
    return found if len(found) <= most else None


def suggest(
    field: Field, key: str, typed: str, *, user: User | AnonymousUser, workspace: Workspace, start: datetime
) -> list[str]:
    """Some values that a field had since a moment and that contain what was typed.

    Of a JSON field without a key its keys.
    """
    name = _place(field)
    if name is None:
        return []
    rows = _rows(user, workspace, name, start, None).filter(kind=Knowledge.VALUE).exclude(value="")
    if field.kind is Kind.JSON and not key:
        column, rows = "key", rows.filter(key__icontains=typed)
    else:
        column, rows = "value", rows.filter(key=key, value__icontains=typed)
    return list(rows.order_by(column).values_list(column, flat=True).distinct()[:SUGGESTED])


def _place(field: Field) -> str | None:
    """What a field's values are noted under."""
    name = _SAME.get(field.path, field.path.removeprefix("trace."))
    followed = {Kind.TEXT: COLUMNS, Kind.LIST: {*LISTS, *_SAME.values()}, Kind.JSON: OBJECTS}.get(
        field.kind, ()
    )
    return name if name in followed else None


def _rows(
    user: User | AnonymousUser, workspace: Workspace, name: str, start: datetime | None, end: datetime | None
) -> Any:
    rows: Any = KnownValue.objects.in_workspace(workspace).visible_to(user).filter(field=name)
    if start is not None:
        rows = rows.filter(week__gte=week_of(start))
    return rows if end is None else rows.filter(week__lte=week_of(end))
