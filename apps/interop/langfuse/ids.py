"""Ids of other systems as ours: 32 hexadecimal digits for a trace, 16 for an observation."""

import hashlib
import re

_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_SPAN_ID = re.compile(r"[0-9a-f]{16}")


def trace_id(value: str) -> str:
    """The trace id for whatever a client calls its trace; a UUID only loses its hyphens. Empty for nothing."""
    return _identifier(value, _TRACE_ID, 32)


def span_id(value: str) -> str:
    """The observation id for whatever a client calls its observation; empty for nothing."""
    return _identifier(value, _SPAN_ID, 16)


def _identifier(value: str, pattern: re.Pattern[str], digits: int) -> str:
    plain = value.lower().replace("-", "")
    if not plain or pattern.fullmatch(plain):
        return plain
    # the same id always becomes the same, so that scores and children find what they belong to
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:digits]
