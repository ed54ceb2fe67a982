"""JSON as models and people write it: between words, in code fences, with small mistakes.

`loads` first takes the text at its word (RFC 8259). Otherwise it looks for the place where an object or a list begins
and reads on with a reader that forgives: comments, trailing and missing commas, single or curly quotes, names without
quotes, Python's True, False and None, line breaks within texts, and an end that is missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, TypeVar

import orjson

Container = TypeVar("Container", dict[str, Any], list[Any])

MAX_DEPTH = 200
_MAX_STARTS = 200

_FENCE = re.compile(r"```[ \t]*[\w+-]*[ \t]*\r?\n(.*?)(?:```|\Z)", re.DOTALL)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_WORD = re.compile(r"[^\s,:{}\[\]\"'“”]+")
_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’"}
_WORDS: dict[str, Any] = {
    "true": True,
    "false": False,
    "null": None,
    "True": True,
    "False": False,
    "None": None,
    "undefined": None,
    "NaN": None,
}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "\n": ""}


class NoJson(ValueError):
    """There is no JSON, or it is broken; `line` and `column` count from 1."""

    def __init__(self, reason: str, line: int = 0, column: int = 0) -> None:
        place = f" (line {line}, column {column})" if line else ""
        super().__init__(f"{reason}{place}.")
        self.line = line
        self.column = column


def loads_strict(text: str) -> Any:
    """Read JSON; raises `NoJson` with the place of the first mistake."""
    try:
        return orjson.loads(text.removeprefix("\ufeff"))
    except orjson.JSONDecodeError as error:
        reason = (
            "The text is empty" if not text.strip() else f"This is no JSON: {error.msg.partition(':')[0]}"
        )
        raise NoJson(reason, error.lineno, error.colno) from None


def loads(text: str) -> Any:
    """Read the JSON that a text holds, forgiving mistakes; raises `NoJson` when it holds none."""
    try:
        return loads_strict(text)
    except NoJson as error:
        first = error
    for candidate in _candidates(text):
        try:
            return orjson.loads(candidate)
        except orjson.JSONDecodeError:
            pass
    best: Any = None
    found = False
    for candidate in _candidates(text):
        for start in _starts(candidate):
            value = _read(candidate, start)
            if value is _NOTHING:
                continue
            if value:
                return value
            best, found = (value, True) if not found else (best, True)
    if found:
        return best
    raise first


def _candidates(text: str) -> Iterator[str]:
    """Where JSON may be: in code fences, then anywhere."""
    for fence in _FENCE.finditer(text):
        yield fence[1].strip()
    yield text


def _starts(text: str) -> Iterator[int]:
    """Where an object or a list may begin. What lies inside an earlier one is reached only when that one failed."""
    for count, match in enumerate(re.finditer(r"[{\[]", text)):
        if count >= _MAX_STARTS:
            return
        yield match.start()


_NOTHING = object()


def _read(text: str, start: int) -> Any:
    reader = _Reader(text, start)
    try:
        return reader.value(0)
    except _Unreadable:
        return _NOTHING


class _Unreadable(Exception):
    """Not even forgiving helps."""


class _Reader:
    """A recursive descent over the text from `place` on."""

    def __init__(self, text: str, place: int) -> None:
        self._text = text
        self._place = place

    def value(self, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise _Unreadable
        self._skip()
        sign = self._peek()
        if sign == "{":
            return self._object(depth)
        if sign == "[":
            return self._array(depth)
        if sign in _QUOTES:
            return self._string(_QUOTES[sign])
        return self._bare()

    def _peek(self) -> str:
        return self._text[self._place : self._place + 1]

    def _skip(self) -> None:
        """Over white space and comments."""
        text, place = self._text, self._place
        while place < len(text):
            if text[place].isspace() or text[place] == "\ufeff":
                place += 1
            elif text.startswith("//", place) or (text[place] == "#"):
                end = text.find("\n", place)
                place = len(text) if end < 0 else end
            elif text.startswith("/*", place):
                end = text.find("*/", place)
                place = len(text) if end < 0 else end + 2
            else:
                break
        self._place = place

    def _object(self, depth: int) -> dict[str, Any]:
        self._place += 1
        found: dict[str, Any] = {}
        while True:
            self._skip()
            sign = self._peek()
            if sign in {"", "}"}:
                return self._closed(found)
            if sign == ",":
                self._place += 1
                continue
            name = self._name()
            self._skip()
            if self._peek() != ":":
                if self._peek() == "":  # cut off in the middle of a name
                    return found
                raise _Unreadable
            self._place += 1
            self._skip()
            if self._peek() == "":
                return found
            found[name] = self.value(depth + 1)

    def _closed(self, found: Container) -> Container:
        """Past the bracket. One that never comes may be missing, unless nothing came after the first one either."""
        if not found and not self._peek():
            raise _Unreadable
        self._place += 1
        return found

    def _name(self) -> str:
        sign = self._peek()
        if sign in _QUOTES:
            return self._string(_QUOTES[sign])
        match = _WORD.match(self._text, self._place)
        if match is None:
            raise _Unreadable
        self._place = match.end()
        return match[0]

    def _array(self, depth: int) -> list[Any]:
        self._place += 1
        found: list[Any] = []
        while True:
            self._skip()
            sign = self._peek()
            if sign in {"", "]"}:
                return self._closed(found)
            if sign == ",":
                self._place += 1
                continue
            if sign in {"}", ":"}:
                raise _Unreadable
            found.append(self.value(depth + 1))

    def _string(self, end: str) -> str:
        opened = self._peek()
        self._place += 1
        parts: list[str] = []
        text = self._text
        while self._place < len(text):
            sign = text[self._place]
            if sign == "\\":
                parts.append(self._escape())
                continue
            self._place += 1
            if sign == end and (opened == '"' or self._ends_here()):
                return "".join(parts)
            parts.append(sign)
        return "".join(parts)

    def _ends_here(self) -> bool:
        """An apostrophe within a text in single quotes is followed by a letter, its end is not."""
        following = self._text[self._place : self._place + 1]
        return not (following.isalnum() or following == "_")

    def _escape(self) -> str:
        code = self._text[self._place + 1 : self._place + 2]
        if code == "u":
            digits = self._text[self._place + 2 : self._place + 6]
            try:
                sign = chr(int(digits, 16))
            except ValueError:
                self._place += 2
                return ""
            self._place += 6
            if "\ud800" <= sign <= "\udbff" and self._text.startswith("\\u", self._place):
                return self._pair(sign)
            return sign if not "\ud800" <= sign <= "\udfff" else "\N{REPLACEMENT CHARACTER}"
        self._place += 2
        return _ESCAPES.get(code, code)

    def _pair(self, high: str) -> str:
        try:
            low = chr(int(self._text[self._place + 2 : self._place + 6], 16))
            pair = (high + low).encode("utf-16", "surrogatepass").decode("utf-16")
        except (ValueError, UnicodeDecodeError):
            return "\N{REPLACEMENT CHARACTER}"
        self._place += 6
        return pair

    def _bare(self) -> Any:
        """A number or a word; words that are no constants are texts without quotes."""
        match = _WORD.match(self._text, self._place)
        if match is None:
            raise _Unreadable
        word = match[0]
        self._place = match.end()
        if word in _WORDS:
            return _WORDS[word]
        number = _NUMBER.fullmatch(word)
        if number is None:
            return self._rest_of_text(word)
        plain = word.lstrip("+")
        return int(plain) if re.fullmatch(r"-?\d{1,300}", plain) else float(plain)

    def _rest_of_text(self, word: str) -> str:
        """A text without quotes goes on to the next comma, bracket or line break."""
        match = re.compile(r"[^,{}\[\]\r\n]*").match(self._text, self._place)
        rest = match[0] if match else ""
        self._place += len(rest)
        return (word + rest).rstrip()
