"""Compressed request bodies, inflated up to a limit."""

import zlib
from typing import Final

#: What exporters send at most by themselves, uncompressed.
MAX_BYTES: Final = 64 * 2**20

_GZIP: Final = 16 + zlib.MAX_WBITS
_RAW: Final = -zlib.MAX_WBITS


class OtlpError(Exception):
    """The request as a whole can't be read. `status` is the HTTP status, the message says what is wrong."""

    def __init__(self, message: str, *, status: int = 400, code: str = "malformed") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def inflate(body: bytes, encoding: str, limit: int = MAX_BYTES) -> bytes:
    """`body` without its content encoding (none, gzip, deflate); raises OtlpError when it is broken or too large."""
    if len(body) > limit:
        raise _too_large(limit)
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding == "gzip":
        return _inflate(body, _GZIP, limit)
    if encoding == "deflate":
        # the standard means zlib's form; some clients send the bare stream
        zlib_form = len(body) > 1 and body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0
        return _inflate(body, zlib.MAX_WBITS if zlib_form else _RAW, limit)
    raise OtlpError(
        f"The content encoding {encoding[:40]!r} is not supported; use gzip, deflate or none.",
        status=415,
        code="encoding",
    )


def _inflate(body: bytes, window: int, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while body:
        inflater = zlib.decompressobj(window)
        try:
            part = inflater.decompress(body, limit - size + 1)
        except zlib.error as error:
            raise OtlpError(f"The compressed body is broken: {error}.") from None
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
        if not inflater.eof:
            raise OtlpError("The compressed body ends too early.")
        body = inflater.unused_data if window == _GZIP else b""  # gzip allows several members
    return b"".join(parts)


def _too_large(limit: int) -> OtlpError:
    return OtlpError(
        f"A request may hold {limit // 2**20} MiB at most, uncompressed. Send smaller batches.",
        status=413,
        code="too_large",
    )
