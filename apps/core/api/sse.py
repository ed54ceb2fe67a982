"""Server-sent events from the ledger (WHATWG HTML, 9.2); `id:` is the sequence number to resume after."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, Final
from uuid import UUID

import orjson
from django.http import StreamingHttpResponse
from rest_framework.request import Request

from apps.core.exceptions import Invalid
from apps.core.streams import TERMINAL_TYPES, StoredEvent, current_hub

KEEP_ALIVE_S: Final = 15.0


def follow(
    stream_id: UUID,
    after_seq: int,
    *,
    first: tuple[str, dict[str, Any]] | None = None,
    until: frozenset[str] = TERMINAL_TYPES,
) -> StreamingHttpResponse:
    """A response that follows a stream after an event, until one of the types in `until`. first: type and data of an
    event sent before, which has no number."""
    return _response(_frames(stream_id, after_seq, first, until))


def single(type_: str, data: dict[str, Any]) -> StreamingHttpResponse:
    """A response of one event: the end of a stream that isn't kept any more."""

    async def frames() -> AsyncIterator[bytes]:
        yield _frame(type_, orjson.dumps(data, default=str).decode())

    return _response(frames())


def stream(events: AsyncGenerator[tuple[str, dict[str, Any]], None]) -> StreamingHttpResponse:
    """A response of events (type, data) that are kept nowhere; closed with the client's connection."""
    return _response(_passing(events))


def last_event_id(request: Request) -> int:
    """The sequence number a client wants to go on after; raises Invalid."""
    raw = request.headers.get("Last-Event-ID") or request.query_params.get("after_seq") or "0"
    if not raw.isascii() or not raw.isdigit() or len(raw) > 9:
        raise Invalid("Last-Event-ID is the number of the last event you have.")
    return int(raw)


def _response(frames: AsyncIterator[bytes]) -> StreamingHttpResponse:
    response = StreamingHttpResponse(frames, content_type="text/event-stream")
    response["Cache-Control"] = "no-cache, no-transform"
    response["X-Accel-Buffering"] = "no"  # nginx would collect the tokens
    return response


async def _passing(events: AsyncGenerator[tuple[str, dict[str, Any]], None]) -> AsyncIterator[bytes]:
    waiting: asyncio.Task[tuple[str, dict[str, Any]]] | None = None
    try:
        while True:
            waiting = waiting or asyncio.ensure_future(anext(events))
            done, _ = await asyncio.wait({waiting}, timeout=KEEP_ALIVE_S)
            if not done:
                yield b": keep-alive\n\n"
                continue
            try:
                type_, data = waiting.result()
            except StopAsyncIteration:
                return
            waiting = None
            yield _frame(type_, orjson.dumps(data, default=str).decode())
    finally:
        if waiting is not None:
            waiting.cancel()
            await asyncio.wait({waiting})
        await events.aclose()


async def _frames(
    stream_id: UUID, after_seq: int, first: tuple[str, dict[str, Any]] | None, until: frozenset[str]
) -> AsyncIterator[bytes]:
    if first is not None:
        yield _frame(first[0], orjson.dumps(first[1], default=str).decode())
    async with contextlib.aclosing(current_hub().subscribe(stream_id, after_seq, until=until)) as events:
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
