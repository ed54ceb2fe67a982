"""Reading the result of a job: hostile bytes in, plain JSON out.

Everything PostgreSQL's jsonb would refuse later (NUL, lone surrogates), JSON does not know (NaN, infinity) or other
readers of JSON get wrong (integers beyond 64 bits) is refused here, where the author still sees why.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from typing import Any, NoReturn, cast

from django.utils.translation import gettext as _

from apps.core.sandbox.errors import ResultNotJson, ResultTooDeep, ResultTooLarge
from apps.core.sandbox.jobs import JSON, Limits

# A number can only be infinite, or longer than 64 bits, with a large exponent or many digits. In a copy where every
# digit is a 0 and all but exponents is blank, that is one of two fixed texts: finding them is faster than a pattern.
_SHAPES = bytes(
    48 if chr(byte).isdigit() and byte < 128 else 101 if byte in b"eE" else 32 for byte in range(256)
)
_MANY_DIGITS, _LARGE_EXPONENT = b"0" * 19, b"0e000"
# a text only holds a NUL or a lone surrogate when the JSON escapes one
_ESCAPED = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_CONTAINERS = (dict, list)  # json makes no others
_SMALLEST, _LARGEST = -(2**63), 2**64 - 1


def parse(raw: bytes, limits: Limits) -> dict[str, Any]:
    """Return the one JSON object in `raw`.

    Raises:
        ResultNotJson, ResultTooDeep, ResultTooLarge: `raw` holds something else.
    """
    try:
        value = json.loads(raw.decode("utf-8"), parse_constant=_refuse_constant)
    except RecursionError:
        raise ResultTooDeep from None
    except ValueError:
        raise ResultNotJson from None
    if not isinstance(value, dict):
        raise ResultNotJson
    check(value, raw, limits)
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def check(value: JSON, raw: bytes, limits: Limits) -> None:
    """Walk through `value` level by level; the envelope around the result is one level more than it."""
    texts = len(raw) > limits.string_chars or _ESCAPED.search(raw) is not None
    shapes = raw.translate(_SHAPES, b"+")
    numbers = _MANY_DIGITS in shapes or _LARGE_EXPONENT in shapes
    level = [value]
    for _level in range(limits.depth + 1):
        if texts or numbers:
            _check_scalars(level, limits)
        level = [inner for outer in level for inner in _members(outer) if type(inner) in _CONTAINERS]
        if not level:
            return
    raise ResultTooDeep


def _members(value: JSON) -> Iterable[JSON]:
    return value.values() if isinstance(value, dict) else cast("list[JSON]", value)


def _check_scalars(level: list[JSON], limits: Limits) -> None:
    for outer in level:
        if isinstance(outer, dict):
            for name in outer:
                _check_text(name, limits)
        for inner in _members(outer):
            if isinstance(inner, str):
                _check_text(inner, limits)
            elif isinstance(inner, float) and not math.isfinite(inner):
                raise ResultNotJson
            elif isinstance(inner, int) and not _SMALLEST <= inner <= _LARGEST:
                raise ResultNotJson(_("An integer of the result is beyond 64 bits; return it as a text."))


def _check_text(text: str, limits: Limits) -> None:
    if len(text) > limits.string_chars:
        raise ResultTooLarge
    if "\0" in text:
        raise ResultNotJson
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ResultNotJson from None
