"""`http_request()`: the only way out, and it goes through the client's broker."""

from __future__ import annotations

import binascii
import json
from typing import TYPE_CHECKING

from apps.core.sandbox.runner import frames

if TYPE_CHECKING:
    from typing import Any

DENIED = "This code has no network. An administrator can allow it hosts by name."


class Response:
    """The answer of a server."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = self.status_code = status
        self.headers = headers
        self.body = self.content = body

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    def __repr__(self) -> str:
        return f"<Response {self.status}>"


def exchange(method: str, url: str, headers: dict[str, str] | None, body: Any) -> dict[str, Any]:
    """Ask the broker.

    Raises:
        ConnectionError: it refused, or the server could not be reached.
    """
    raw = body.encode() if isinstance(body, str) else bytes(body or b"")
    request = {
        "method": str(method),
        "url": str(url),
        "headers": {str(name): str(value) for name, value in (headers or {}).items()},
        "body": binascii.b2a_base64(raw, newline=False).decode(),
    }
    answer: dict[str, Any] = frames.ask(json.dumps(request).encode())
    if "error" in answer:
        raise ConnectionError(answer["error"])
    return answer


def http_request(method: str, url: str, headers: dict[str, str] | None = None, body: Any = b"") -> Response:
    """Make one request through the broker; `body` is text or bytes.

    Raises:
        ConnectionError: the host is not allowed, or could not be reached.
    """
    answer = exchange(method, url, headers, body)
    return Response(answer["status"], answer["headers"], binascii.a2b_base64(answer["body"]))
