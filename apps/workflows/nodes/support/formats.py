"""The `format` keyword of JSON Schema: those formats that people use, checked without further packages."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from datetime import date, datetime, time
from functools import cache
from urllib.parse import urlsplit
from uuid import UUID

import regex
from jsonschema import FormatChecker

_EMAIL = regex.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)*")
_LABEL = regex.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")
_POINTER = regex.compile(r"(/([^~]|~[01])*)?")


def is_date(text: str) -> bool:
    """RFC 3339 date: 2026-01-31."""
    return len(text) == 10 and bool(date.fromisoformat(text))


def is_date_time(text: str) -> bool:
    """RFC 3339 date and time, with the offset from UTC."""
    return len(text) > 10 and text[10] in "Tt " and datetime.fromisoformat(text.upper()).tzinfo is not None


def is_time(text: str) -> bool:
    """RFC 3339 time: 10:15:00Z, 10:15:00+02:00."""
    return time.fromisoformat(text.upper()) is not None and text.count(":") >= 2


def is_email(text: str) -> bool:
    """One @ with something on either side."""
    return _EMAIL.fullmatch(text, timeout=0.1) is not None


def is_hostname(text: str) -> bool:
    """RFC 1123."""
    return 0 < len(text) <= 253 and all(_LABEL.fullmatch(label) for label in text.rstrip(".").split("."))


def is_uri(text: str) -> bool:
    """Has a scheme, and a host where the scheme needs one."""
    parts = urlsplit(text)
    needs_host = parts.scheme in {"http", "https", "ws", "wss", "ftp"}
    return (
        bool(parts.scheme)
        and not any(sign.isspace() for sign in text)
        and bool(parts.netloc or not needs_host)
    )


_FORMATS: dict[str, Callable[[str], object]] = {
    "date": is_date,
    "date-time": is_date_time,
    "time": is_time,
    "email": is_email,
    "hostname": is_hostname,
    "ipv4": ipaddress.IPv4Address,
    "ipv6": ipaddress.IPv6Address,
    "json-pointer": lambda text: _POINTER.fullmatch(text, timeout=0.1),
    "regex": regex.compile,
    "uri": is_uri,
    "uuid": UUID,
}


@cache
def format_checker() -> FormatChecker:
    """All of them; unknown formats are not checked, as the standard says."""
    checker = FormatChecker([])
    for name, check in _FORMATS.items():
        checker.checks(name, raises=(ValueError, TimeoutError, regex.error))(_for_texts(check))
    return checker


def _for_texts(check: Callable[[str], object]) -> Callable[[object], bool]:
    """Formats say nothing about values that are no texts."""
    return lambda value: not isinstance(value, str) or bool(check(value))
