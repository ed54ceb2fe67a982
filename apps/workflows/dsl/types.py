"""The types of values: what they are, how one becomes another, and which can at all."""

from __future__ import annotations

import json
import math
import mimetypes
import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from apps.workflows.dsl.errors import MissingValue, TypeMismatch
from apps.workflows.dsl.sentences import Text, _

SCALARS = ("string", "number", "integer", "boolean", "object", "file", "secret", "any")
ELEMENTS = ("string", "number", "integer", "boolean", "object", "file", "any")
ARRAYS = tuple(f"array[{element}]" for element in ELEMENTS)
#: Every type there is.
TYPES = SCALARS + ARRAYS

Fit = Literal["same", "converts", "never"]

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
#: Python reads no longer integers from text, so nobody can keep it busy with one.
_MAX_DIGITS = 4_000
_MAX_BITS = 10_000
_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off", ""})
_PREVIEW = 40


def is_type(name: str) -> bool:
    """Whether there is such a type."""
    return name in TYPES


def element_type(name: str) -> str | None:
    """What the items of an array type are; None for other types."""
    return name[6:-1] if name.startswith("array[") else None


def text(value: Any) -> str:
    """A value as text: nothing is empty, what is not text is written as JSON."""
    if type(value) is str:
        return value
    if type(value) is int:
        return str(value) if value.bit_length() < _MAX_BITS else _json(value)
    if value is None:
        return ""
    return str(value) if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, RecursionError) as error:
        raise TypeMismatch(_("The value is nested too deeply to be written as text.")) from error


def is_file(value: Any) -> bool:
    """Whether a value describes a file: it has a name, and an id or an address."""
    return (
        isinstance(value, dict)
        and isinstance(value.get("name"), str)
        and bool(value.get("id") or value.get("url"))
    )


def infer(value: Any) -> str:
    """The most precise type of a value; ``any`` for nothing."""
    if isinstance(value, str):
        return "string"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, dict):
        return "file" if is_file(value) else "object"
    if isinstance(value, list):
        return f"array[{_common([infer(item) for item in value])}]"
    return "any"


def _common(types: list[str]) -> str:
    found = set(types)
    if len(found) == 1 and types[0] in ELEMENTS:
        return types[0]
    if found == {"integer", "number"}:
        return "number"
    if found == {"file", "object"}:
        return "object"
    return "any"


def check(value: Any, type_: str) -> bool:
    """Whether a value is of the type as it stands, without conversion. Nothing is only of type ``any``."""
    element = element_type(type_)
    if element is not None:
        return isinstance(value, list) and (element == "any" or all(_CHECKS[element](item) for item in value))
    return _CHECKS[type_](value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_CHECKS: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "secret": lambda value: isinstance(value, str),
    "number": _is_number,
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "file": is_file,
    "any": lambda _value: True,
}


def convert(value: Any, type_: str) -> Any:
    """The value in the type that is needed.

    Text becomes a number, a boolean, or by JSON an object or array where it reads as one; what is not text becomes
    JSON text; the items of arrays are converted one by one. Nothing becomes empty text, and stays nothing for
    ``any``. Raises TypeMismatch for all else, MissingValue when there is nothing to convert.
    """
    converter = _CONVERTERS.get(type_)
    if converter is not None:
        return converter(value)
    element = element_type(type_)
    if element not in ELEMENTS:
        raise TypeMismatch(_("There is no type {type!r}.", type=type_))
    return _to_array(value, element)


def _refuse(value: Any, wanted: str) -> TypeMismatch:
    if value is None:
        return MissingValue(_("There is no value, and {wanted} is needed.", wanted=named(wanted)))
    shown = text(value)
    shown = shown if len(shown) <= _PREVIEW else f"{shown[: _PREVIEW - 1]}…"
    return TypeMismatch(
        _("{found} is no {wanted}: {shown!r}.", found=_capital(infer(value)), wanted=wanted, shown=shown)
    )


def _capital(type_: str) -> Text:
    """A type with its article, to begin a sentence with."""
    element = element_type(type_)
    if element is not None:
        return _("An array") if element == "any" else _("An array of {element}s", element=element)
    if type_ == "any":
        return _("A value")
    return _("An {type}", type=type_) if type_[0] in "aeiou" else _("A {type}", type=type_)


