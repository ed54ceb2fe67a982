"""Server-sent events from the ledger (WHATWG HTML, 9.2); `id:` is the sequence number to resume after."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import UUID

import orjson
from django.http import StreamingHttpResponse
from rest_framework.request import Request

from apps.core.exceptions import Invalid
from apps.core.streams import StoredEvent, current_hub

KEEP_ALIVE_S: Final = 15.0


def event_response(first: dict[str, Any] | None, message_id: UUID, after_seq: int) -> StreamingHttpResponse:
    """A response that follows an answer to its end. first: data of a `message.created` event, sent before."""
    response = StreamingHttpResponse(_frames(first, message_id, after_seq), content_type="text/event-stream")
    response["Cache-Control"] = "no-cache, no-transform"
    response["X-Accel-Buffering"] = "no"  # nginx would collect the tokens
    return response


def closed_response(type_: str, data: dict[str, Any]) -> StreamingHttpResponse:
    """The last event of an answer whose stream isn't kept any more."""

    async def frames() -> AsyncIterator[bytes]:
        yield _frame(type_, orjson.dumps(data).decode())

    response = StreamingHttpResponse(frames(), content_type="text/event-stream")
    response["Cache-Control"] = "no-cache, no-transform"
    return response


def last_event_id(request: Request) -> int:
    """The sequence number a client wants to go on after; raises Invalid."""
    raw = request.headers.get("Last-Event-ID") or request.query_params.get("after_seq") or "0"
    if not raw.isascii() or not raw.isdigit() or len(raw) > 9:
        raise Invalid("Last-Event-ID is the number of the last event you have.")
    return int(raw)


async def _frames(first: dict[str, Any] | None, message_id: UUID, after_seq: int) -> AsyncIterator[bytes]:
    if first is not None:
        yield _frame("message.created", orjson.dumps(first).decode())
    async with contextlib.aclosing(current_hub().subscribe(message_id, after_seq)) as events:
        waiting: asyncio.Task[StoredEvent] | None = None
        try:
            while True:
                waiting = waiting or asyncio.ensure_future(anext(events))
                done, _ = await asyncio.wait({waiting}, timeout=KEEP_ALIVE_S)
                if not done:
                    yield b": keep-alive\n\n"
                    continue
                try:
                    event = waiting.result()
                except StopAsyncIteration:
                    return
                waiting = None
                yield _frame(event.type, event.json, event.seq)
        finally:
            if waiting is not None:
                waiting.cancel()
                await asyncio.wait({waiting})


def _frame(type_: str, json: str, seq: int | None = None) -> bytes:
    identity = "" if seq is None else f"id: {seq}\n"
    return f"{identity}event: {type_}\ndata: {json}\n\n".encode()
