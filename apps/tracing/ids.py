"""The form of ids in spans and their texts. Plain Python."""

import re
from typing import Final

#: What Langfuse's SDKs leave in place of a file that they have sent apart: its type, id and source.
MEDIA_REFERENCE: Final = re.compile(
    r"@@@langfuseMedia:type=([^|@]{1,120})\|id=([A-Za-z0-9_-]{22})\|source=([a-z0-9_]{1,40})@@@"
)
_DIGITS: Final = frozenset("0123456789abcdef")


def is_trace_id(text: str) -> bool:
    """Whether a text is 32 hex digits in small letters."""
    return len(text) == 32 and _DIGITS.issuperset(text)


def is_span_id(text: str) -> bool:
    """Whether a text is 16 hex digits in small letters."""
    return len(text) == 16 and _DIGITS.issuperset(text)
