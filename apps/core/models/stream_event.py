"""The run ledger."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from apps.core.json import JSONField


class StreamEvent(models.Model):
    """One event of a run, written once by the stream writer (psycopg, group commit) and never changed.

    A stream is what one answer or one workflow run emits; `seq` counts from 1 without gaps.
    """

    pk = models.CompositePrimaryKey("stream_id", "seq")
    stream_id = models.UUIDField()
    seq = models.IntegerField()
    type = models.CharField(max_length=40)
    data = JSONField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["created_at"], name="core_streamevent_age")]

    def __str__(self) -> str:
        return f"{self.stream_id}#{self.seq} {self.type}"
