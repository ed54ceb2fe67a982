"""`POST /v1/loop/files/upload`: what is too long for a span, and its attachments."""

from __future__ import annotations

import base64
import hashlib
import mimetypes
import re
from typing import Any, Final

from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.exceptions import Invalid
from apps.core.models.api_key import Scope
from apps.interop.base import AdapterView
from apps.interop.cozeloop.prompts import failed
from apps.tracing.services.media import Use, announce_media, upload_media

SOURCE: Final = "cozeloop.file"
#: The SDK names files by trace, span, field and kind.
_KEY: Final = re.compile(r"([0-9a-f]{32})_([0-9a-f]{16})_([A-Za-z0-9]+)_([a-z]+)")
#: How content of a kind begins, where its name doesn't tell its type.
_SIGNATURES: Final = {
    b"\x89PNG": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"%PDF": "application/pdf",
}


class FilesView(AdapterView):
    """Files are kept as media of the trace they belong to, under the key that its spans name."""

    required_scopes = {"POST": Scope.INGEST}
    parser_classes = [MultiPartParser]

    def post(self, request: Request) -> Response:
        """The same content again changes nothing."""
        file: Any = request.FILES.get("file")
        if file is None:
            raise Invalid("`file` is missing.")
        key = str(file.name or "").replace("\0", "")
        named = _KEY.match(key.lower())
        use = Use(source_type=SOURCE, source_id=key)
        if named is not None:
            use = Use(named[1], named[2], SOURCE, key, named[3])
        digest = hashlib.sha256()
        for chunk in file.chunks():
            digest.update(chunk)
        media = announce_media(
            actor=self.actor,
            workspace=self.workspace,
            sha256=base64.b64encode(digest.digest()).decode(),
            content_type=_type_of(file, named[4] if named else ""),
            size=file.size,
            use=use,
        )
        if media.uploaded_at is None:
            upload_media(media=media, chunks=file.chunks())
        return Response({"code": 0, "msg": "", "data": {"media_id": media.media_id}})

    def handle_exception(self, error: Exception) -> Response:
        """An error in the SDK's shape."""
        return failed(super().handle_exception(error))


def _type_of(file: Any, kind: str) -> str:
    if kind == "text":
        return "text/plain"
    file.seek(0)
    head = file.read(8)
    file.seek(0)
    known = next((name for start, name in _SIGNATURES.items() if head.startswith(start)), None)
    return known or mimetypes.guess_type(str(file.name))[0] or "application/octet-stream"
