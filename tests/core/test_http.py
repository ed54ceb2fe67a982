"""Requests leave only for allowed addresses, whichever way the address is written or found."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from apps.core.http import BlockedAddress, ResponseTooLarge, check_address, client_session, read_limited

NEVER = [
    "169.254.169.254", "169.254.1.1", "0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255",  # noqa: S104
    "fe80::1", "fe80::1%eth0", "168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::254",
    "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::", "::a9fe:a9fe", "240.0.0.1",
]  # fmt: skip
PRIVATE = [
    "127.0.0.1", "127.9.9.9", "::1", "10.0.0.5", "172.16.3.4", "192.168.1.1", "100.64.0.1",
    "fd12:3456::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::7f00:1",
    "fec0::1", "198.18.0.1",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", NEVER)
@pytest.mark.parametrize("allow_private", [True, False])
def test_metadata_multicast_and_unspecified_addresses_are_always_refused(
    address: str, allow_private: bool
) -> None:
    with pytest.raises(BlockedAddress, match="refused"):
        check_address(address, allow_private=allow_private)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_need_permission(address: str) -> None:
    with pytest.raises(BlockedAddress):
        check_address(address, allow_private=False)
    check_address(address, allow_private=True)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_pass(address: str) -> None:
    check_address(address, allow_private=False)


def test_the_sentence_names_host_and_address() -> None:
    with pytest.raises(
        BlockedAddress, match=r"intranet\.example \(10\.0\.0\.5\) are refused: it is a private"
    ):
        check_address("10.0.0.5", allow_private=False, host="intranet.example")


class Names(AbstractResolver):
    """Answers each name with the next address of its list, as an attacker's name server does."""

    def __init__(self, **names: list[str]) -> None:
        self.names = names

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_INET) -> list[ResolveResult]:
        answers = self.names[host.partition(".")[0]]
        picked = answers if host.startswith("mixed") else [answers.pop(0) if len(answers) > 1 else answers[0]]
        return [
            ResolveResult(hostname=host, host=a, port=port, family=socket.AF_INET, proto=0, flags=0)
            for a in picked
        ]

    async def close(self) -> None:
        return None


@pytest.fixture
async def site() -> AsyncIterator[str]:
    """A server on loopback: /ok, /big, /endless, and /to?url=… that redirects there."""

    async def ok(request: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def big(request: web.Request) -> web.Response:
        return web.Response(body=b"x" * 5000)

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(1000):
            await response.write(b"x" * 1000)
        return response

    async def redirect(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": request.query["url"]})

    async def loop(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "/loop"})

    app = web.Application()
    app.router.add_get("/loop", loop)
    app.add_routes(
        [web.get("/ok", ok), web.get("/big", big), web.get("/endless", endless), web.get("/to", redirect)]
    )
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.mark.parametrize(
    "url",
    [
        "http://{site}/ok",
        "http://[::ffff:127.0.0.1]:{port}/ok",
        "http://2130706433:{port}/ok",
        "http://0x7f000001:{port}/ok",
        "http://0177.0.0.1:{port}/ok",
        "http://127.1:{port}/ok",
        "http://localhost:{port}/ok",
        "http://user:pass@127.0.0.1:{port}/ok",
        "http://0.0.0.0:{port}/ok",
        "http://0:{port}/ok",
        "http://[::]:{port}/ok",
        "http://[::1]:{port}/ok",
        "http://169.254.169.254/latest/meta-data/",
        "http://[fe80::1]/",
        "http://①②⑦.⓪.⓪.①:{port}/ok",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_INFO",
        "ftp://127.0.0.1/x",
        "unix:///var/run/docker.sock",
        "//127.0.0.1/ok",
        "http://",
    ],
)
async def test_hostile_urls_never_connect(site: str, url: str) -> None:
    async with client_session() as session:
        with pytest.raises((aiohttp.ClientError, ValueError)):
            await session.get(url.format(site=site, port=site.partition(":")[2]))


async def test_private_hosts_work_when_allowed(site: str) -> None:
    async with client_session(allow_private=True) as session, session.get(f"http://{site}/ok") as response:
        assert await response.text() == "ok"


async def test_a_name_with_a_private_address_is_refused(site: str) -> None:
    async with client_session(resolver=Names(inner=["10.1.2.3"])) as session:
        with pytest.raises(BlockedAddress, match=r"inner\.example"):
            await session.get("http://inner.example/")


async def test_one_private_address_among_public_ones_refuses_the_name() -> None:
    async with client_session(resolver=Names(mixed=["8.8.8.8", "127.0.0.1"])) as session:
        with pytest.raises(BlockedAddress):
            await session.get("http://mixed.example/")


async def test_a_name_that_changes_its_address_is_checked_at_each_connection(site: str) -> None:
    port = site.partition(":")[2]
    names = Names(rebind=["127.0.0.1", "169.254.169.254"])
    async with client_session(allow_private=True, resolver=names) as session:
        session.connector._use_dns_cache = False
        async with session.get(
            f"http://rebind.example:{port}/ok", headers={"Connection": "close"}
        ) as response:
            assert await response.text() == "ok"
        with pytest.raises(BlockedAddress):
            await session.get(f"http://rebind.example:{port}/ok")


@pytest.mark.parametrize(
    "target", ["http://169.254.169.254/", "http://[::ffff:169.254.169.254]/", "file:///etc/passwd"]
)
async def test_redirects_are_checked_like_first_requests(site: str, target: str) -> None:
    async with client_session(allow_private=True) as session:
        with pytest.raises(aiohttp.ClientError):
            await session.get(f"http://{site}/to", params={"url": target})


async def test_a_public_page_can_not_redirect_to_a_private_one(site: str) -> None:
    # The first hop is checked with the permission, the second one is a metadata address in disguise.
    names = Names(meta=["169.254.169.254"])
    async with client_session(allow_private=True, resolver=names) as session:
        with pytest.raises(BlockedAddress):
            await session.get(f"http://{site}/to", params={"url": "http://meta.example/"})


async def test_redirect_loops_end(site: str) -> None:
    async with client_session(allow_private=True) as session:
        with pytest.raises(aiohttp.TooManyRedirects):
            await session.get(f"http://{site}/loop")


async def test_proxy_settings_of_the_environment_are_ignored(
    site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    async with client_session(allow_private=True) as session, session.get(f"http://{site}/ok") as response:
        assert response.status == 200


@pytest.mark.parametrize("path", ["big", "endless"])
async def test_bodies_are_read_up_to_a_limit(site: str, path: str) -> None:
    async with client_session(allow_private=True) as session:
        async with session.get(f"http://{site}/{path}") as response:
            with pytest.raises(ResponseTooLarge, match="4,999 bytes"):
                await read_limited(response, 4999)
        async with session.get(f"http://{site}/big") as response:
            assert len(await read_limited(response, 5000)) == 5000
