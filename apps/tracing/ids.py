"""The form of trace and span ids: hex digits in small letters."""

from typing import Final

_DIGITS: Final = frozenset("0123456789abcdef")


def is_trace_id(text: str) -> bool:
    """Whether a text is 32 hex digits."""
    return len(text) == 32 and _DIGITS.issuperset(text)


def is_span_id(text: str) -> bool:
    """Whether a text is 16 hex digits."""
    return len(text) == 16 and _DIGITS.issuperset(text)
