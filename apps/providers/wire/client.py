"""The calls themselves: chat, embeddings, rerank and the model list of one OpenAI-compatible endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson

from apps.core.http import BlockedAddress, ResponseTooLarge, read_limited
from apps.providers.wire import chat, embeddings, rerank
from apps.providers.wire.errors import WireError, WireReason, error_from_response
from apps.providers.wire.events import Completed, StreamEvent
from apps.providers.wire.messages import ChatRequest
from apps.providers.wire.quirks import Quirk
from apps.providers.wire.sse import EventTooLargeError, SSEDecoder
from apps.providers.wire.usage import Usage
from apps.providers.wire.watchdog import Watchdog

MAX_ANSWER_BYTES = 64 * 1024 * 1024
MAX_ERROR_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds allowed: to connect, to the first token, between tokens, and in all."""

    connect_s: float = 10.0
    first_token_s: float = 60.0
    between_tokens_s: float = 60.0
    total_s: float = 600.0


@dataclass(frozen=True, slots=True)
class OpenAIClient:
    """One endpoint as seen through a session (`apps.core.http.client_session`), which stays the caller's.

    `base_url` ends where `/chat/completions` begins, as in `https://api.openai.com/v1`. Every method raises
    `WireError` and nothing else (besides cancellation).
    """

    session: aiohttp.ClientSession
    base_url: str
    api_key: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    timeouts: Timeouts = Timeouts()

    async def stream_chat(
        self, model: str, request: ChatRequest, quirks: frozenset[Quirk] = frozenset()
    ) -> AsyncGenerator[StreamEvent, None]:
        """Yields deltas as they arrive, then one `Completed`.

        Closing the generator closes the socket at once, so that the vendor stops generating; wrap it in
        `contextlib.aclosing`. A stream that ends without a finish reason is `INTERRUPTED`.
        """
        assembler = chat.ChatAssembler(request, model)
        body = chat.build_body(model, request, stream=True, quirks=quirks)
        async with self._post("chat/completions", body) as response:
            if response.content_type == "application/json":
                # A server that does not stream answers in one piece.
                yield chat.parse_completion(await self._read(response), request, model)
                return
            async for data in self._payloads(response):
                if data == b"[DONE]":
                    yield assembler.finish()
                    return
                for event in assembler.feed(data):
                    yield event
        if not assembler.finish_reason:
            raise WireError(WireReason.INTERRUPTED, "The stream ended in the middle of the answer.")
        yield assembler.finish()

    async def chat(self, model: str, request: ChatRequest) -> Completed:
        """The whole answer in one piece."""
        data = await self._call("chat/completions", chat.build_body(model, request, stream=False))
        return chat.parse_completion(data, request, model)

    async def embed(
        self, model: str, texts: Sequence[str], dimensions: int | None = None
    ) -> tuple[list[list[float]], Usage]:
        """(vectors, usage) of one request; cut long lists with `embeddings.batches` first."""
        data = await self._call("embeddings", embeddings.build_body(model, texts, dimensions))
        return embeddings.parse(data, texts)

    async def rerank(
        self, model: str, query: str, documents: Sequence[str], top_n: int, style: rerank.Style = "jina"
    ) -> tuple[list[rerank.RankedDocument], Usage]:
        """(best first, usage)."""
        body = rerank.build_body(style, model, query, documents, top_n)
        return rerank.parse(await self._call("rerank", body), query, documents, top_n)

    async def list_models(self) -> list[str]:
        """The model names the endpoint offers, sorted."""
        async with self._request("GET", "models", None) as response:
            data = await self._read(response)
        try:
            return sorted({str(row["id"]) for row in orjson.loads(data)["data"]})
        except (KeyError, TypeError, ValueError):
            raise WireError(
                WireReason.MALFORMED, "The endpoint did not answer with a list of models."
            ) from None

    async def _call(self, path: str, body: dict[str, Any]) -> bytes:
        async with self._post(path, body) as response:
            return await self._read(response)

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        return self._request("POST", path, orjson.dumps(body))

    @asynccontextmanager
    async def _request(
        self, method: str, path: str, data: bytes | None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A response with status 200, closed (not kept) on any error or early exit."""
        response: aiohttp.ClientResponse | None = None
        try:
            response = await self._send(method, path, data)
            if response.status != 200:
                raise await self._failure(response)
            yield response
        except BlockedAddress as error:
            raise WireError(WireReason.BLOCKED, str(error)) from None
        except TimeoutError:
            raise WireError(WireReason.TIMEOUT, "No answer in time.") from None
        except aiohttp.ClientConnectorError as error:
            raise WireError(WireReason.UNREACHABLE, _connect_detail(error)) from None
        except aiohttp.InvalidURL:
            raise WireError(WireReason.UNREACHABLE, "The base URL is not a valid http(s) address.") from None
        except aiohttp.ClientError as error:
            reason = WireReason.INTERRUPTED if response else WireReason.UNREACHABLE
            raise WireError(reason, f"The connection was lost ({type(error).__name__}).") from None
        finally:
            # After a complete answer the connection is back in the pool already, and this closes nothing.
            if response is not None:
                response.close()

    async def _send(self, method: str, path: str, data: bytes | None) -> aiohttp.ClientResponse:
        """The response's head, which most servers send with the first token."""
        try:
            async with asyncio.timeout(self.timeouts.first_token_s):
                return await self.session.request(
                    method,
                    f"{self.base_url.rstrip('/')}/{path}",
                    data=data,
                    headers=self._headers(data),
                    # A redirect would carry the key to another host.
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=None, connect=self.timeouts.connect_s),
                )
        except TimeoutError:
            limit = f"No answer within {self.timeouts.first_token_s:g} seconds."
            raise WireError(WireReason.TIMEOUT, limit) from None

    def _headers(self, data: bytes | None) -> dict[str, str]:
        headers = dict(self.headers)
        if data is not None:
            headers["Content-Type"] = "application/json"
        if self.api_key:
            headers["Authorization"] = f"Bearer {self.api_key}"
        return headers

    async def _failure(self, response: aiohttp.ClientResponse) -> WireError:
        if 300 <= response.status < 400:
            return WireError(
                WireReason.NOT_FOUND, "The base URL redirects elsewhere.", status=response.status
            )
        async with asyncio.timeout(self.timeouts.connect_s):
            body = await response.content.read(MAX_ERROR_BYTES)
        error = error_from_response(response.status, body, response.headers.get("Retry-After"))
        if self.api_key:
            error.detail = error.detail.replace(self.api_key, "[key]")
            error.args = (str(error).replace(self.api_key, "[key]"),)
        return error

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        try:
            async with asyncio.timeout(self.timeouts.total_s):
                return await read_limited(response, MAX_ANSWER_BYTES)
        except ResponseTooLarge as error:
            raise WireError(WireReason.MALFORMED, str(error)) from None

    async def _payloads(self, response: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
        """The data of each event, under the limits between tokens and in all."""
        limits = self.timeouts
        watchdog = Watchdog(idle_s=limits.between_tokens_s, total_s=limits.total_s, expire=response.close)
        decoder = SSEDecoder()
        read = response.content.readany
        try:
            while chunk := await read():
                watchdog.seen()
                for data in decoder.feed(chunk):
                    yield data
            for data in decoder.finish():
                yield data
        except aiohttp.ClientError:
            if not watchdog.expired:
                raise
        except EventTooLargeError:
            raise WireError(WireReason.MALFORMED, "One event of the stream is too large.") from None
        finally:
            watchdog.stop()
        if watchdog.expired == "idle":
            raise WireError(WireReason.TIMEOUT, f"Nothing came for {limits.between_tokens_s:g} seconds.")
        if watchdog.expired == "total":
            raise WireError(
                WireReason.TIMEOUT, f"The answer was not complete after {limits.total_s:g} seconds."
            )


def _connect_detail(error: aiohttp.ClientConnectorError) -> str:
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"The host {error.host} is not known."
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"The certificate of {error.host} is not valid."
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return f"{error.host}:{error.port} does not speak TLS."
    return f"Nothing answers at {error.host}:{error.port}."
