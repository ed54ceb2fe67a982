"""Declared outputs: which names a result must have, and of which types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from apps.core.exceptions import Invalid
from apps.core.sandbox.errors import ResultTypeWrong
from apps.core.sandbox.jobs import JSON

MAX_NESTING = 10


def _is_number(value: JSON) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_integer(value: JSON) -> bool:
    if isinstance(value, float):
        return value.is_integer()
    return isinstance(value, int) and not isinstance(value, bool)


_TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "number": _is_number,
    "integer": _is_integer,
    "boolean": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "any": lambda value: True,
}


def check_types(outputs: Mapping[str, str]) -> None:
    """Raise `Invalid` for a declared type that does not exist."""
    for name, declared in outputs.items():
        inner, depth = declared, 0
        while inner.startswith("array[") and inner.endswith("]") and depth < MAX_NESTING:
            inner, depth = inner[6:-1], depth + 1
        if inner not in _TYPES:
            raise Invalid(
                _("“%(type)s” is no type for the output “%(name)s”.") % {"type": declared, "name": name}
            )


def declared_outputs(value: JSON, outputs: Mapping[str, str]) -> dict[str, JSON]:
    """Return the declared part of a result; null stands for any type, whole floats become integers.

    What is not declared is left out: nothing can refer to it.

    Raises:
        ResultTypeWrong: the result is no object, lacks a name, or holds another type.
    """
    if not isinstance(value, dict):
        raise ResultTypeWrong(
            _("The code must return an object with: %(names)s.") % {"names": ", ".join(outputs) or "–"}
        )
    return {name: _declared(value, name, declared) for name, declared in outputs.items()}


def _declared(value: Mapping[str, JSON], name: str, declared: str) -> JSON:
    if name not in value:
        raise ResultTypeWrong(_("The result lacks the output “%(name)s”.") % {"name": name})
    found = value[name]
    if found is not None and not _fits(found, declared):
        raise ResultTypeWrong(
            _("The output “%(name)s” must be %(declared)s, but it is %(found)s.")
            % {"name": name, "declared": declared, "found": _name_of(found)}
        )
    return int(found) if declared == "integer" and isinstance(found, float) else found


def _fits(value: JSON, declared: str) -> bool:
    if declared.startswith("array[") and declared.endswith("]"):
        return isinstance(value, list) and all(item is None or _fits(item, declared[6:-1]) for item in value)
    return _TYPES[declared](value)


def _name_of(value: JSON) -> str:
    for name in ("string", "boolean", "integer", "number", "object", "array"):
        if _TYPES[name](value):
            return name
    return "null"
