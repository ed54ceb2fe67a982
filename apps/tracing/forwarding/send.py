"""One request to another back end, through the SSRF-safe client."""

import gzip
from collections.abc import Mapping
from typing import Final

import aiohttp

from apps.core.http import BlockedAddress, client_session

TIMEOUT_S: Final = 20.0
_SHOWN: Final = 200
_CONTENT: Final = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}


class SendError(Exception):
    """The back end did not take the spans; the message says why, `status` what it answered (0: nothing)."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


async def send(endpoint: str, body: bytes, headers: Mapping[str, str], *, allow_private: bool) -> None:
    """Deliver an OTLP request; raises SendError unless it was taken."""
    try:
        async with (
            client_session(allow_private=allow_private, timeout=TIMEOUT_S) as session,
            session.post(
                endpoint, data=gzip.compress(body, 5), headers={**headers, **_CONTENT}, allow_redirects=False
            ) as response,
        ):
            if response.status != 200:
                said = (await response.content.read(_SHOWN)).decode("utf-8", "replace")
                message = f"The back end answered {response.status}: {said}".strip()
                raise SendError(message, response.status)
    except BlockedAddress as error:
        raise SendError(str(error)) from None
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise SendError(f"The back end could not be reached: {str(error) or type(error).__name__}.") from None
