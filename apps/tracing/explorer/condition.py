"""One filter of a list, as it stands in an address: ``field:operator:value``."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, unquote

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.tracing import terms
from apps.tracing.explorer.fields import Field, Kind

MAX_VALUE: Final = 500
#: Values of an operator that takes several.
_SEPARATOR: Final = ","

OPERATORS: Final[Mapping[Kind, Mapping[str, str | Promise]]] = {
    Kind.TEXT: {
        "is": _("is"), "not": _("is not"), "in": _("is one of (a, b)"), "contains": _("contains"),
        "lacks": _("does not contain"), "starts": _("starts with"), "set": _("is set"), "empty": _("is empty"),
    },
    Kind.PROSE: {
        "words": _("has the words"), "contains": _("contains"), "lacks": _("does not contain"),
        "starts": _("starts with"), "is": _("is"), "not": _("is not"), "set": _("is set"), "empty": _("is empty"),
    },
    Kind.NUMBER: {"gte": "≥", "lte": "≤", "gt": ">", "lt": "<", "eq": "=", "set": _("is set"), "empty": _("is empty")},
    Kind.LIST: {"has": _("has"), "lacks": _("has not"), "set": _("is set"), "empty": _("is empty")},
    Kind.FLAG: {"yes": _("yes"), "no": _("no")},
    Kind.JSON: {
        "is": _("is"), "not": _("is not"), "contains": _("contains"), "gte": "≥", "lte": "≤", "gt": ">", "lt": "<",
        "set": _("is set"), "empty": _("is empty"),
    },
}  # fmt: skip
#: Operators without a value.
BARE: Final = frozenset({"set", "empty", "yes", "no"})
COMPARISONS: Final = {"gt": "gt", "gte": "gte", "lt": "lt", "lte": "lte", "eq": "exact"}


@dataclass(frozen=True, slots=True)
class Condition:
    """A field compared with a value; `key` names the place in a JSON field."""

    field: Field
    operator: str
    value: str = ""
    key: str = ""

    @classmethod
    def parse(cls, text: str, fields: Mapping[str, Field]) -> "Condition | None":
        """The condition that `encode` wrote; None for anything that makes no sense with these fields."""
        place, _colon, rest = text.partition(":")
        operator, _colon, value = rest.partition(":")
        name, _dot, key = place.partition(".")
        field = fields.get(name)
        value, key = value.replace("\0", "")[:MAX_VALUE], unquote(key).replace("\0", "")[:MAX_VALUE]
        if field is None or operator not in OPERATORS[field.kind] or bool(key) != (field.kind is Kind.JSON):
            return None
        compares = operator in COMPARISONS
        if (operator not in BARE and not value) or (compares and _number(value) is None):
            return None
        return cls(field, operator, "" if operator in BARE else value, key)

    def encode(self) -> str:
        """The form that goes into an address."""
        place = f"{self.field.name}.{quote(self.key, safe='')}" if self.key else self.field.name
        return f"{place}:{self.operator}" + (f":{self.value}" if self.value else "")

    def __str__(self) -> str:
        name = f"{self.field.title} {self.key}" if self.key else str(self.field.title)
        return f"{name} {OPERATORS[self.field.kind][self.operator]} {self.value}".strip()

    def to_q(self, path: str | None = None) -> models.Q:
        """The condition on the field's own column, or on `path`."""
        return _BUILDERS[self.field.kind](self, path or self.field.path)

    def of_value(self, path: str) -> models.Q:
        """The condition on a column that holds one value of the field as text, or one item of a list."""
        if self.field.kind is Kind.JSON:
            return _of_text(self, Cast(path, models.TextField()))
        if self.field.kind is Kind.LIST:
            return models.Q(**{path: self.value}) if self.operator == "has" else models.Q()
        return self.to_q(path)

    @property
    def number(self) -> Any:
        """The value in the column's unit."""
        return self.field.to_value(_number(self.value) or 0.0)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    # what no column can hold would be an error of the database
    return number if math.isfinite(number) and abs(number) < 1e9 else None


