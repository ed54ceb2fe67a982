"""JSON Schema (2020-12) over plain values: sentences for people, conversion, defaults.

Patterns are matched with a time limit, and nothing is fetched: a schema refers to itself only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import orjson
import regex
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable

from apps.workflows.dsl import types
from apps.workflows.dsl.sentences import Sentence, Text, gettext_noop
from apps.workflows.engine.errors import NodeError
from apps.workflows.nodes.support.formats import format_checker

#: Errors told of one record; more help nobody.
MAX_ERRORS = 20
#: Seconds that one pattern may take on one text.
PATTERN_SECONDS = 0.1
_SHOWN_CHARS = 60
_MAX_UNIQUE = 10_000

_TYPES = {
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
}
_DSL_TYPES = {
    "string": "string",
    "number": "number",
    "integer": "integer",
    "boolean": "boolean",
    "object": "object",
    "array": "array[any]",
}


def type_of_schema(schema: Mapping[str, Any] | None) -> str:
    """The type, in the workflow language's words, of values that meet the schema."""
    return _DSL_TYPES.get(str((schema or {}).get("type", "")), "any")


def problems(place: str, schema: Mapping[str, Any]) -> Iterator[tuple[str, Text]]:
    """What is wrong with a schema: pairs of its place and a sentence."""
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)
        yield (
            f"{place}{path}",
            Sentence(gettext_noop("This is no JSON Schema: {detail}"), detail=error.message[:200]),
        )
        return
    for path, value in _walk(schema, ""):
        name = path.rpartition(".")[2]
        if name == "$ref" and isinstance(value, str) and not value.startswith("#"):
            yield f"{place}{path}", Sentence(gettext_noop("A schema may refer to itself only (#/$defs/…)."))
        if name == "pattern" and isinstance(value, str) and _pattern(value) is None:
            yield f"{place}{path}", Sentence(gettext_noop("This is no regular expression."))


