"""The OTLP door in bare ASGI.

Exporters send many small requests that need no session, language, template or form protection. Past Django's
middleware such a request costs a third, and a body that is too large is refused while it comes in.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, ClassVar

from apps.core.exceptions import RateLimited
from apps.tracing.api.otlp import Answer, busy, export, refused, too_bad
from apps.tracing.ingest import current_ingestor
from apps.tracing.otlp import MAX_BYTES, OtlpError

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


async def otlp_traces(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """Answer one `POST`."""
    arriving = _Arriving()
    try:
        body = await arriving.read(receive)
        if body is None:
            return
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }
        answer = await export(headers, body)
    except OtlpError as error:
        answer = too_bad(error)
    except RateLimited as error:
        answer = refused(error)
    finally:
        arriving.end()
    await _send(send, answer)


class _Arriving:
    """A body that comes in. All of them together hold no more memory than the queue behind them has room for."""

    #: Bytes that have come in of all bodies that are not complete.
    total: ClassVar[int] = 0

    def __init__(self) -> None:
        self._held = 0

    async def read(self, receive: Receive) -> bytes | None:
        """The body; None when the client went away. Raises OtlpError as soon as it is too large, and RateLimited.

        What there is no room for is read all the same, and forgotten: a client that is cut off while it sends doesn't
        learn that it may send again.
        """
        parts: list[bytes] = []
        size, more, refused = 0, True, False
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            part: bytes = message.get("body", b"")
            size += len(part)
            if size > MAX_BYTES:
                raise OtlpError(
                    f"A request may hold {MAX_BYTES // 2**20} MiB at most.", status=413, code="too_large"
                )
            refused = refused or not self._hold(len(part))
            if refused:
                parts.clear()
                self.end()
            else:
                parts.append(part)
            more = message.get("more_body", False)
        self.end()
        if refused:
            raise busy()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _hold(self, size: int) -> bool:
        """Take up `size` bytes more; False when there is no room for them."""
        self._held += size
        _Arriving.total += size
        return _Arriving.total <= current_ingestor().room

    def end(self) -> None:
        """Weigh no more: the queue counts what is complete."""
        _Arriving.total -= self._held
        self._held = 0


async def _send(send: Send, answer: Answer) -> None:
    headers = {"content-type": answer.content_type, "content-length": str(len(answer.body)), **answer.headers}
    encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
    await send({"type": "http.response.body", "body": answer.body})


#: What `config.asgi` sends past Django: method and path to application.
http_doors = {("POST", path): otlp_traces for path in ("/v1/traces", "/v1/traces/")}
