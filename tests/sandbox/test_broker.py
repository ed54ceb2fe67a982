"""HTTP for user code: only to hosts on the list, only to addresses that may be reached, only so much."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import dataclass

import pytest
from aiohttp import web
from yarl import URL

from apps.core.sandbox.client import Broker, broker, execute
from apps.core.sandbox.client.broker import host_allowed
from apps.core.sandbox.errors import CodeFailed
from apps.core.sandbox.jobs import CodeJob
from apps.core.sandbox.protocol import HEADER, HttpRequest


@dataclass
class Site:
    """A small site on loopback, and what it was asked."""

    port: int
    seen: list[tuple[str, str, dict[str, str], bytes]]


@pytest.fixture
async def site():
    """Start it."""
    seen = []

    async def handle(request: web.Request) -> web.StreamResponse:
        seen.append((request.method, request.path, dict(request.headers), await request.read()))
        if request.path == "/large":
            return web.Response(body=b"x" * (broker.MAX_BODY + 1))
        if request.path == "/away":
            return web.Response(status=302, headers={"Location": "http://metadata.example/secret"})
        if request.path == "/slow":
            await asyncio.sleep(0.5)
        return web.json_response({"ok": True}, headers={"X-Long": "y" * 7000})

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    tcp = web.TCPSite(runner, "127.0.0.1", 0)
    await tcp.start()
    yield Site(runner.addresses[0][1], seen)
    await runner.cleanup()


def request(url: str, method: str = "GET", headers=None, body: bytes = b"") -> HttpRequest:
    return HttpRequest(method, url, headers or {}, body)


async def answer(site, asked: HttpRequest, *, private: bool = True, timeout_s: float = 5):
    async with Broker((f"127.0.0.1:{site.port}",), allow_private=private, timeout_s=timeout_s) as told:
        return json.loads((await told.answer(asked))[HEADER.size :])


async def test_a_listed_host_is_called(site):
    headers = {"X-Mine": "1", "Host": "evil", "Transfer-Encoding": "chunked", "Proxy-Authorization": "x"}
    got = await answer(site, request(f"http://127.0.0.1:{site.port}/a?b=1", "post", headers, b"body"))
    assert got["status"] == 200
    assert json.loads(base64.b64decode(got["body"])) == {"ok": True}
    assert len(got["headers"]["x-long"]) == 4000
    method, path, sent, body = site.seen[0]
    assert (method, path, body) == ("POST", "/a", b"body")
    assert sent["X-Mine"] == "1"
    assert sent["Host"] == f"127.0.0.1:{site.port}"
    assert "Transfer-Encoding" not in sent
    assert "Proxy-Authorization" not in sent


async def test_a_private_address_needs_the_workspaces_consent(site):
    got = await answer(site, request(f"http://127.0.0.1:{site.port}/"), private=False)
    assert "private address" in got["error"]
    assert site.seen == []


REFUSED = [
    ("http://127.0.0.1/", "list"),
    ("http://localhost:{port}/", "list"),
    ("http://127.0.0.1:{port}@evil.example/", "address"),
    ("http://user:pw@127.0.0.1:{port}/", "address"),
    ("ftp://127.0.0.1:{port}/", "address"),
    ("file:///etc/passwd", "address"),
    ("gopher://127.0.0.1:{port}/", "address"),
    ("//127.0.0.1:{port}/", "address"),
    ("", "address"),
    ("http://[::1]:{port}/", "list"),
    ("http://127.0.0.1:{port}0/", "Port"),
    ("http://169.254.169.254/latest", "list"),
]


@pytest.mark.parametrize(("url", "word"), REFUSED)
async def test_other_addresses_are_refused(site, url, word):
    got = await answer(site, request(url.replace("{port}", str(site.port))))
    assert word in got["error"]
    assert site.seen == []


@pytest.mark.parametrize(
    "asked",
    [
        ("TRACE", {}, b""),
        ("CONNECT", {}, b""),
        ("GET / HTTP/1.1\r\nX: y\r\n\r\nGET", {}, b""),
        ("GET", {"X\r\nInjected": "1"}, b""),
        ("GET", {"X": "1\r\nInjected: 1"}, b""),
    ],
)
async def test_odd_requests_are_refused(site, asked):
    method, headers, body = asked
    got = await answer(site, request(f"http://127.0.0.1:{site.port}/", method, headers, body))
    assert got["error"]
    assert site.seen == []


async def test_redirects_are_handed_back(site):
    got = await answer(site, request(f"http://127.0.0.1:{site.port}/away"))
    assert got["status"] == 302
    assert got["headers"]["location"] == "http://metadata.example/secret"
    assert len(site.seen) == 1


async def test_size_time_and_number_are_capped(site, monkeypatch):
    got = await answer(site, request(f"http://127.0.0.1:{site.port}/large"))
    assert "larger than" in got["error"]
    got = await answer(site, request(f"http://127.0.0.1:{site.port}/slow"), timeout_s=0.1)
    assert "in time" in got["error"]
    monkeypatch.setattr(broker, "MAX_REQUESTS", 2)
    async with Broker((f"127.0.0.1:{site.port}",), allow_private=True) as told:
        frames = [await told.answer(request(f"http://127.0.0.1:{site.port}/n")) for _ in range(3)]
    assert ["error" in json.loads(frame[HEADER.size :]) for frame in frames] == [False, False, True]


ALLOWED = [
    ("https://api.example.com/x", ("api.example.com",), True),
    ("https://API.Example.com./x", ("api.example.com",), True),
    ("http://api.example.com:8080/", ("api.example.com",), False),
    ("http://api.example.com:8080/", ("api.example.com:8080",), True),
    ("http://api.example.com/", ("api.example.com:8080",), False),
    ("https://a.example.com/", ("*.example.com",), True),
    ("https://a.b.example.com/", ("*.example.com",), True),
    ("https://example.com/", ("*.example.com",), False),
    ("https://evilexample.com/", ("*.example.com",), False),
    ("https://.example.com/", ("*.example.com",), False),
    ("https://api.example.com.evil.example/", ("api.example.com",), False),
    ("https://anything/", (), False),
]


@pytest.mark.parametrize(("url", "hosts", "allowed"), ALLOWED)
def test_the_list_of_hosts(url, hosts, allowed):
    assert host_allowed(URL(url), hosts) is allowed


CALLS = {
    "python": """
