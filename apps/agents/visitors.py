"""The cookie that tells visitors of public pages apart. It holds a random name, nothing about the person."""

from __future__ import annotations

import secrets
from typing import Final

from django.core import signing
from django.http import HttpRequest
from django.http.response import HttpResponseBase

COOKIE: Final = "fw_visitor"
SALT: Final = "agents.share"
_AGE_S: Final = 365 * 24 * 3600


def visitor_of(request: HttpRequest) -> str | None:
    """The visitor's name, when the request carries a cookie of ours."""
    try:
        value = request.get_signed_cookie(COOKIE, salt=SALT)
    except (KeyError, signing.BadSignature):
        return None
    return str(value)


def new_visitor() -> str:
    """A name nobody has."""
    return secrets.token_urlsafe(18)


def remember(request: HttpRequest, response: HttpResponseBase, visitor: str) -> None:
    """Give the visitor their cookie."""
    response.set_signed_cookie(
        COOKIE, visitor, salt=SALT, max_age=_AGE_S, httponly=True, samesite="Lax", secure=request.is_secure()
    )
