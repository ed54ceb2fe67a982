"""Writing texts in other alphabets and back."""

from __future__ import annotations

import base64
import binascii
import html
from collections.abc import Callable
from typing import Literal
from urllib.parse import quote, unquote

Encoding = Literal["base64", "base64url", "url", "html", "hex"]


def encode(text: str, encoding: Encoding) -> str:
    """UTF-8 bytes of the text in `encoding`."""
    return _ENCODERS[encoding](text)


def decode(text: str, encoding: Encoding) -> str:
    """The text that was encoded; raises ValueError with a sentence when it is no such text."""
    try:
        return _DECODERS[encoding](text)
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise ValueError(f"This is no text in {encoding}.") from error


def _from_base64(text: str, *, url: bool) -> str:
    compact = "".join(text.split())
    padded = compact + "=" * (-len(compact) % 4)
    return base64.b64decode(padded, altchars=b"-_" if url else None, validate=True).decode()


_ENCODERS: dict[Encoding, Callable[[str], str]] = {
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64url": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "url": lambda text: quote(text, safe=""),
    "html": html.escape,
    "hex": lambda text: text.encode().hex(),
}
_DECODERS: dict[Encoding, Callable[[str], str]] = {
    "base64": lambda text: _from_base64(text, url=False),
    "base64url": lambda text: _from_base64(text, url=True),
    "url": lambda text: unquote(text, errors="strict"),
    "html": html.unescape,
    "hex": lambda text: bytes.fromhex(text).decode(),
}