def _walk(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    yield path, value
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _walk(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _walk(inner, f"{path}[{index}]")


def check(value: Any, schema: Mapping[str, Any], *, formats: bool = True) -> list[dict[str, Any]]:
    """What is wrong with a value: path (``$.items[0].price``), message, keyword. Empty when it meets the schema.

    Raises `NodeError` (invalid_schema) for a schema that can't be followed.
    """
    errors: list[dict[str, Any]] = []
    try:
        for error in validator(schema, formats=formats).iter_errors(value):
            errors += [
                {"path": _path(leaf), "message": sentence(leaf), "keyword": str(leaf.validator)}
                for leaf in _leaves(error)
            ]
            if len(errors) >= MAX_ERRORS:
                break
    except (Unresolvable, RecursionError, SchemaError, regex.error, TypeError) as error:
        raise NodeError(
            "The schema can't be followed: it is broken, or refers to what is not there.",
            code="invalid_schema",
        ) from error
    return sorted(errors[:MAX_ERRORS], key=lambda each: each["path"])


def validator(schema: Mapping[str, Any], *, formats: bool = True) -> Any:
    """A validator for the schema; the last ones used are kept."""
    return _validator(orjson.dumps(schema), formats)


@lru_cache(maxsize=200)
def _validator(schema: bytes, formats: bool) -> Any:
    checker = format_checker() if formats else None
    return _Validator(orjson.loads(schema), registry=Registry(), format_checker=checker)


@lru_cache(maxsize=1_000)
def _pattern(pattern: str) -> regex.Pattern[str] | None:
    try:
        return regex.compile(pattern)
    except regex.error:
        return None


def is_pattern(pattern: str) -> bool:
    """Whether this is a regular expression."""
    return _pattern(pattern) is not None


def matches(pattern: str, text: str) -> bool:
    """Whether the pattern occurs in the text; one that takes too long does not."""
    compiled = _pattern(pattern)
    try:
        return compiled is not None and compiled.search(text, timeout=PATTERN_SECONDS) is not None
    except TimeoutError:
        return False


def _check_pattern(
    _validator: Any, pattern: str, instance: Any, _schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not matches(pattern, instance):
        yield ValidationError(f"does not match {pattern!r}")


def _check_pattern_properties(
    validator: Any, patterns: Mapping[str, Any], instance: Any, _schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    if isinstance(instance, dict):
        for pattern, inner in patterns.items():
            for name, value in instance.items():
                if matches(pattern, name):
                    yield from validator.descend(value, inner, path=name, schema_path=pattern)


def _check_additional(
    validator: Any, additional: Any, instance: Any, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    """As the standard says, with patterns under the time limit."""
    if not isinstance(instance, dict):
        return
    named, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    extra = [
        name
        for name in instance
        if name not in named and not any(matches(pattern, name) for pattern in patterns)
    ]
    if additional is False and extra:
        yield ValidationError("has unknown fields: " + ", ".join(sorted(extra)[:10]))
    elif isinstance(additional, Mapping):
        for name in extra:
            yield from validator.descend(instance[name], additional, path=name)


def _check_unique(
    _validator: Any, unique: bool, instance: Any, _schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    """In linear time: the items' canonical text tells them apart."""
    if unique and isinstance(instance, list):
        seen = {canonical(item) for item in instance}
        if len(seen) < len(instance):
            yield ValidationError("has items twice")


def canonical(value: Any) -> bytes:
    """A text that equal JSON values share: 1 and 1.0 are equal, 1 and true are not."""
    return orjson.dumps(_plain_numbers(value), option=orjson.OPT_SORT_KEYS)


def _plain_numbers(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_plain_numbers(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain_numbers(item) for name, item in value.items()}
    return value


_Validator = extend(  # type: ignore[no-untyped-call]  # the package has no types for it
    Draft202012Validator,
    {
        "pattern": _check_pattern,
        "patternProperties": _check_pattern_properties,
        "additionalProperties": _check_additional,
        "uniqueItems": _check_unique,
    },
)


def _leaves(error: ValidationError) -> Iterator[ValidationError]:
    """For alternatives, the errors of the one that came closest; else the error itself."""
    if error.validator not in {"anyOf", "oneOf"} or not error.context:
        yield error
        return
    branches: dict[Any, list[ValidationError]] = {}
    for inner in error.context:
        branches.setdefault(inner.relative_schema_path[0], []).append(inner)
    deepest = max(
        branches.values(), key=lambda group: (max(len(each.absolute_path) for each in group), -len(group))
    )
    if all(
        len(each.absolute_path) == len(error.absolute_path) and each.validator == "type" for each in deepest
    ):
        yield error
        return
    for inner in deepest:
        yield from _leaves(inner)


def _path(error: ValidationError) -> str:
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)


def sentence(error: ValidationError) -> str:
    """What is wrong, to be read after the path."""
    template = _SENTENCES.get(str(error.validator))
    return template(error) if template else error.message[:300]


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value, default=str).decode()
    short = text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "…"
    return f"“{short}”" if isinstance(value, str) else short


def _limit(error: ValidationError) -> Any:
    """What the schema asks for."""
    return error.validator_value


def _found(error: ValidationError) -> Any:
    """What is there instead."""
    return error.instance


def _type_sentence(error: ValidationError) -> str:
    wanted = _limit(error)
    names = [_TYPES.get(str(each), str(each)) for each in (wanted if isinstance(wanted, list) else [wanted])]
    return f"must be {' or '.join(names)}, not {_shown(_found(error))}."


def _required_sentence(error: ValidationError) -> str:
    missing = [name for name in _limit(error) if name not in _found(error)]
    # one error is raised for each missing name; the message names it
    named = next((name for name in missing if error.message.startswith(repr(name))), missing[0])
    return f"lacks the field “{named}”."


def _alternatives_sentence(error: ValidationError) -> str:
    types = [str(each.get("type", "")) for each in _limit(error) if isinstance(each, Mapping)]
    if types and all(name in _TYPES for name in types):
        return f"must be {' or '.join(_TYPES[name] for name in types)}, not {_shown(_found(error))}."
    return "fits none of the forms it may have." if error.context else "fits more than one of its forms."


_SENTENCES: dict[str, Callable[[ValidationError], str]] = {
    "type": _type_sentence,
    "required": _required_sentence,
    "anyOf": _alternatives_sentence,
    "oneOf": _alternatives_sentence,
    "enum": lambda e: (
        f"must be one of {', '.join(_shown(each) for each in _limit(e)[:12])}, not {_shown(_found(e))}."
    ),
    "const": lambda e: f"must be {_shown(_limit(e))}, not {_shown(_found(e))}.",
    "minimum": lambda e: f"must be at least {_limit(e)}, not {_shown(_found(e))}.",
    "maximum": lambda e: f"must be at most {_limit(e)}, not {_shown(_found(e))}.",
    "exclusiveMinimum": lambda e: f"must be more than {_limit(e)}, not {_shown(_found(e))}.",
    "exclusiveMaximum": lambda e: f"must be less than {_limit(e)}, not {_shown(_found(e))}.",
    "multipleOf": lambda e: f"must be a multiple of {_limit(e)}, not {_shown(_found(e))}.",
    "minLength": lambda e: (
        "must not be empty."
        if _limit(e) == 1
        else f"must have at least {_limit(e)} characters, not {len(_found(e))}."
    ),
    "maxLength": lambda e: f"may have at most {_limit(e)} characters, not {len(_found(e))}.",
    "minItems": lambda e: f"must have at least {_limit(e)} items, not {len(_found(e))}.",
    "maxItems": lambda e: f"may have at most {_limit(e)} items, not {len(_found(e))}.",
    "minProperties": lambda e: f"must have at least {_limit(e)} fields, not {len(_found(e))}.",
    "maxProperties": lambda e: f"may have at most {_limit(e)} fields, not {len(_found(e))}.",
    "pattern": lambda e: f"does not match the pattern {_limit(e)}: {_shown(_found(e))}.",
    "format": lambda e: f"is no valid {_limit(e)}: {_shown(_found(e))}.",
    "uniqueItems": lambda _e: "holds the same item more than once.",
    "additionalProperties": lambda e: f"{e.message[:300]}.",
    "unevaluatedProperties": lambda _e: "has unknown fields.",
}


def normalise(
    value: Any, schema: Mapping[str, Any], *, coerce: bool, defaults: bool, drop_unknown: bool
) -> Any:
    """A copy of the value made to fit where that is plain: numbers and truth values written as text, missing fields
    with a default, unknown fields left out. What can't be converted stays as it is."""
    return _Normaliser(schema, coerce=coerce, defaults=defaults, drop_unknown=drop_unknown).value(
        value, schema, 0
    )


_TRUE = frozenset({"true", "yes", "y", "on", "1"})
_FALSE = frozenset({"false", "no", "n", "off", "0"})
_MAX_NESTING = 100


class _Normaliser:
    """Walks a value and its schema together."""

    def __init__(self, root: Mapping[str, Any], *, coerce: bool, defaults: bool, drop_unknown: bool) -> None:
        self._root = root
        self._coerce = coerce
        self._defaults = defaults
        self._drop_unknown = drop_unknown

    def value(self, value: Any, schema: Any, depth: int) -> Any:
        schema = self._resolved(schema)
        if schema is None or depth > _MAX_NESTING:
            return value
        for part in schema.get("allOf", ()):
            value = self.value(value, part, depth + 1)
        if self._coerce:
            value = convert(value, schema.get("type"))
        if isinstance(value, dict):
            return self._object(value, schema, depth)
        return self._array(value, schema, depth) if isinstance(value, list) else value

    def _resolved(self, schema: Any) -> Mapping[str, Any] | None:
        for _hop in range(_MAX_NESTING):
            if not isinstance(schema, Mapping):
                return None
            reference = schema.get("$ref")
            if not isinstance(reference, str) or not reference.startswith("#"):
                return schema
            schema = self._pointed(reference)
        return None

    def _pointed(self, reference: str) -> Any:
        found: Any = self._root
        for part in filter(None, reference.lstrip("#").split("/")):
            name = part.replace("~1", "/").replace("~0", "~")
            found = found.get(name) if isinstance(found, Mapping) else None
        return found

    def _object(self, value: dict[str, Any], schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties")
        named: Mapping[str, Any] = properties if isinstance(properties, Mapping) else {}
        additional = schema.get("additionalProperties")
        found: dict[str, Any] = {}
        for name, inner in value.items():
            if name in named:
                found[name] = self.value(inner, named[name], depth + 1)
            elif not (self._drop_unknown and named and not schema.get("patternProperties")):
                found[name] = self.value(inner, additional, depth + 1)
        if self._defaults:
            for name, inner in named.items():
                resolved = self._resolved(inner)
                if name not in found and resolved is not None and "default" in resolved:
                    found[name] = self.value(resolved["default"], resolved, depth + 1)
        return found

    def _array(self, value: list[Any], schema: Mapping[str, Any], depth: int) -> list[Any]:
        prefix = schema.get("prefixItems")
        first: list[Any] = prefix if isinstance(prefix, list) else []
        rest = schema.get("items")
        return [
            self.value(item, first[index] if index < len(first) else rest, depth + 1)
            for index, item in enumerate(value)
        ]


def convert(value: Any, wanted: Any) -> Any:
    """The value as one of the wanted JSON types, when it is written so; else as it is."""
    names = [wanted] if isinstance(wanted, str) else wanted if isinstance(wanted, list) else []
    if not names or any(_is(value, str(name)) for name in names):
        return value
    for name in names:
        made = _CONVERTERS.get(str(name), _same)(value)
        if _is(made, str(name)):
            return made
    return value


def _is(value: Any, name: str) -> bool:
    if name == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    if name == "integer":
        return (isinstance(value, int) and not isinstance(value, bool)) or (
            isinstance(value, float) and value.is_integer()
        )
    kinds: dict[str, type | tuple[type, ...]] = {
        "string": str,
        "boolean": bool,
        "object": dict,
        "array": list,
        "null": type(None),
    }
    return name in kinds and isinstance(value, kinds[name])


def _same(value: Any) -> Any:
    return value


def _to_number(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    number = types.read_number(value) if isinstance(value, str) else None
    return value if number is None else number


def _to_boolean(value: Any) -> Any:
    text = str(value).strip().lower() if isinstance(value, str | int) else ""
    return True if text in _TRUE else False if text in _FALSE else value


def _to_container(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value


_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "number": _to_number,
    "integer": _to_number,
    "boolean": _to_boolean,
    "string": lambda value: (
        ("true" if value else "false")
        if isinstance(value, bool)
        else str(value)
        if isinstance(value, int | float)
        else value
    ),
    "object": _to_container,
    "array": lambda value: _to_container(value) if isinstance(value, str) else value,
    "null": lambda value: None if value == "" else value,
}


def errors_by_field(errors: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The first sentence of each top-level field, for forms; what concerns no field is under ``""``."""
    found: dict[str, str] = {}
    for error in errors:
        name = str(error["path"]).removeprefix("$").lstrip(".").partition(".")[0].partition("[")[0]
        found.setdefault(name, str(error["message"]))
    return found
