"""Requests of nodes through the product's client, which checks every address at the moment it connects."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, NoReturn
from weakref import WeakKeyDictionary

import aiohttp
from yarl import URL

from apps.core.http import BlockedAddress, ResponseTooLarge, client_session, open_connector, read_limited
from apps.workflows.engine.errors import NodeError
from apps.workflows.engine.ports import HttpOptions, HttpResponse

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
#: What is sent on to another server than the one that was asked; keys and cookies are not.
_HARMLESS = frozenset({"accept", "accept-language", "content-type", "user-agent", "idempotency-key"})
_USER_AGENT = "Flywheel"
_DEFAULTS = HttpOptions()

_connectors: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[bool, aiohttp.TCPConnector]] = (
    WeakKeyDictionary()
)


def _connector(*, allow_private: bool) -> aiohttp.TCPConnector:
    """The running loop's pool of connections; runs share it."""
    pool = _connectors.setdefault(asyncio.get_running_loop(), {})
    connector = pool.get(allow_private)
    if connector is None or connector.closed:
        connector = pool[allow_private] = open_connector(allow_private=allow_private, limit=0)
    return connector


async def close() -> None:
    """Close the running loop's connections; for loops that live only as long as one call."""
    for connector in _connectors.pop(asyncio.get_running_loop(), {}).values():
        await connector.close()


class HttpAdapter:
    """The port for one workspace; `allow_private` is its `allow_private_network`."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        params: Sequence[tuple[str, str]] = (),
        body: bytes | None = None,
        form: Sequence[tuple[str, Any]] | None = None,
        options: HttpOptions = _DEFAULTS,
    ) -> HttpResponse:
        """One request with its redirects. Raises NodeError; no message holds more of an address than its host."""
        timeout = aiohttp.ClientTimeout(total=None, connect=options.connect_s, sock_read=options.read_s)
        try:
            target = _with_params(URL(url), params)
        except ValueError as error:
            raise NodeError("The address is malformed.", code="invalid_url") from error
        hop = _Hop(method, target, {"User-Agent": _USER_AGENT, **headers}, body, form)
        connector = _connector(allow_private=self._allow_private)
        async with client_session(connector=connector, timeout=timeout) as session:
            following = _follow(session, hop, options)
            return await _told(asyncio.wait_for(following, options.timeout_s), target)


class _Hop:
    """What is asked next: it changes with every redirect."""

    def __init__(
        self,
        method: str,
        url: URL,
        headers: Mapping[str, str],
        body: bytes | None,
        form: Sequence[tuple[str, Any]] | None,
    ) -> None:
        self.method = method
        self.url = url
        self.headers = dict(headers)
        self.body = body
        self.form = form

    def data(self) -> bytes | aiohttp.FormData | None:
        """The body; a form is built anew for each hop because sending uses it up."""
        if self.form is None:
            return self.body
        data = aiohttp.FormData(default_to_multipart=True)
        for name, value in self.form:
            if isinstance(value, tuple):
                filename, kind, content = value
                data.add_field(name, content, filename=filename, content_type=kind)
            else:
                data.add_field(name, str(value))
        return data

    def redirect(self, status: int, location: str) -> None:
        """Go where the answer points, as browsers do (RFC 9110, 15.4). Raises NodeError."""
        try:
            url = self.url.join(URL(location))
        except ValueError as error:
            raise NodeError("The server redirects to a malformed address.", code="http_redirect") from error
        if url.scheme not in {"http", "https"} or not url.host:
            raise NodeError("The server redirects to something that is not HTTP.", code="http_redirect")
        if status == 303 or (status in {301, 302} and self.method == "POST"):
            self.method = "HEAD" if self.method == "HEAD" else "GET"
            self.body = self.form = None
            self.headers = {
                name: value for name, value in self.headers.items() if not name.lower().startswith("content-")
            }
        if url.origin() != self.url.origin():
            self.headers = {name: value for name, value in self.headers.items() if name.lower() in _HARMLESS}
        self.url = url


async def _follow(session: aiohttp.ClientSession, hop: _Hop, options: HttpOptions) -> HttpResponse:
    for followed in range(options.redirects + 1):
        async with session.request(
            hop.method,
            hop.url,
            headers=hop.headers,
            data=hop.data(),
            allow_redirects=False,
            ssl=True if options.verify_tls else _unverified(),
        ) as response:
            location = response.headers.get("Location", "")
            if response.status not in _REDIRECTS or not location or not options.redirects:
                return await _answer(response, hop, options.max_bytes)
            if followed < options.redirects:
                hop.redirect(response.status, location)
    raise NodeError(f"The server redirected more than {options.redirects} times.", code="http_redirect")


async def _answer(response: aiohttp.ClientResponse, hop: _Hop, max_bytes: int) -> HttpResponse:
    headers: dict[str, str] = {}
    for name, value in response.headers.items():
        lower = name.lower()
        headers[lower] = f"{headers[lower]}, {value}" if lower in headers else value
    body = b"" if hop.method == "HEAD" else await read_limited(response, max_bytes)
    # without what a client would not send either, and without keys in the query
    return HttpResponse(response.status, headers, body, str(hop.url.with_query(None).with_user(None)))


def _with_params(url: URL, params: Sequence[tuple[str, str]]) -> URL:
    if not url.host:
        raise ValueError("no host")
    return url.extend_query(list(params)) if params else url


def _unverified() -> ssl.SSLContext:
    """For servers of one's own whose certificates nobody signed; the author of the workflow asked for it."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def _told(call: Awaitable[HttpResponse], url: URL) -> HttpResponse:
    """Turn what may go wrong into sentences that name the host only."""
    host = url.host or "the server"
    try:
        return await call
    except NodeError:
        raise
    except BlockedAddress as error:
        raise NodeError(str(error), code="http_blocked") from None
    except ResponseTooLarge as error:
        raise NodeError(str(error), code="response_too_large") from None
    except TimeoutError:
        raise NodeError(f"{host} did not answer in time.", code="http_timeout", retryable=True) from None
    except aiohttp.ClientConnectorCertificateError:
        raise NodeError(f"The certificate of {host} is not valid.", code="http_tls") from None
    except aiohttp.ClientSSLError:
        raise NodeError(f"No secure connection to {host} could be made.", code="http_tls") from None
    except aiohttp.ClientError as error:
        _raise_connection(host, error)
    except (ValueError, UnicodeError):
        # a header or name that can't be sent; the message of the library may quote it, so ours does not
        raise NodeError("The request can't be sent as it is.", code="invalid_request") from None


def _raise_connection(host: str, error: aiohttp.ClientError) -> NoReturn:
    blocked = error.__cause__ or error.__context__
    if isinstance(blocked, BlockedAddress):
        raise NodeError(str(blocked), code="http_blocked") from None
    if isinstance(error, aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError):
        raise NodeError("The address is malformed.", code="invalid_url") from None
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        raise NodeError(f"There is no host called {host}.", code="http_connection", retryable=True) from None
    sentence = (
        f"{host} can't be reached."
        if isinstance(error, aiohttp.ClientConnectorError)
        else f"{host} closed the connection before it had answered."
    )
    raise NodeError(sentence, code="http_connection", retryable=True) from None
