"""JSON of strangers, read without surprises."""

import json
import math
from typing import Any, Final

#: JSON of a longer text is not read.
MAX_CHARS: Final = 32_000_000


def load(text: str) -> Any:
    """The value of a text that is a JSON object or list, else None."""
    if len(text) > MAX_CHARS or text.lstrip()[:1] not in ("[", "{"):
        return None
    try:
        return json.loads(text, parse_float=_finite, parse_constant=str)
    except (ValueError, RecursionError):
        return None


def _finite(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def clean(text: str) -> str:
    """`text` as UTF-8 can carry it: lone surrogates become question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")


def as_text(value: object) -> str:
    """A text as it is, nothing as an empty text, anything else as JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return clean(value)
    try:
        return clean(json.dumps(value, ensure_ascii=False))
    except (ValueError, TypeError, RecursionError):
        return clean(str(value))
