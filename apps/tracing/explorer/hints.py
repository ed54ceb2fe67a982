"""What a search index knows of a condition."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import orjson
from django.db import models

from apps.tracing import terms
from apps.tracing.explorer.condition import COMPARISONS, Condition, values_of
from apps.tracing.explorer.fields import Kind
from apps.tracing.explorer.known import is_place

#: What traces have indexes of their own for.
_OWN: Final = ("user_id", "session_id")
#: The value of a flag that few traces have.
_SELDOM: Final = {"bookmarked": "yes", "has_root": "no"}
#: Less than any figure.
_LEAST: Final = -1.0


@dataclass(frozen=True, slots=True)
class Hint:
    """A condition, and what is true wherever it is (`where`), in the form that an index answers.

    None where no index helps; `exact` when it is true of hardly any other row. `nothing` when it is known that no row
    meets the condition.
    """

    condition: Condition
    where: models.Q | None
    exact: bool = True
    nothing: bool = False


def hint(condition: Condition, index: terms.Index, workspace_id: Any, known: Sequence[str] | None) -> Hint:
    """The hint of a condition; `known` are the values that meet it, where these are known."""
    if known is not None and not known:
        return Hint(condition, None, nothing=True)
    by_kind = {
        Kind.TEXT: _text, Kind.PROSE: _prose, Kind.NUMBER: _number,
        Kind.LIST: _list, Kind.FLAG: _flag, Kind.JSON: _json,
    }  # fmt: skip
    where = by_kind[condition.field.kind](condition, index, workspace_id, known)
    return Hint(condition, where, exact=where is not None and not _is_wide(condition, known))


def _is_wide(condition: Condition, known: Sequence[str] | None) -> bool:
    """Whether the hint is about the row as a whole, or about what is there instead of how it compares."""
    kind = condition.field.kind
    return kind is Kind.PROSE or (
        kind is Kind.JSON and known is None and condition.operator not in {"is", *COMPARISONS}
    )


def _text(
    condition: Condition, index: terms.Index, workspace_id: Any, known: Sequence[str] | None
) -> models.Q | None:
    values = values_of(condition) if known is None and condition.operator in {"is", "in"} else known
    # no index has rows without a value
    if not values or "" in values:
        return None
    column = condition.field.path.removeprefix("trace.")
    if column in _OWN:
        # the indexes hold traces that have one, which PostgreSQL does not conclude from many values
        return models.Q(**{f"{column}__in": values}) & ~models.Q(**{column: ""})
    return index.has_value(workspace_id, column, list(values)) if column in index.terms else None


def _prose(condition: Condition, *_unused: Any) -> models.Q | None:
    """The words of a piece of text that stand whole in it, the last one at least with its beginning."""
    if condition.operator not in {"words", "contains", "starts", "is"}:
        return None
    wanted = terms.words(condition.value)
    if condition.operator == "contains" and wanted and not terms.begins_a_word(condition.value):
        # what it begins with may be the end of a word
        wanted = wanted[1:]
    return terms.has_words(wanted) if wanted else None


def _number(condition: Condition, index: terms.Index, workspace_id: Any, _known: object) -> models.Q | None:
    path, operator = condition.field.path, condition.operator
    if operator == "set" and path in index.figures:
        return index.compares(workspace_id, path, "gte", _LEAST)
    if operator not in COMPARISONS:
        return None
    if path not in index.figures:
        return models.Q()
    return index.compares(workspace_id, path, operator, float(condition.value))


def _list(
    condition: Condition, _index: terms.Index, _workspace_id: Any, known: Sequence[str] | None
) -> models.Q | None:
    if condition.operator == "set" and known:
        return models.Q(**{f"{condition.field.path}__overlap": [item for item in known if item]})
    return models.Q() if condition.operator == "has" else None


def _flag(condition: Condition, *_unused: Any) -> models.Q | None:
    return models.Q() if condition.operator == _SELDOM.get(condition.field.path) else None


def _json(
    condition: Condition, index: terms.Index, workspace_id: Any, known: Sequence[str] | None
) -> models.Q | None:
    path, key, operator = condition.field.path, condition.key, condition.operator
    if is_place(key) or operator in {"not", "empty"}:
        return None
    values = [condition.value] if known is None and operator == "is" else known
    if values is None and operator in COMPARISONS:
        return index.compares_key(workspace_id, path, key, operator, float(condition.value))
    if values is None:
        return index.has_key(workspace_id, path, key)
    found = models.Q()
    for value in values:
        found |= _contains(path, key, value)
    return found


def _contains(path: str, key: str, value: str) -> models.Q:
    """The key as it is, or as a way through objects, holds the text, or the number or the like that it stands for."""
    steps = key.split(".")
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
