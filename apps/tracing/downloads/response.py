"""Handing a file out without holding it: read in pieces, also where the server awaits them."""

from collections.abc import AsyncIterator, Generator
from contextlib import suppress
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
    response = StreamingHttpResponse(stream_steps(request, _pieces(file)), content_type=content_type)
    response.headers["Content-Length"] = str(file.size)
    response.headers["Content-Disposition"] = str(content_disposition_header(True, filename))
    return response


def stream_steps(request: HttpRequest, steps: Generator[bytes]) -> Generator[bytes] | AsyncIterator[bytes]:
    """The steps of a body for StreamingHttpResponse, made off the loop where the server awaits them."""
    return _awaited(steps) if isinstance(request, ASGIRequest) else steps


def _pieces(file: "File[bytes]") -> Generator[bytes]:
    with file:
        while piece := file.read(PIECE_BYTES):
            yield piece


async def _awaited(steps: Generator[bytes]) -> AsyncIterator[bytes]:
    # a disk may be slow, and so is unpacking: neither must hold up what else the process answers
    step_of = sync_to_async(lambda: next(steps, None), thread_sensitive=False)
    try:
        while (step := await step_of()) is not None:
            yield step
    finally:
        # where the client left, a thread may still make the last step: the generator is closed as it is let go
        with suppress(ValueError):
            await sync_to_async(steps.close, thread_sensitive=False)()
