"""Identifiers."""

from __future__ import annotations

import os
import time
from uuid import UUID


def uuid7() -> UUID:
    """Return a time-ordered UUID (RFC 9562, version 7): new rows land at the end of every index."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80
    value |= 0x7 << 76 | (random >> 68 & 0xFFF) << 64
    value |= 0b10 << 62 | (random & 0x3FFF_FFFF_FFFF_FFFF)
    return UUID(int=value)


def is_uuid(text: str) -> bool:
    """Tell whether `text` is a UUID: what a browser or a stored reference holds may be anything."""
    try:
        UUID(text)
    except ValueError:
        return False
    return True
