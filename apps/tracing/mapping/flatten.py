"""Nested values that instrumentation wrote as many flat attributes: ``0.message.role`` and the like."""

from collections.abc import Mapping
from typing import Any

#: Slots of one rebuilt value. What lies beyond is left out, so that a hostile index can't cost memory.
MAX_SLOTS = 10_000
MAX_INDEX = 10_000
MAX_DEPTH = 20

Steps = tuple[str, ...]
#: Values by their names taken apart.
Flat = Mapping[Steps, object]
Nested = dict[str, Any]


def nest(flat: Flat) -> Nested:
    """`{("0", "message", "role"): "user"}` as `{"0": {"message": {"role": "user"}}}`.

    A name that is also the beginning of others gives way to them.
    """
    root: Nested = {}
    for path, value in flat.items():
        place = root
        for step in path[:-1]:
            below = place.get(step)
            if type(below) is not dict:
                below = place[step] = {}
            place = below
        last = path[-1]
        if type(place.get(last)) is not dict:
            place[last] = value
    return root


def steps(name: str) -> Steps:
    """The parts of a dotted name, the deepest left together."""
    return tuple(name.split(".", MAX_DEPTH))


def items(nested: object) -> list[Any]:
    """The values under the keys 0, 1, 2 … in the order of their numbers; gaps close."""
    if not isinstance(nested, dict):
        return []
    if len(nested) == 1 and "0" in nested:
        return [nested["0"]]
    numbered = [
        (int(key), value)
        for key, value in nested.items()
        if key.isascii() and key.isdecimal() and len(key) < 6
    ]
    return [value for index, value in sorted(numbered, key=lambda pair: pair[0]) if index < MAX_INDEX]
