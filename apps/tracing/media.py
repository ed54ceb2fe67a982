"""How media is handed out: headers, addresses with a signature."""

import re
from typing import Any, Final
from uuid import UUID

from django.core import signing
from django.http import FileResponse, Http404

from apps.tracing.models import Media

#: Seconds an address with a signature is good for.
GOOD_FOR_S: Final = 3_600
_SALT: Final = "tracing.media"
#: What a browser may show; anything else is downloaded. SVG and HTML could run scripts.
_SHOWN: Final = re.compile(
    r"image/(png|jpeg|jpg|gif|webp|avif|bmp)|audio/[a-z0-9.+-]+|video/[a-z0-9.+-]+|application/pdf|text/plain"
)


def is_shown(content_type: str) -> bool:
    """Whether a browser may show content of this type in a page."""
    return _SHOWN.fullmatch(content_type) is not None


def sign(media: Media, action: str) -> str:
    """A text that lets its holder "put" or "get" this content for a while."""
    return signing.dumps([str(media.workspace_id), media.media_id, action], salt=_SALT, compress=False)


def unsign(token: str, media_id: str, action: str) -> UUID | None:
    """The workspace whose media the token is good for; None when it isn't."""
    try:
        found: Any = signing.loads(token, salt=_SALT, max_age=GOOD_FOR_S)
    except signing.BadSignature:
        return None
    return UUID(found[0]) if found[1:] == [media_id, action] else None


def content_response(media: Media) -> FileResponse:
    """The content, safe to open from anywhere; raises Http404 as long as it isn't there."""
    if media.uploaded_at is None:
        raise Http404
    try:
        file = media.content.open("rb")
    except FileNotFoundError:
        raise Http404 from None
    response = FileResponse(
        file,
        content_type=media.content_type,
        as_attachment=not is_shown(media.content_type),
        filename=media.media_id,
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    # the address follows from the content
    response["Cache-Control"] = "private, max-age=86400, immutable"
    return response
