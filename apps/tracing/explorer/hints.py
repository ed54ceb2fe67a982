"""What a search index knows of a condition."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import orjson
from django.db import models

from apps.tracing import terms
from apps.tracing.explorer.condition import COMPARISONS, Condition, values_of
from apps.tracing.explorer.fields import DURATION, Kind

#: Conditions of the trace that its own indexes answer.
_OF_TRACE: Final = ("trace.user_id", "trace.session_id")


def hint(condition: Condition, columns: Mapping[str, int], workspace_id: Any) -> models.Q | None:
    """What is true wherever the condition is, in the form that an index answers; None where no index helps.

    `columns` are the numbers of the table's indexed columns.
    """
    path, operator, kind = condition.field.path, condition.operator, condition.field.kind
    if kind is Kind.TEXT and operator in {"is", "in"}:
        if path in columns:
            return terms.has_value(columns, workspace_id, path, values_of(condition))
        return models.Q() if path in _OF_TRACE else None
    if kind is Kind.LIST and operator == "has":
        return models.Q()
    if kind is Kind.NUMBER and operator in COMPARISONS:
        return terms.lasts(operator, float(condition.value)) if path == DURATION else models.Q()
    if kind is Kind.JSON and operator == "is":
        return _contains(path, condition.key, condition.value)
    return None


def _contains(path: str, key: str, value: str) -> models.Q | None:
    """The key as it is, or as a way through objects, holds the text, or the number or the like that it stands for."""
    steps = key.split(".")
    if any(step.isdecimal() for step in steps):
        return None  # may be a place in a list
    wanted: list[Any] = [value]
    with suppress(orjson.JSONDecodeError):
        wanted.append(orjson.loads(value))
    found = models.Q()
    for item in wanted:
        found |= models.Q(**{f"{path}__contains": {key: item}})
        if len(steps) > 1:
            nested = item
            for step in reversed(steps):
                nested = {step: nested}
            found |= models.Q(**{f"{path}__contains": nested})
    return found
