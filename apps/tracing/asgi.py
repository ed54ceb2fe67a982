"""The OTLP door in bare ASGI.

Exporters send many small requests that need no session, language, template or form protection. Past Django's
middleware such a request costs a third, and a body that is too large is refused while it comes in.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from apps.tracing.api.otlp import Answer, export, too_bad
from apps.tracing.otlp import MAX_BYTES, OtlpError

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


async def otlp_traces(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """Answer one `POST`."""
    try:
        body = await _read(receive)
    except OtlpError as error:
        await _send(send, too_bad(error))
        return
    if body is None:
        return
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    await _send(send, await export(headers, body))


async def _read(receive: Receive) -> bytes | None:
    """The body; None when the client went away. Raises OtlpError as soon as it is too large."""
    parts: list[bytes] = []
    size, more = 0, True
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
        parts.append(part)
        more = message.get("more_body", False)
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def _send(send: Send, answer: Answer) -> None:
    headers = {"content-type": answer.content_type, "content-length": str(len(answer.body)), **answer.headers}
    encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
    await send({"type": "http.response.body", "body": answer.body})


#: What `config.asgi` sends past Django: method and path to application.
http_doors = {("POST", path): otlp_traces for path in ("/v1/traces", "/v1/traces/")}
