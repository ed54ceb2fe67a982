"""One signed request to somebody's webhook, through the SSRF-safe client."""

import json
import time
from typing import Any, Final

import aiohttp

from apps.core.http import BlockedAddress, client_session
from apps.core.http.signing import sign

TIMEOUT_S: Final = 10.0
_SHOWN: Final = 200


class WebhookError(Exception):
    """The webhook did not take the message; the message says why."""


async def send(url: str, secret: str, document: dict[str, Any], *, allow_private: bool) -> int:
    """Deliver a document; returns the status. Raises WebhookError unless it was taken."""
    body = json.dumps(document, ensure_ascii=False).encode()
    timestamp = str(int(time.time()))
    headers = {
        "Content-Type": "application/json",
        "X-Flywheel-Event": document["id"],
        "X-Flywheel-Timestamp": timestamp,
    }
    if secret:
        headers["X-Flywheel-Signature"] = sign(secret, timestamp, body)
    try:
        async with (
            client_session(allow_private=allow_private, timeout=TIMEOUT_S) as session,
            session.post(url, data=body, headers=headers, allow_redirects=False) as response,
        ):
            if not 200 <= response.status < 300:
                said = (await response.content.read(_SHOWN)).decode("utf-8", "replace")
                raise WebhookError(f"The webhook answered {response.status}: {said}".strip())
            return response.status
    except BlockedAddress as error:
        raise WebhookError(str(error)) from None
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        # the address may hold a secret, and so may what the library says about it
        raise WebhookError(f"The webhook could not be reached: {type(error).__name__}.") from None
