"""Answers with a list that may be long: encoded row by row, and sent while it is read once it is large."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, Final

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from apps.agents.threads import each_in_thread

#: Answers up to this size are made before they are sent, so that what goes wrong can still be told.
INLINE_BYTES: Final = 4 * 1024 * 1024
_TYPE: Final = "application/json"


def answer(
    request: Request, document: Mapping[str, Any], name: str, rows: Iterable[Mapping[str, Any]]
) -> HttpResponseBase:
    """`document` with the list `name` beside its other values. Holds INLINE_BYTES and one row at most."""
    pieces = _pieces(document, name, rows)
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size > INLINE_BYTES:
            return _streamed(request, chain(held, pieces))
    return HttpResponse(b"".join(held), content_type=_TYPE)


def _pieces(document: Mapping[str, Any], name: str, rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    encode = JSONRenderer().render
    others = encode(document)[1:-1]
    yield b"{" + (others + b"," if others else b"") + encode(name) + b":["
    between = b""
    for row in rows:
        yield between + encode(row)
        between = b","
    yield b"]}"


def _streamed(request: Request, pieces: Iterator[bytes]) -> StreamingHttpResponse:
    awaited = isinstance(request._request, ASGIRequest)
    return StreamingHttpResponse(each_in_thread(pieces) if awaited else pieces, content_type=_TYPE)
