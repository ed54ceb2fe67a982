"""How a call over the wire fails, and what the vendor said about it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any

import orjson

from apps.core.numbers import whole_number

MAX_MESSAGE_CHARS = 300
_KEY_LIKE = re.compile(
    r"\b(?:sk|pk|rk)-[\w\-*]{4,}|\bBearer\s+\S+|\b(?=\w*\d)[A-Za-z0-9_\-]{32,}", re.IGNORECASE
)
_TOO_LONG = re.compile(
    r"context.?length|maximum context|too many tokens|(prompt|input).{0,20}too long", re.IGNORECASE
)


class WireReason(StrEnum):
    """Why a call failed, as far as the caller's next step depends on it."""

    UNREACHABLE = "unreachable"  # no connection: wrong host, refused, DNS, TLS
    BLOCKED = "blocked"  # our own address check refused it
    TIMEOUT = "timeout"  # no answer in time
    RATE_LIMITED = "rate_limited"  # 429
    BAD_KEY = "bad_key"  # 401, 403
    NOT_FOUND = "not_found"  # 404: wrong base URL or model name
    TOO_LONG = "too_long"  # the prompt does not fit the context window
    REJECTED = "rejected"  # any other 4xx
    UNAVAILABLE = "unavailable"  # 5xx
    INTERRUPTED = "interrupted"  # the stream broke off
    MALFORMED = "malformed"  # an answer that can't be read


RETRYABLE = frozenset(
    {
        WireReason.UNREACHABLE,
        WireReason.TIMEOUT,
        WireReason.RATE_LIMITED,
        WireReason.UNAVAILABLE,
        WireReason.INTERRUPTED,
        WireReason.MALFORMED,
    }
)


class WireError(Exception):
    """A failed call. `detail` is the vendor's own message: shortened, and with anything like a key masked."""

    def __init__(
        self,
        reason: WireReason,
        detail: str = "",
        *,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.reason = reason
        self.detail = mask_keys(detail.strip())[:MAX_MESSAGE_CHARS]
        self.status = status
        self.retry_after = retry_after
        super().__init__(f"{reason}: {self.detail}" if self.detail else str(reason))

    @property
    def retryable(self) -> bool:
        """True when the same call may succeed a moment later."""
        return self.reason in RETRYABLE


def mask_keys(text: str) -> str:
    """Vendors quote the key they refuse; a message of ours never does."""
    return _KEY_LIKE.sub("[key]", text)


def _reason_of(status: int, message: str) -> WireReason:
    if status == 429:
        return WireReason.RATE_LIMITED
    if status in (401, 403):
        return WireReason.BAD_KEY
    if status == 404:
        return WireReason.NOT_FOUND
    if status == 408:
        return WireReason.TIMEOUT
    if status >= 500:
        return WireReason.UNAVAILABLE
    if status == 413 or _TOO_LONG.search(message):
        return WireReason.TOO_LONG
    return WireReason.REJECTED


def _message_of(error: Any) -> str:
    """The text in the shapes of an error: `{"error": {"message": …}}`, `{"error": …}`, `{"detail": …}`."""
    if isinstance(error, str):
        return error
    if isinstance(error, dict):
        for name in ("message", "error", "detail", "msg"):
            if error.get(name):
                return _message_of(error[name])
    if isinstance(error, list) and error:
        return _message_of(error[0])
    return ""


def retry_after_seconds(value: str | None, now: datetime | None = None) -> float | None:
    """From a Retry-After header: seconds, or an HTTP date."""
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())


def error_from_response(status: int, body: bytes, retry_after: str | None = None) -> WireError:
    """The error for an HTTP answer that is not a success; HTML pages of proxies are not quoted."""
    try:
        message = _message_of(orjson.loads(body))
    except orjson.JSONDecodeError:
        text = body.decode(errors="replace")
        message = "" if "<" in text[:200] else text
    return WireError(
        _reason_of(status, message),
        message or f"HTTP {status}",
        status=status,
        retry_after=retry_after_seconds(retry_after),
    )


def error_from_event(error: Any) -> WireError:
    """The error for an error object inside a stream."""
    code = error.get("code") if isinstance(error, dict) else None
    message = _message_of(error) or "The stream reported an error."
    status = code if isinstance(code, int) and 400 <= code < 600 else None
    if isinstance(code, str):
        status = whole_number(code)
    return WireError(
        _reason_of(status, message) if status else WireReason.UNAVAILABLE, message, status=status
    )
