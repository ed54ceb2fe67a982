"""Token streams of finished answers: the message has the text, the stream can go."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from apps.agents.models import Message
from apps.core.streams import purge

_BATCH = 500


def purge_old_streams() -> int:
    """Delete streams that ended more than STREAM_RETENTION_DAYS ago; returns how many events went."""
    before = timezone.now() - timedelta(days=settings.STREAM_RETENTION_DAYS)
    gone = 0
    while True:
        with transaction.atomic():
            old = Message.objects.with_old_streams(before).order_by("finished_at")
            ids = list(old.select_for_update(skip_locked=True).values_list("pk", flat=True)[:_BATCH])
            if not ids:
                return gone
            with connection.cursor() as cursor:
                gone += purge(cursor, ids)
            Message.objects.filter(pk__in=ids).update(stream_kept=False)
