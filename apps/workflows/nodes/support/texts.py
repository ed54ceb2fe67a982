"""Operations on texts: pure functions of plain values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal

from apps.workflows.dsl import types

Side = Literal["both", "start", "end"]
Unit = Literal["characters", "words", "lines"]
Case = Literal["upper", "lower", "title", "sentence", "swap", "snake", "kebab", "camel"]

#: A text that an operation makes may not be longer; a small input must not fill the memory.
MAX_CHARS = 5_000_000

# where a word of an identifier begins: an upper case letter after a lower case one or a digit
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORD = re.compile(r"[^\W_]+")


class TextTooLong(ValueError):
    """The result would be longer than `MAX_CHARS`."""

    def __init__(self) -> None:
        super().__init__(f"The text would be longer than {MAX_CHARS:,} characters.")


def concat(parts: Sequence[Any], separator: str, item_separator: str) -> str:
    """All parts one after another; the items of lists are joined with `item_separator`."""
    texts = [
        item_separator.join(types.text(item) for item in part) if isinstance(part, list) else types.text(part)
        for part in parts
    ]
    return limited(separator.join(texts))


def split(
    text: str,
    delimiters: Sequence[str],
    *,
    trim: bool = True,
    keep_empty: bool = False,
    limit: int | None = None,
) -> list[str]:
    """Cut at any of the delimiters (the longest that fits first); at most `limit` pieces, the last with the rest."""
    wanted = sorted({delimiter for delimiter in delimiters if delimiter}, key=lambda each: (-len(each), each))
    if not wanted:
        pieces = list(text)
    else:
        pattern = "|".join(re.escape(delimiter) for delimiter in wanted)
        pieces = [text] if limit == 1 else re.split(pattern, text, maxsplit=max(0, (limit or 1) - 1))
    if trim:
        pieces = [piece.strip() for piece in pieces]
    return pieces if keep_empty else [piece for piece in pieces if piece]


def replace(text: str, find: str, replacement: str, *, count: int = 0, case_sensitive: bool = True) -> str:
    """Replace a text (no pattern); `count` 0 is every occurrence."""
    if not find:
        return text
    found = occurrences(text, find, case_sensitive=case_sensitive)
    times = min(found, count) if count else found
    if len(text) + times * (len(replacement) - len(find)) > MAX_CHARS:
        raise TextTooLong
    if case_sensitive:
        return text.replace(find, replacement, count or -1)
    return re.sub(re.escape(find), lambda _match: replacement, text, count=count, flags=re.IGNORECASE)


def occurrences(text: str, find: str, *, case_sensitive: bool = True) -> int:
    """How often `find` occurs, without overlaps."""
    if not find:
        return 0
    if case_sensitive:
        return text.count(find)
    return sum(1 for _match in re.finditer(re.escape(find), text, re.IGNORECASE))


def trim(text: str, side: Side, characters: str) -> str:
    """Remove white space, or the given characters, from the ends."""
    wanted = characters or None
    if side == "start":
        return text.lstrip(wanted)
    return text.rstrip(wanted) if side == "end" else text.strip(wanted)


def change_case(text: str, case: Case) -> str:
    """Letters in another case; snake, kebab and camel are for names."""
    if case == "upper":
        return text.upper()
    if case == "lower":
        return text.lower()
    if case == "title":
        return re.sub(r"[^\W\d_]+('[^\W\d_]+)?", lambda word: word[0][:1].upper() + word[0][1:].lower(), text)
    if case == "sentence":
        stripped = text.lstrip()
        lead = text[: len(text) - len(stripped)]
        return lead + stripped[:1].upper() + stripped[1:].lower()
    if case == "swap":
        return text.swapcase()
    words = [word.lower() for word in _WORD.findall(_HUMP.sub(" ", text))]
    if case == "camel":
        return "".join([*words[:1], *(word.capitalize() for word in words[1:])])
    return ("_" if case == "snake" else "-").join(words)


def substring(text: str, start: int, length: int | None, unit: Unit) -> str:
    """A stretch of the text. `start` counts from 0, negative from the end; `length` None is the rest."""
    parts, glue = _units(text, unit)
    begin = max(0, len(parts) + start) if start < 0 else start
    end = None if length is None else begin + max(0, length)
    return glue.join(parts[begin:end])


def measure(text: str, unit: Unit) -> int:
    """How many characters, words or lines."""
    return len(text) if unit == "characters" else len(_units(text, unit)[0])


def _units(text: str, unit: Unit) -> tuple[Sequence[str], str]:
    if unit == "words":
        return text.split(), " "
    return (text.splitlines(), "\n") if unit == "lines" else (text, "")


def truncate(text: str, length: int, ending: str) -> str:
    """At most `length` characters, the ending included when something was cut; cut between words when there are."""
    if len(text) <= length:
        return text
    room = max(0, length - len(ending))
    cut = text[:room]
    space = cut.rfind(" ")
    if room < len(text) and not text[room].isspace() and space > room // 2:
        cut = cut[:space]
    return (cut.rstrip() + ending)[:length]


def between(text: str, before: str, after: str) -> list[str]:
    """Every stretch that stands between the two markers; an empty marker is the text's beginning or end."""
    found: list[str] = []
    place = 0
    while True:
        start = text.find(before, place) if before else (0 if not found else -1)
        if start < 0:
            return found
        start += len(before)
        end = text.find(after, start) if after else len(text)
        if end < 0:
            return found
        found.append(text[start:end])
        place = end + len(after)
        if not after:
            return found


def pad(text: str, width: int, side: Side, fill: str) -> str:
    """At least `width` characters; `side` is where the filling goes."""
    if width > MAX_CHARS:
        raise TextTooLong
    sign = fill[:1] or " "
    if side == "start":
        return text.rjust(width, sign)
    return text.ljust(width, sign) if side == "end" else text.center(width, sign)


def repeat(text: str, times: int, separator: str) -> str:
    """The text so many times."""
    if times * (len(text) + len(separator)) > MAX_CHARS:
        raise TextTooLong
    return separator.join([text] * max(0, times))


def limited(text: str) -> str:
    """The text, or `TextTooLong`."""
    if len(text) > MAX_CHARS:
        raise TextTooLong
    return text