def main(url):
    answer = http_request("POST", url, {"X-Mine": "1"}, "body")
    return {"status": answer.status, "ok": answer.json()["ok"]}
""",
    "javascript": """
function main({url}) {
  const answer = http_request("POST", url, {"X-Mine": "1"}, "body");
  return {status: answer.status, ok: answer.json().ok};
}
""",
}


@pytest.mark.parametrize("language", ["python", "javascript"])
async def test_code_calls_through_the_broker(site, ground, language):
    hosts = (f"127.0.0.1:{site.port}",)
    job = CodeJob(language, CALLS[language], {"url": f"http://127.0.0.1:{site.port}/a"}, network=hosts)
    async with Broker(hosts, allow_private=True) as told:
        result = await execute(ground.transport, job, told.answer)
    assert result.value == {"status": 200, "ok": True}
    assert (site.seen[0][0], site.seen[0][2]["X-Mine"], site.seen[0][3]) == ("POST", "1", b"body")


@pytest.mark.parametrize("language", ["python", "javascript"])
async def test_code_hears_why_a_request_was_refused(site, ground, language):
    hosts = ("api.example.com",)
    job = CodeJob(language, CALLS[language], {"url": f"http://127.0.0.1:{site.port}/a"}, network=hosts)
    async with Broker(hosts, allow_private=True) as told:
        with pytest.raises(CodeFailed, match="not on this workspace's list"):
            await execute(ground.transport, job, told.answer)
    assert site.seen == []
