"""Marks like [2] in an answer, and the passages they stand for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from apps.agents.runtime.ports import Passage

# models also write 【1】, [^1] and [1, 3]
_MARK: Final = re.compile(r"[\[【]\^?(\d{1,2}(?:\s*[,,、]\s*\d{1,2})*)[\]】](?!\()")
_CODE: Final = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_NUMBER: Final = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Citation:
    """Passage `n` of the prompt; `cited` is false when the answer names none and all are its sources."""

    n: int
    passage: Passage
    cited: bool


def cited(text: str, passages: Sequence[Passage]) -> list[Citation]:
    """The passages an answer cites, by number; all passages as sources when it cites none."""
    numbers = {n for n in _numbers(text) if 1 <= n <= len(passages)}
    chosen = sorted(numbers) if numbers else range(1, len(passages) + 1)
    return [Citation(n, passages[n - 1], cited=bool(numbers)) for n in chosen]


def strip_marks(text: str) -> str:
    """The answer without its marks (for history: numbers of an earlier prompt mean nothing in the next)."""
    pieces: list[str] = []
    end = 0
    for code in _CODE.finditer(text):
        pieces += [_MARK.sub("", text[end : code.start()]), code.group()]
        end = code.end()
    return "".join([*pieces, _MARK.sub("", text[end:])])


def _numbers(text: str) -> Iterator[int]:
    for mark in _MARK.finditer(_CODE.sub(" ", text)):
        yield from (int(n) for n in _NUMBER.findall(mark.group(1)))
