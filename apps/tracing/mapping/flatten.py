"""Nested values that instrumentation wrote as many flat attributes: ``0.message.role`` and the like."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

#: Slots of one rebuilt value. What lies beyond is left out, so that a hostile index can't cost memory.
MAX_SLOTS = 10_000
MAX_INDEX = 10_000
MAX_DEPTH = 20

Nested = dict[str, Any]


def nest(flat: Mapping[str, object]) -> Nested:
    """`{"0.message.role": "user"}` as `{"0": {"message": {"role": "user"}}}`; a name that is also a prefix wins."""
    root: Nested = {}
    for name, value in list(flat.items())[:MAX_SLOTS]:
        *path, last = steps(name)
        place = root
        for step in path:
            below = place.get(step)
            if not isinstance(below, dict):
                below = place[step] = {}
            place = below
        if not isinstance(place.get(last), dict):
            place[last] = value
    return root


@lru_cache(maxsize=10_000)
def steps(name: str) -> tuple[str, ...]:
    """The parts of a dotted name, the deepest left together."""
    return tuple(name.split(".", MAX_DEPTH))


def items(nested: object) -> list[Any]:
    """The values under the keys 0, 1, 2 … in the order of their numbers; gaps close."""
    if not isinstance(nested, dict):
        return []
    numbered = [
        (int(key), value)
        for key, value in nested.items()
        if key.isascii() and key.isdecimal() and len(key) < 6
    ]
    return [value for index, value in sorted(numbered, key=lambda pair: pair[0]) if index < MAX_INDEX]
