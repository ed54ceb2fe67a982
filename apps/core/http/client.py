"""aiohttp session whose sockets can only be opened to allowed addresses."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from apps.core.http.addresses import check_address

DEFAULT_TIMEOUT = aiohttp.ClientTimeout(total=60, connect=15)
_AddrInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[object, ...]]


class ResponseTooLarge(aiohttp.ClientError):
    """The body is bigger than the caller is willing to read."""


class _CheckedResolver(AbstractResolver):
    """Refuses a name when any of its addresses is refused: a mixed answer is how rebinding attacks look."""

    def __init__(self, inner: AbstractResolver, *, allow_private: bool) -> None:
        self._inner = inner
        self._allow_private = allow_private

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        results = await self._inner.resolve(host, port, family)
        for result in results:
            check_address(result["host"], allow_private=self._allow_private, host=host)
        return results

    async def close(self) -> None:
        await self._inner.close()


class _CheckedConnector(aiohttp.TCPConnector):
    """Every socket passes through the socket factory, with the very address it is about to be connected to.

    So literals, resolved names and redirects are all covered, and what was checked can't be resolved anew.
    """

    allowed_protocol_schema_set = frozenset({"http", "https"})

    def __del__(self, _warnings: Any = None) -> None:
        """Say nothing: a shared pool ends with its process, when its loop is gone already."""


def open_connector(
    *, allow_private: bool = False, limit: int = 100, resolver: AbstractResolver | None = None
) -> aiohttp.TCPConnector:
    """A pool of connections to allowed addresses, for sessions that share one; the caller closes it.

    `allow_private` lets it reach loopback and private networks. `limit` caps open connections (0: no cap).
    """

    def checked_socket(info: _AddrInfo) -> socket.socket:
        family, kind, protocol, _, address = info
        check_address(str(address[0]), allow_private=allow_private)
        return socket.socket(family, kind, protocol)

    return _CheckedConnector(
        resolver=_CheckedResolver(resolver or aiohttp.ThreadedResolver(), allow_private=allow_private),
        socket_factory=checked_socket,
        limit=limit,
    )


def client_session(
    *,
    allow_private: bool = False,
    timeout: float | aiohttp.ClientTimeout = DEFAULT_TIMEOUT,
    headers: Mapping[str, str] | None = None,
    limit: int = 100,
    resolver: AbstractResolver | None = None,
    connector: aiohttp.TCPConnector | None = None,
) -> aiohttp.ClientSession:
    """A new session; use it as an async context manager, inside a running loop.

    `timeout` is a total in seconds, or a `ClientTimeout`. `connector` is a pool from `open_connector` that
    outlives the session; without it one is made from `allow_private`, `limit` and `resolver`. At most 10
    redirects are followed, each checked like a first request. Proxy settings and .netrc of the system are
    ignored: a proxy connects where nothing is checked. Raises `BlockedAddress` when a request is about to
    leave for a refused address.
    """
    if not isinstance(timeout, aiohttp.ClientTimeout):
        timeout = aiohttp.ClientTimeout(total=timeout, connect=min(timeout, 15))
    return aiohttp.ClientSession(
        connector=connector or open_connector(allow_private=allow_private, limit=limit, resolver=resolver),
        connector_owner=connector is None,
        timeout=timeout,
        headers=headers,
        trust_env=False,
        cookie_jar=aiohttp.DummyCookieJar(),
    )


async def read_limited(response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    """The whole (decompressed) body, or `ResponseTooLarge` as soon as it passes `max_bytes`."""
    declared = response.content_length
    parts: list[bytes] = []
    size = 0
    if declared is None or declared <= max_bytes:
        async for part in response.content.iter_chunked(64 * 1024):
            size += len(part)
            if size > max_bytes:
                break
            parts.append(part)
        else:
            return b"".join(parts)
    response.close()
    raise ResponseTooLarge(f"The answer of {response.url.host} is larger than {max_bytes:,} bytes.")
