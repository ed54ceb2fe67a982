"""Lists of scores from a cursor on: newest first, by the time they were given and their id."""

import base64
import binascii
import json
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from apps.core.exceptions import Invalid
from apps.tracing.models import Score
from apps.tracing.querysets import ScoreQuerySet


def read_after(found: ScoreQuerySet, cursor: str, limit: int) -> tuple[list[Score], str | None]:
    """Rows after the cursor, and the cursor of the next ones; raises Invalid for what is no cursor."""
    if cursor:
        at, pk = _decode(cursor)
        found = found.filter(timestamp__lte=at).filter(Q(timestamp__lt=at) | Q(timestamp=at, id__lt=pk))
    rows = list(found.order_by("-timestamp", "-id")[: limit + 1])
    more, rows = len(rows) > limit, rows[:limit]
    return rows, _encode(rows[-1]) if more else None


def _encode(score: Score) -> str:
    place = json.dumps([score.timestamp.isoformat(), str(score.pk)])
    return base64.urlsafe_b64encode(place.encode()).decode()


def _decode(cursor: str) -> tuple[datetime, UUID]:
    try:
        at, pk = json.loads(base64.urlsafe_b64decode(cursor))
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None:
            raise Invalid("The cursor is not one of this list.")
        return moment, UUID(pk)
    except (ValueError, TypeError, AttributeError, binascii.Error):
        raise Invalid("The cursor is not one of this list.") from None
