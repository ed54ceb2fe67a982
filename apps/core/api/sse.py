"""Server-sent events from the ledger (WHATWG HTML, 9.2); `id:` is the sequence number to resume after."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any, Final, TypeVar
from uuid import UUID

import orjson
from django.http import StreamingHttpResponse
from rest_framework.request import Request

from apps.core.exceptions import Invalid
from apps.core.numbers import whole_number
from apps.core.streams import TERMINAL_TYPES, StoredEvent, current_hub

KEEP_ALIVE_S: Final = 15.0

#: Type and data of an event that has no number.
PlainEvent = tuple[str, dict[str, Any]]
Event = TypeVar("Event")


def follow(
    stream_id: UUID,
    after_seq: int,
    *,
    first: PlainEvent | None = None,
    until: frozenset[str] = TERMINAL_TYPES,
) -> StreamingHttpResponse:
    """A response that follows a stream after an event, until one of the types in `until`. first: type and data of an
    event sent before, which has no number."""

    def subscribe() -> AsyncGenerator[StoredEvent, None]:
        return current_hub().subscribe(stream_id, after_seq, until=until)

    return _response(_frames(subscribe, _stored_frame, _plain_frame(first) if first is not None else b""))


def single(type_: str, data: dict[str, Any]) -> StreamingHttpResponse:
    """A response of one event: the end of a stream that isn't kept any more."""

    async def frames() -> AsyncIterator[bytes]:
        yield _plain_frame((type_, data))

    return _response(frames())


def stream(events: AsyncGenerator[PlainEvent, None]) -> StreamingHttpResponse:
    """A response of events (type, data) that are kept nowhere; closed with the client's connection."""
    return _response(_frames(lambda: events, _plain_frame))


def last_event_id(request: Request) -> int:
    """The sequence number a client wants to go on after; raises Invalid."""
    raw = request.headers.get("Last-Event-ID") or request.query_params.get("after_seq") or "0"
    if (number := whole_number(raw)) is None:
        raise Invalid("Last-Event-ID is the number of the last event you have.")
    return number


def _response(frames: AsyncIterator[bytes]) -> StreamingHttpResponse:
    response = StreamingHttpResponse(frames, content_type="text/event-stream")
    response["Cache-Control"] = "no-cache, no-transform"
    response["X-Accel-Buffering"] = "no"  # nginx would collect the tokens
    return response


async def _frames(
    subscribe: Callable[[], AsyncGenerator[Event, None]], framed: Callable[[Event], bytes], first: bytes = b""
) -> AsyncIterator[bytes]:
    """Events as they come, and comments while none does. Subscribed to in the loop that serves the response."""
    if first:
        yield first
    async with contextlib.aclosing(subscribe()) as events:
        waiting: asyncio.Task[Event] | None = None
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
                yield framed(event)
        finally:
            if waiting is not None:
                waiting.cancel()
                await asyncio.wait({waiting})


def _stored_frame(event: StoredEvent) -> bytes:
    return _frame(event.type, event.json, event.seq)


def _plain_frame(event: PlainEvent) -> bytes:
    type_, data = event
    return _frame(type_, orjson.dumps(data, default=str).decode())


def _frame(type_: str, json: str, seq: int | None = None) -> bytes:
    identity = "" if seq is None else f"id: {seq}\n"
    return f"{identity}event: {type_}\ndata: {json}\n\n".encode()
