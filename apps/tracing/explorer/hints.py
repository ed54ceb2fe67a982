"""What a search index knows of a condition."""

from contextlib import suppress
from typing import Any, Final

import orjson
from django.db import models

from apps.tracing import terms
from apps.tracing.explorer.condition import COMPARISONS, Condition, values_of
from apps.tracing.explorer.fields import Kind

#: What traces have indexes of their own for.
_OWN: Final = ("trace.user_id", "trace.session_id", "user_id", "session_id")

#: The value of a flag that few traces have.
_SELDOM: Final = {"bookmarked": "yes", "has_root": "no"}


def hint(condition: Condition, index: terms.Index, workspace_id: Any) -> models.Q | None:
    """What is true wherever the condition is, in the form that an index answers; None where no index helps."""
    path, operator, kind = condition.field.path, condition.operator, condition.field.kind
    if kind is Kind.TEXT and operator in {"is", "in"}:
        if path in index.terms:
            return index.has_value(workspace_id, path, values_of(condition))
        return models.Q() if path in _OWN else None
    if kind is Kind.LIST and operator == "has":
        return models.Q()
    if kind is Kind.NUMBER and operator in COMPARISONS:
        if path not in index.figures:
            return models.Q()
        return index.compares(workspace_id, path, operator, float(condition.value))
    if kind is Kind.FLAG and operator == _SELDOM.get(path):
        return models.Q()
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
