"""Answers to writes that a client may send twice."""

from __future__ import annotations

from django.db import models

from apps.core.json import JSONField
from apps.core.models.base import WorkspaceModel
from apps.core.querysets import WorkspaceQuerySet


class IdempotencyRecordQuerySet(WorkspaceQuerySet["IdempotencyRecord"]):
    """Idempotency records."""


class IdempotencyRecord(WorkspaceModel):
    """The first answer to a POST with an `Idempotency-Key`; the same request again gets the same answer."""

    key = models.CharField(max_length=200)
    user_id = models.BigIntegerField()
    request_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)  # null while the first request is under way
    body = JSONField(null=True)

    objects = IdempotencyRecordQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "user_id", "key"], name="core_idempotency_once"),
        ]
        indexes = [models.Index(fields=["created_at"], name="core_idempotency_age")]

    def __str__(self) -> str:
        return self.key
