"""Numbers in texts of strangers."""

from __future__ import annotations

#: Fits the integer columns of PostgreSQL, whatever the digits are.
MAX_DIGITS = 9


def whole_number(text: str) -> int | None:
    """The number that `text` writes in one to nine ASCII digits, else None."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS else None
