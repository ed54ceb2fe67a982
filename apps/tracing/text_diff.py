"""Two texts side by side: lines matched, and inside changed lines the words that differ."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Final

#: Unchanged lines shown around a change.
CONTEXT: Final = 3
#: Words of longer lines are not compared.
MAX_LINE: Final = 2_000
_WORDS: Final = re.compile(r"\w+|\s+|[^\w\s]")

#: Text and whether it differs from the other side.
Span = tuple[str, bool]


@dataclass(frozen=True, slots=True)
class DiffRow:
    """One line of each side, None where a side has none. `skipped` unchanged lines stand in place of a line."""

    left: tuple[Span, ...] | None = None
    right: tuple[Span, ...] | None = None
    changed: bool = False
    skipped: int = 0


def diff_lines(left: str, right: str) -> list[DiffRow]:
    """The rows of a side-by-side view; long stretches without a change are left out."""
    one, other = left.splitlines(), right.splitlines()
    matcher = SequenceMatcher(None, one, other)
    rows: list[DiffRow] = []
    for tag, from_one, to_one, from_other, to_other in matcher.get_opcodes():
        if tag == "equal":
            rows += _equal(
                one[from_one:to_one], first=not rows, last=to_one == len(one) and to_other == len(other)
            )
        else:
            rows += _changed(one[from_one:to_one], other[from_other:to_other])
    return rows


def _equal(lines: Sequence[str], *, first: bool, last: bool) -> Iterator[DiffRow]:
    head, tail = (0 if first else CONTEXT), (0 if last else CONTEXT)
    if len(lines) <= head + tail + 1:
        head, tail = len(lines), 0
    for line in lines[:head]:
        yield DiffRow(((line, False),), ((line, False),))
    if hidden := len(lines) - head - tail:
        yield DiffRow(skipped=hidden)
    for line in lines[len(lines) - tail :] if tail else ():
        yield DiffRow(((line, False),), ((line, False),))


def _changed(one: Sequence[str], other: Sequence[str]) -> Iterator[DiffRow]:
    for left, right in zip_longest(one, other):
        if left is None or right is None:
            yield DiffRow(_whole(left), _whole(right), changed=True)
        else:
            yield DiffRow(*_words(left, right), changed=True)


def _whole(line: str | None) -> tuple[Span, ...] | None:
    return None if line is None else ((line, True),)


def _words(left: str, right: str) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    if len(left) > MAX_LINE or len(right) > MAX_LINE:
        return ((left, True),), ((right, True),)
    one, other = _WORDS.findall(left), _WORDS.findall(right)
    spans: tuple[list[Span], list[Span]] = ([], [])
    for tag, from_one, to_one, from_other, to_other in SequenceMatcher(None, one, other, False).get_opcodes():
        for side, text in zip(
            spans, ("".join(one[from_one:to_one]), "".join(other[from_other:to_other])), strict=True
        ):
            if text:
                side.append((text, tag != "equal"))
    return tuple(spans[0]), tuple(spans[1])
