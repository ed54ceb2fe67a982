"""HTTP for user code: made here, for hosts that the workspace's policy names, under the address rules of `core.http`.

The code holds no socket. It asks by a frame and gets an answer; redirects are handed back to it, so that the next
address is checked like the first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import aiohttp
from django.utils.translation import gettext as _
from yarl import URL

from apps.core.http import client_session, read_limited
from apps.core.sandbox.protocol import HttpRequest, answer_frame, refusal_frame

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
MAX_REQUESTS = 20
MAX_BODY = 2 * 2**20
MAX_HEADERS = 100
TIMEOUT_S = 10.0
DEFAULT_PORTS = frozenset({80, 443})
# what the connection needs is ours to say
_OWN_HEADERS = frozenset(
    {
        "host",
        "connection",
        "content-length",
        "transfer-encoding",
        "te",
        "trailer",
        "upgrade",
        "expect",
        "keep-alive",
    }
)


def host_allowed(url: URL, hosts: tuple[str, ...]) -> bool:
    """Whether an entry names the host of `url`: `host`, `host:port` or `*.domain`; without a port 80 and 443."""
    name, port = (url.host or "").lower().rstrip("."), url.port
    for entry in hosts:
        allowed, _sep, wanted = entry.lower().rpartition(":") if _has_port(entry) else (entry.lower(), "", "")
        if (str(port) == wanted if wanted else port in DEFAULT_PORTS) and _names(allowed, name):
            return True
    return False


def _has_port(entry: str) -> bool:
    head, _sep, tail = entry.rpartition(":")
    return bool(head) and tail.isdigit() and not head.endswith(":")


def _names(allowed: str, name: str) -> bool:
    if allowed.startswith("*."):
        return name.endswith(allowed[1:]) and len(name) > len(allowed) - 1
    return bool(name) and name == allowed.strip("[]")


class Broker:
    """The requests of one job; use as an async context manager."""

    def __init__(
        self, hosts: tuple[str, ...], *, allow_private: bool = False, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._hosts = hosts
        self._allow_private = allow_private
        self._timeout_s = min(timeout_s, TIMEOUT_S)
        self._made = 0
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    @property
    def asked(self) -> bool:
        """Whether the job has asked for anything."""
        return self._made > 0

    async def answer(self, request: HttpRequest) -> bytes:
        """Make the request, or say why it was not made; never raises for what the code asked for."""
        try:
            url = self._check(request)
            return await self._send(request, url)
        except TimeoutError:  # first: aiohttp's is a ClientError too
            return refusal_frame(_("The host did not answer in time."))
        except (aiohttp.ClientError, OSError, ValueError, TypeError) as error:
            return refusal_frame(str(error)[:500] or type(error).__name__)

    def _check(self, request: HttpRequest) -> URL:
        self._made += 1
        if self._made > MAX_REQUESTS:
            raise ValueError(
                _("A piece of code may make at most %(count)s requests.") % {"count": MAX_REQUESTS}
            )
        if request.method.upper() not in METHODS:
            raise ValueError(_("This method is not allowed."))
        url = URL(request.url)
        if url.scheme not in {"http", "https"} or url.user is not None or url.password is not None:
            raise ValueError(_("Only plain http and https addresses are allowed."))
        if not host_allowed(url, self._hosts):
            raise ValueError(
                _("The host “%(host)s” is not on this workspace's list.") % {"host": url.host or ""}
            )
        return url

    async def _send(self, request: HttpRequest, url: URL) -> bytes:
        if self._session is None:
            self._session = client_session(
                allow_private=self._allow_private,
                timeout=self._timeout_s,
                headers={"User-Agent": "Flywheel"},
            )
        async with (
            asyncio.timeout(self._timeout_s),
            self._session.request(
                request.method.upper(),
                url,
                headers=_sendable(request.headers),
                data=request.body or None,
                allow_redirects=False,
            ) as response,
        ):
            body = await read_limited(response, MAX_BODY)
            return answer_frame(response.status, _shown(response.headers), body)


def _sendable(headers: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in headers.items() if name.lower() not in _OWN_HEADERS}
    return {name: value for name, value in kept.items() if not name.lower().startswith("proxy-")}


def _shown(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value[:4000] for name, value in list(headers.items())[:MAX_HEADERS]}
