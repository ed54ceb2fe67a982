"""The cookie that tells visitors of public pages apart. It holds a random name, nothing about the person."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Final

from django.core import signing
from django.http import HttpRequest
from django.http.response import HttpResponseBase

COOKIE: Final = "fw_visitor"
_AGE_S: Final = 365 * 24 * 3600


def _signer() -> signing.TimestampSigner:
    return signing.TimestampSigner(salt="agents.share.visitor")


def visitor_of(cookies: Mapping[str, str]) -> str | None:
    """The visitor's name, when the cookies of a request or a websocket hold one that we signed."""
    try:
        return _signer().unsign(cookies.get(COOKIE, ""), max_age=_AGE_S)
    except signing.BadSignature:
        return None


def new_visitor() -> str:
    """A name nobody has."""
    return secrets.token_urlsafe(18)


def cookie_value(visitor: str) -> str:
    """What the visitor's cookie holds."""
    return _signer().sign(visitor)


def remember(request: HttpRequest, response: HttpResponseBase, visitor: str) -> None:
    """Give the visitor their cookie."""
    response.set_cookie(
        COOKIE,
        cookie_value(visitor),
        max_age=_AGE_S,
        httponly=True,
        samesite="Lax",
        secure=request.is_secure(),
    )
