"""Handing a file out without holding it: read in pieces, also where the server awaits them."""

from collections.abc import AsyncIterator, Iterator
from typing import Final

from asgiref.sync import sync_to_async
from django.core.files import File
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.http import content_disposition_header

PIECE_BYTES: Final = 256 * 1024


def file_response(
    request: HttpRequest, file: "File[bytes]", *, filename: str, content_type: str
) -> StreamingHttpResponse:
    """A download of an open binary file, which is closed at the end."""
    pieces = _pieces_async(file) if isinstance(request, ASGIRequest) else _pieces(file)
    response = StreamingHttpResponse(pieces, content_type=content_type)
    response.headers["Content-Length"] = str(file.size)
    response.headers["Content-Disposition"] = str(content_disposition_header(True, filename))
    return response


def _pieces(file: "File[bytes]") -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE_BYTES):
            yield piece


async def _pieces_async(file: "File[bytes]") -> AsyncIterator[bytes]:
    # the disk may be slow: reading must not hold up what else the process answers
    read = sync_to_async(file.read, thread_sensitive=False)
    try:
        while piece := await read(PIECE_BYTES):
            yield piece
    finally:
        await sync_to_async(file.close, thread_sensitive=False)()
