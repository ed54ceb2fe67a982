"""Receiving a file as the body of a request."""

from __future__ import annotations

import tempfile

from django.conf import settings
from django.core.files.base import File
from django.http import HttpRequest
from django.utils.translation import gettext as _

from apps.core.actors import Actor
from apps.core.exceptions import Invalid
from apps.knowledge.models import Document, KnowledgeBase
from apps.knowledge.services import document as service

_READ_BYTES = 256 * 1024

#: Up to here a file is kept in memory on its way to the storage.
_IN_MEMORY_BYTES = 2 * 1024 * 1024


def receive(actor: Actor, base: KnowledgeBase, request: HttpRequest) -> Document:
    """Add the file in the request's body to a base; the name and the declared size are in the query
    string."""
    name = request.GET.get("name", "")
    if not name.strip():
        raise Invalid(_("The file has no name."))
    declared = max(_number(request.GET.get("size")), _number(request.META.get("CONTENT_LENGTH")))
    if declared > settings.MAX_UPLOAD_BYTES:
        return service.reject_oversized(actor=actor, base=base, name=name, size=declared)
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES) as spool:
        received = 0
        while piece := request.read(_READ_BYTES):
            received += len(piece)
            if received > settings.MAX_UPLOAD_BYTES:
                return service.reject_oversized(actor=actor, base=base, name=name, size=received)
            spool.write(piece)
        spool.seek(0)
        file: File[bytes] = File(spool, name=name)
        file.size = received
        return service.add_document(
            actor=actor, base=base, name=name, content=file, content_type=request.content_type or ""
        )


def _number(value: str | None) -> int:
    return int(value) if value and value.isdigit() else 0
