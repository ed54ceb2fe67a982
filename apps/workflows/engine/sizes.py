"""How large a value is as JSON, without writing it."""

from __future__ import annotations

from itertools import chain
from typing import Any


def exceeds(value: Any, limit: int) -> bool:
    """Whether a plain JSON value would take more than `limit` bytes; stops looking as soon as that is clear.

    Texts count their UTF-8 bytes without escapes, numbers what they print, containers their commas and brackets.
    """
    left = limit
    pending = [iter((value,))]
    while pending:
        for item in pending[-1]:
            left -= _own_size(item, left)
            if left < 0:
                return True
            if isinstance(item, dict):
                pending.append(chain.from_iterable(item.items()))
                break
            if isinstance(item, list | tuple):
                pending.append(iter(item))
                break
        else:
            pending.pop()
    return False


def _own_size(item: Any, left: int) -> int:
    """Bytes of an item without what it holds."""
    kind = type(item)
    if kind is str:
        # characters are a lower bound, so a text that is far too long need not be encoded
        return (
            len(item) + 3 if len(item) > left or item.isascii() else len(item.encode("utf-8", "replace")) + 3
        )
    if kind is int or kind is float:
        return len(repr(item)) + 1
    if kind is dict or kind is list or kind is tuple:
        return 2
    return 5
