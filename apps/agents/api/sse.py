"""Answers as server-sent events."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import StreamingHttpResponse

from apps.core.api.sse import follow, last_event_id, single

__all__ = ["closed_response", "event_response", "last_event_id"]


def event_response(first: dict[str, Any] | None, message_id: UUID, after_seq: int) -> StreamingHttpResponse:
    """A response that follows an answer to its end. first: data of a `message.created` event, sent before."""
    return follow(message_id, after_seq, first=None if first is None else ("message.created", first))


def closed_response(type_: str, data: dict[str, Any]) -> StreamingHttpResponse:
    """The last event of an answer whose stream isn't kept any more."""
    return single(type_, data)
