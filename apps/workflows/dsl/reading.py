"""Text to plain data: YAML and JSON, with caps, and with the line of every value.

YAML is read as its core schema of version 1.2: what looks like a date stays text, ``yes`` and ``on`` are text, and
``=`` is just a text. Aliases are refused, because a few lines of them unfold to gigabytes, and so are tags, keys that
come twice, and keys that are no text.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from apps.workflows.dsl.problems import DocumentError, Problem, join_place
from apps.workflows.dsl.sentences import Text, _

MAX_CHARACTERS = 5 * 2**20
#: Levels of lists and objects; a body is two of them.
MAX_DEPTH = 64
MAX_VALUES = 500_000

_INTEGER = re.compile(r"[-+]?[0-9]+", re.ASCII)
_OCTAL = re.compile(r"0o[0-7]+", re.ASCII)
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_SPECIAL = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", re.ASCII)
_WORDS: dict[str, Any] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_MAX_DIGITS = 300
#: Characters that PostgreSQL's JSON can't hold.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Source:
    """What a text says, and the line of each place."""

    data: Any
    lines: dict[str, int] = field(default_factory=dict)


def read(source: str) -> Source:
    """Read YAML or JSON; raises DocumentError with the line of what is wrong."""
    if len(source) > MAX_CHARACTERS:
        raise _error(
            "too_large", _("A document may have at most {limit:,} characters.", limit=MAX_CHARACTERS)
        )
    source = source.removeprefix("\ufeff")
    if source.lstrip()[:1] == "{":
        try:
            return Source(_read_json(source))
        except (ValueError, RecursionError):
            # the other reader also reads JSON, slower, and says where it breaks off
            return read_yaml(source)
    return read_yaml(source)


def _read_json(source: str) -> Any:
    data = json.loads(source, object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite)
    check_plain(data)
    return data


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("A key comes twice.")
    return found


def _refuse(name: str) -> Any:
    raise ValueError(name)


def _finite(spelled: str) -> float:
    value = float(spelled)
    if not math.isfinite(value):
        raise ValueError(spelled)
    return value


def _error(
    code: str, message: Text, place: str = "", line: int | None = None, **params: Any
) -> DocumentError:
    shown = _("{sentence} (line {line})", sentence=message, line=line) if line is not None else message
    return DocumentError([Problem(code, place, shown, params=params, line=line)])


def check_plain(data: Any) -> None:
    """Refuse what is no plain JSON, is nested too deeply, or can't be stored. Raises DocumentError."""
    pending: list[tuple[Any, str, int]] = [(data, "", 0)]
    count = 0
    while pending:
        value, place, depth = pending.pop()
        count += 1
        if count > MAX_VALUES:
            raise _error("too_large", _("A document may have at most {limit:,} values.", limit=MAX_VALUES))
        if depth > MAX_DEPTH:
            raise _error("too_deep", _("A document may have at most {limit} levels.", limit=MAX_DEPTH), place)
        if isinstance(value, dict):
            for key, item in value.items():
                if not isinstance(key, str):
                    raise _error("key_not_text", _("The key {key!r} is no text.", key=key), place)
                _check_text(key, place)
                pending.append((item, join_place(place, key), depth + 1))
        elif isinstance(value, list):
            pending.extend((item, join_place(place, i), depth + 1) for i, item in enumerate(value))
        else:
            _check_scalar(value, place)


def _check_scalar(value: Any, place: str) -> None:
    if isinstance(value, str):
        _check_text(value, place)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise _error("not_finite", _("A number must be finite."), place)
    elif isinstance(value, int) and not isinstance(value, bool):
        if value.bit_length() > 1_000:
            raise _error("number_too_long", _("The number is too long."), place)
    elif value is not None and not isinstance(value, bool):
        raise _error("not_plain", _("A {type} can't stand in a document.", type=type(value).__name__), place)


def _check_text(value: str, place: str) -> None:
    if _UNSTORABLE.search(value):
        raise _error("unstorable_character", _("The text holds a character that can't be stored."), place)


def read_yaml(source: str) -> Source:
    """Read YAML; raises DocumentError with the line of what is wrong."""
    try:
        return _Composer().compose(source)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = None if mark is None else mark.line + 1
        raise _error("yaml_syntax", _not_yaml(error), line=line) from error
    except (yaml.reader.ReaderError, UnicodeEncodeError) as error:
        raise _error("yaml_syntax", _("The text holds a character that YAML does not allow.")) from error