def values_of(condition: Condition) -> list[str]:
    """The texts that a field is compared with: several where the operator takes several."""
    if condition.operator != "in":
        return [condition.value]
    return [part.strip() for part in condition.value.split(_SEPARATOR) if part.strip()]


def _text(condition: Condition, path: str) -> models.Q:
    value = condition.value
    if condition.operator == "in":
        return models.Q(**{f"{path}__in": values_of(condition)})
    lookup = {
        "contains": "icontains",
        "words": "icontains",
        "lacks": "icontains",
        "starts": "istartswith",
    }.get(condition.operator, "exact")
    found = models.Q(**{f"{path}__{lookup}": value})
    return ~found if condition.operator in {"not", "lacks", "set"} else found


def _prose(condition: Condition, path: str) -> models.Q:
    """Words are looked for in the plain text as well, which most rows fail at once."""
    wanted = terms.words(condition.value) if condition.operator == "words" else []
    if not wanted:
        return _text(condition, path)
    found = models.Q()
    for word in wanted:
        found &= models.Q(**{f"{path}__icontains": word})
    return found & terms.column_has_words(path, wanted)


def _numeric(condition: Condition, path: str) -> models.Q:
    if condition.operator in BARE:
        return models.Q(**{f"{path}__isnull": condition.operator == "empty"})
    return models.Q(**{f"{path}__{COMPARISONS[condition.operator]}": condition.number})


def _list(condition: Condition, path: str) -> models.Q:
    if condition.operator in BARE:
        empty = models.Q(**{path: []})
        return empty if condition.operator == "empty" else ~empty
    found = models.Q(**{f"{path}__contains": [condition.value]})
    return ~found if condition.operator == "lacks" else found


def _flag(condition: Condition, path: str) -> models.Q:
    return models.Q(**{path: condition.operator == "yes"})


class _PathText(models.Func):
    """`column #>> '{a,b}'`: the text at a path, NULL where there is nothing."""

    template = "(%(expressions)s)"
    arg_joiner = " #>> "
    output_field = models.TextField()


class _NumberOf(models.Func):
    """A text as a number where it is one, else NULL: attributes of one name need not have one type."""

    template = (
        "(CASE WHEN %(expressions)s ~ '^-?[0-9]{1,30}([.][0-9]{1,30})?([eE][-+]?[0-9]{1,2})?$' "
        "THEN (%(expressions)s)::double precision END)"
    )
    output_field = models.FloatField()

    def as_sql(self, *args: Any, **kwargs: Any) -> Any:
        """The text appears twice, and so do its parameters."""
        sql, params = super().as_sql(*args, **kwargs)
        return sql, [*params, *params]


def _json(condition: Condition, path: str) -> models.Q:
    """A name with dots may be one key (attributes) or a way through objects (metadata): the first that is there."""
    steps = Cast(models.Value(condition.key.split(".")), ArrayField(models.TextField()))
    return _of_text(
        condition, Coalesce(KeyTextTransform(condition.key, path), _PathText(models.F(path), steps))
    )


def _of_text(condition: Condition, text: Any) -> models.Q:
    """A condition on a JSON field, of the text of the value that it is about."""
    operator, value = condition.operator, condition.value
    if operator in COMPARISONS:
        return models.Q(_lookup(COMPARISONS[operator], _NumberOf(text), _number(value)))
    if operator in BARE:
        return models.Q(_lookup("isnull", text, operator == "empty"))
    if operator == "contains":
        return models.Q(_lookup("icontains", text, value))
    found = models.Q(_lookup("exact", text, value))
    return ~found | models.Q(_lookup("isnull", text, True)) if operator == "not" else found


def _lookup(name: str, left: Any, right: Any) -> Any:
    lookup = left.output_field.get_lookup(name)
    return lookup(left, right)


_BUILDERS: Final[Mapping[Kind, Callable[[Condition, str], models.Q]]] = {
    Kind.TEXT: _text,
    Kind.PROSE: _prose,
    Kind.NUMBER: _numeric,
    Kind.LIST: _list,
    Kind.FLAG: _flag,
    Kind.JSON: _json,
}