def _to_number(value: Any) -> int | float:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        if isinstance(value, float) and not math.isfinite(value):
            raise TypeMismatch(_("A number must be finite."))
        return value
    number = read_number(value) if isinstance(value, str) else None
    if number is None:
        raise _refuse(value, "number")
    return number


def read_number(value: str) -> int | float | None:
    """The number that a text spells, in decimal notation; None when it spells none."""
    stripped = value.strip()
    if len(stripped) > _MAX_DIGITS or not _NUMBER.fullmatch(stripped):
        return None
    if _INTEGER.fullmatch(stripped):
        return int(stripped)
    number = float(stripped)
    return number if math.isfinite(number) else None


def _to_integer(value: Any) -> int:
    try:
        number = _to_number(value)
    except MissingValue:
        raise _refuse(value, "integer") from None
    except TypeMismatch:
        raise _refuse(value, "integer") from None
    if isinstance(number, float):
        if not number.is_integer():
            raise _refuse(value, "integer")
        return int(number)
    return number


def _to_boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value != 0
    if isinstance(value, str):
        word = value.strip().lower()
        if word in _TRUE:
            return True
        if word in _FALSE:
            return False
    raise _refuse(value, "boolean")


def _to_object(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    found = _read_json(value)
    if isinstance(found, dict):
        return found
    raise _refuse(value, "object")


def _to_file(value: Any) -> dict[str, Any]:
    if isinstance(value, str) and value.startswith(("http://", "https://")):
        return _file_at(value)
    found = value if isinstance(value, dict) else _read_json(value)
    if is_file(found):
        return dict(found)
    raise _refuse(value, "file")


def _file_at(url: str) -> dict[str, Any]:
    try:
        name = PurePosixPath(unquote(urlsplit(url).path)).name or "file"
    except ValueError:
        raise _refuse(url, "file") from None
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return {"id": "", "name": name, "content_type": kind, "size": None, "url": url}


def _to_array(value: Any, element: str) -> list[Any]:
    if element == "file" and is_file(value):
        return [value]
    found = value if isinstance(value, list) else _read_json(value)
    if not isinstance(found, list):
        raise _refuse(value, "array")
    if element == "any":
        return found
    return [_item(item, position, element) for position, item in enumerate(found)]


def _item(item: Any, position: int, element: str) -> Any:
    try:
        return convert(item, element)
    except TypeMismatch as error:
        raise TypeMismatch(
            _("Item {position}: {detail}", position=position, detail=error.sentence)
        ) from error


def _read_json(value: Any) -> Any:
    if not isinstance(value, str) or value.lstrip()[:1] not in {"{", "["}:
        return None
    try:
        return json.loads(value, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None


def _no_constant(name: str) -> Any:
    raise ValueError(name)


_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "string": text,
    "secret": text,
    "number": _to_number,
    "integer": _to_integer,
    "boolean": _to_boolean,
    "object": _to_object,
    "file": _to_file,
    "any": lambda value: value,
}

#: What can become what without regard to the value; everything becomes text, and anything may turn out to fit.
_CONVERTIBLE: dict[str, frozenset[str]] = {
    "string": frozenset({*SCALARS, *ARRAYS}),
    "secret": frozenset({*SCALARS, *ARRAYS}),
    "number": frozenset({"integer", "boolean"}),
    "integer": frozenset({"number", "boolean"}),
    "boolean": frozenset({"number", "integer"}),
    "object": frozenset({"file", "array[file]"}),
    "file": frozenset({"object", "array[file]"}),
}


def fit(source: str, target: str) -> Fit:
    """How values of one type serve where another is needed; ``converts`` may still fail for a given value."""
    if target in {source, "any"}:
        return "same"
    if source == "any" or target in {"string", "secret"}:
        return "converts"
    inner, wanted = element_type(source), element_type(target)
    if inner is not None:
        return "never" if wanted is None else fit(inner, wanted)
    return "converts" if target in _CONVERTIBLE.get(source, frozenset()) else "never"


def named(type_: str) -> Text:
    """A type with its article, for sentences."""
    element = element_type(type_)
    if element is not None:
        return _("an array") if element == "any" else _("an array of {element}s", element=element)
    if type_ == "any":
        return _("a value")
    return _("an {type}", type=type_) if type_[0] in "aeiou" else _("a {type}", type=type_)
