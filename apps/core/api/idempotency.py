"""A POST sent twice writes once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

import orjson
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.exceptions import Conflict, Invalid
from apps.core.models import IdempotencyRecord

KEPT_FOR = timedelta(hours=24)
MAX_KEY_LENGTH = 200
Handler = Callable[..., Response]


def idempotent(handler: Handler) -> Handler:
    """Give a write view `Idempotency-Key` semantics.

    The first request's answer is kept for a day and repeated; the same key with another body is a `Conflict`, and so is
    a repetition while the first is still under way. A failed write is forgotten, so that it can be tried again.
    """

    @wraps(handler)
    def guarded(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = request.headers.get("Idempotency-Key", "")
        if not key:
            return handler(view, request, *args, **kwargs)
        record, earlier = _open_record(request, key)
        if earlier is not None:
            return earlier
        try:
            response = handler(view, request, *args, **kwargs)
        except BaseException:
            record.delete()
            raise
        record.status, record.body = (
            response.status_code,
            orjson.loads(orjson.dumps(response.data, default=str)),
        )
        record.save(update_fields=["status", "body", "updated_at"])
        return response

    return guarded


def _open_record(request: Request, key: str) -> tuple[IdempotencyRecord, Response | None]:
    if len(key) > MAX_KEY_LENGTH:
        raise Invalid(_("An Idempotency-Key has at most %(count)d characters.") % {"count": MAX_KEY_LENGTH})
    IdempotencyRecord.objects.filter(created_at__lt=timezone.now() - KEPT_FOR).delete()
    digest = _digest(request)
    identity = {"workspace_id": request.workspace.pk, "user_id": request.user.pk, "key": key}  # type: ignore[attr-defined]  # WorkspaceMiddleware
    try:
        with transaction.atomic():
            return IdempotencyRecord.objects.create(**identity, request_hash=digest), None
    except IntegrityError:
        record = IdempotencyRecord.objects.get(**identity)
    if record.request_hash != digest:
        raise Conflict(_("This Idempotency-Key was used for another request."))
    if record.status is None:
        raise Conflict(_("The first request with this Idempotency-Key is still under way."))
    return record, Response(record.body, status=record.status, headers={"Idempotent-Replay": "true"})


def _digest(request: Request) -> str:
    """Hash what is asked for. An upload is known by its length: reading it here would hold it in memory."""
    upload = (request.content_type or "").startswith("multipart/")
    body = request.headers.get("Content-Length", "").encode() if upload else request.body
    return hashlib.sha256(f"{request.method} {request.path}\n".encode() + body).hexdigest()


def once(request: Request, write: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The same for views that answer by stream: `write` runs once per key; again, its first result is returned.

    Call it in a thread, with the database at hand.
    """
    key = request.headers.get("Idempotency-Key", "")
    if not key:
        return write()
    record, earlier = _open_record(request, key)
    if earlier is not None:
        body: dict[str, Any] = earlier.data
        return body
    try:
        result = write()
    except BaseException:
        record.delete()
        raise
    record.status, record.body = 200, orjson.loads(orjson.dumps(result, default=str))
    record.save(update_fields=["status", "body", "updated_at"])
    return result