def _not_yaml(error: yaml.MarkedYAMLError) -> Text:
    """What the parser says, or that it could not read the text."""
    return f"{error.problem.capitalize()}." if error.problem else _("The text is no yaml.")


class _Composer:
    """Builds data from the events of the parser, with a stack of its own: depth costs memory, not the C stack."""

    def __init__(self) -> None:
        self._lines: dict[str, int] = {}
        # each level: the list or dict, its place, and for a dict the key that waits for its value
        self._stack: list[tuple[Any, str]] = []
        self._keys: list[str | None] = []
        self._root: Any = None
        self._documents = 0

    def compose(self, source: str) -> Source:
        for event in yaml.parse(source, Loader=yaml.CSafeLoader):
            if isinstance(event, yaml.AliasEvent):
                raise _error("yaml_alias", _("Aliases (*) can't be used."), line=_line(event))
            if isinstance(event, yaml.DocumentStartEvent):
                self._documents += 1
                if self._documents > 1:
                    raise _error(
                        "yaml_documents", _("There must be one document in a file."), line=_line(event)
                    )
            elif isinstance(event, yaml.ScalarEvent):
                self._add(self._scalar(event), event)
            elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                self._open(event)
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                self._stack.pop()
                self._keys.pop()
        return Source(self._root, self._lines)

    def _open(self, event: Any) -> None:
        if event.tag is not None:
            raise _error("yaml_tag", _("Tags can't be used: {tag}", tag=event.tag), line=_line(event))
        container: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        if self._stack and isinstance(self._stack[-1][0], dict) and self._keys[-1] is None:
            raise _error("key_not_text", _("A key must be a text."), line=_line(event))
        place = self._add(container, event)
        self._stack.append((container, place))
        self._keys.append(None)
        if len(self._stack) > MAX_DEPTH:
            raise _error(
                "too_deep",
                _("A document may have at most {limit} levels.", limit=MAX_DEPTH),
                line=_line(event),
            )

    def _add(self, value: Any, event: Any) -> str:
        """Put a value where it belongs; its place."""
        if not self._stack:
            self._root = value
            return ""
        container, place = self._stack[-1]
        if isinstance(container, list):
            place = join_place(place, len(container))
            container.append(value)
        elif self._keys[-1] is None:
            self._keys[-1] = self._key(value, container, event)
            return place
        else:
            key = self._keys[-1]
            place = join_place(place, key)
            container[key] = value
            self._keys[-1] = None
        self._lines[place] = _line(event)
        if len(self._lines) > MAX_VALUES:
            raise _error("too_large", _("A document may have at most {limit:,} values.", limit=MAX_VALUES))
        return place

    def _key(self, value: Any, container: dict[str, Any], event: Any) -> str:
        key = value if isinstance(value, str) else event.value
        if not isinstance(value, str | int | float | bool):
            raise _error("key_not_text", _("A key must be a text."), line=_line(event))
        if key in container:
            raise _error(
                "duplicate_key", _("The key {key!r} comes twice.", key=key), line=_line(event), key=key
            )
        return str(key)

    def _scalar(self, event: Any) -> Any:
        if event.tag is not None and event.tag != "tag:yaml.org,2002:str":
            raise _error("yaml_tag", _("Tags can't be used: {tag}", tag=event.tag), line=_line(event))
        spelled: str = event.value
        if _UNSTORABLE.search(spelled):
            raise _error(
                "unstorable_character",
                _("The text holds a character that can't be stored."),
                line=_line(event),
            )
        plain = event.implicit[0] and event.tag is None
        return _resolve(spelled, _line(event)) if plain else spelled


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _resolve(spelled: str, line: int) -> Any:
    """A scalar without quotes, as the core schema reads it."""
    if spelled in _WORDS:
        return _WORDS[spelled]
    if spelled[0] not in "+-.0123456789":
        return spelled
    if _SPECIAL.fullmatch(spelled):
        raise _error("not_finite", _("A number must be finite."), line=line)
    integer = _INTEGER.fullmatch(spelled)
    if integer or _OCTAL.fullmatch(spelled) or _HEXADECIMAL.fullmatch(spelled):
        if len(spelled) > _MAX_DIGITS:
            raise _error("number_too_long", _("The number is too long."), line=line)
        return int(spelled) if integer else int(spelled, 0)
    if _FLOAT.fullmatch(spelled):
        value = float(spelled)
        if not math.isfinite(value):
            raise _error("not_finite", _("A number must be finite."), line=line)
        return value
    return spelled
