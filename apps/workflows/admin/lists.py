"""Long lists by keyset: rows are ordered by their time-ordered id, a page begins after the last one's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db import models

from apps.core.ids import is_uuid

M = TypeVar("M", bound=models.Model)


@dataclass(frozen=True, slots=True)
class KeysetPage(Generic[M]):
    """Rows, newest first, and the ids that the pages beside this one begin at ("" where there is none)."""

    rows: list[M]
    newer: str
    older: str


def keyset(found: Any, *, before: str, after: str, size: int) -> KeysetPage[Any]:
    """The page of rows older than the id `before`, or the one just newer than `after`. Two queries at most."""
    if is_uuid(after):
        rows = list(found.filter(pk__gt=after).order_by("pk")[: size + 1])
        more, rows = len(rows) > size, rows[:size][::-1]
        return KeysetPage(rows, str(rows[0].pk) if more else "", str(rows[-1].pk) if rows else "")
    if is_uuid(before):
        rows = list(found.filter(pk__lt=before).order_by("-pk")[: size + 1])
        newer = str(rows[0].pk) if rows else ""
    else:
        rows, newer = list(found.order_by("-pk")[: size + 1]), ""
    older = str(rows[size - 1].pk) if len(rows) > size else ""
    return KeysetPage(rows[:size], newer, older)


def first_id(moment: datetime) -> UUID:
    """The smallest id (UUID version 7) of a row made at `moment` or later: a time range on the primary key."""
    milliseconds = max(int(moment.timestamp() * 1000), 0)
    return UUID(int=(milliseconds & 0xFFFF_FFFF_FFFF) << 80 | 0x7 << 76 | 0b10 << 62)
