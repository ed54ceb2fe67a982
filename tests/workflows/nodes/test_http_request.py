"""The HTTP node and its adapter against a real server."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from apps.workflows.adapters.http import HttpAdapter, close
from apps.workflows.engine.errors import NodeError
from apps.workflows.engine.ports import HttpResponse, Ports
from apps.workflows.nodes.support import http
from apps.workflows.nodes.support.curl import NoCurl, from_curl
from tests.workflows.nodes.harness import KEY, Bench, RecordedHttp

SECRET = "s3cr3t-key"
PNG = b"\x89PNG\r\n\x1a\n\0\0"


BODIES = {
    "large": (b"x" * 2_000, {"Content-Type": "text/plain"}),
    "latin": ("grün".encode("latin-1"), {"Content-Type": "text/plain; charset=iso-8859-1"}),
    "gbk": ("数据处理完成，请检查结果是否正确。".encode("gb18030"), {"Content-Type": "text/html"}),
    "png": (PNG, {"Content-Type": "image/png"}),
    "attached": (
        b"a,b",
        {
            "Content-Disposition": "attachment; filename*=UTF-8''r%C3%A9sum%C3%A9.csv",
            "Content-Type": "text/csv",
        },
    ),
    "untyped": (b'{"a": 1}', {"Content-Type": "application/octet-stream"}),
    "broken-json": (b'{"a": ', {"Content-Type": "application/json"}),
}


async def echo(request: web.Request) -> web.Response:
    """Tell what was asked."""
    body: object
    if request.content_type == "multipart/form-data":
        fields = []
        async for part in await request.multipart():
            content = (await part.read(decode=True)).decode("latin-1")
            fields.append([part.name, part.filename, part.headers.get("Content-Type", ""), content])
        body = fields
    else:
        body = (await request.read()).decode("latin-1")
    return web.json_response(
        {
            "method": request.method,
            "query": [list(pair) for pair in request.query.items()],
            "headers": {name.lower(): value for name, value in request.headers.items()},
            "body": body,
        }
    )


async def answer(request: web.Request) -> web.StreamResponse:
    """Answer as the name says."""
    name = request.match_info["name"]
    if name == "slow":
        await asyncio.sleep(30)
    if name == "drop":
        assert request.transport is not None
        request.transport.close()
        return web.Response()
    if name == "trickle":
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"a")
        await asyncio.sleep(30)
        return response
    if name == "twice":
        response = web.Response(text="ok")
        response.headers.add("X-Part", "1")
        response.headers.add("X-Part", "2")
        return response
    body, headers = BODIES[name]
    return web.Response(body=body, headers=headers)


async def status(request: web.Request) -> web.Response:
    head = {"Retry-After": "7"} if request.match_info["code"] in {"429", "503"} else {}
    return web.Response(status=int(request.match_info["code"]), text="the reason", headers=head)


async def redirect(request: web.Request) -> web.Response:
    return web.Response(status=int(request.match_info["code"]), headers={"Location": request.query["to"]})


async def loop(request: web.Request) -> web.Response:
    return web.Response(status=302, headers={"Location": "/loop"})


@pytest.fixture
async def server() -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/echo", echo)
    app.router.add_route("*", "/answer/{name}", answer)
    app.router.add_route("*", "/status/{code}", status)
    app.router.add_route("*", "/redirect/{code}", redirect)
    app.router.add_route("*", "/loop", loop)
    async with TestServer(app, host="127.0.0.1") as running:
        yield str(running.make_url("")).rstrip("/")
        await close()


@pytest.fixture
def node(files) -> Bench:
    node = Bench("http_request")
    node.ctx.ports = Ports(http=HttpAdapter(allow_private=True), files=files)
    return node


async def asked(node: Bench, **config) -> dict:
    return (await node.outputs(**config))["json"]


async def test_what_is_asked(node, server):
    found = await asked(
        node,
        url=f" {server}/echo?a=1 ",
        params=[{"name": "b", "value": "x y&"}, {"name": "b", "value": "2"}, {"name": "c", "enabled": False}],
        headers=[{"name": "X-One", "value": "1"}, {"name": "x-one", "value": "2"}],
    )
    assert (found["method"], found["query"]) == ("GET", [["a", "1"], ["b", "x y&"], ["b", "2"]])
    assert found["headers"]["x-one"] == "1, 2"
    assert "idempotency-key" not in found["headers"]


@pytest.mark.parametrize("method", http.METHODS)
async def test_all_methods(node, server, method):
    outputs = await node.outputs(method=method, url=f"{server}/echo")
    assert (outputs["status_code"], outputs["ok"]) == (200, True)
    if method == "HEAD":
        assert outputs["body"] == ""
        return
    sent = outputs["json"]
    assert sent["method"] == method
    assert sent["headers"].get("idempotency-key") == (None if method in http.SAFE_METHODS else KEY)


async def test_the_idempotency_key_may_have_another_name_or_none(node, server):
    sent = await asked(node, method="POST", url=f"{server}/echo", idempotency_header="X-Request-Id")
    assert sent["headers"]["x-request-id"] == KEY
    sent = await asked(node, method="POST", url=f"{server}/echo", idempotency_header="")
    assert KEY not in sent["headers"].values()
    own = [{"name": "idempotency-key", "value": "mine"}]
    assert (await asked(node, method="PUT", url=f"{server}/echo", headers=own))["headers"][
        "idempotency-key"
    ] == "mine"


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        ({"type": "none"}, "authorization", None),
        ({"type": "basic", "username": "ann", "password": "ü:"}, "authorization",
         "Basic " + base64.b64encode("ann:ü:".encode()).decode()),
        ({"type": "bearer", "token": " t "}, "authorization", "Bearer t"),
        ({"type": "header", "name": "X-Key", "value": "k"}, "x-key", "k"),
    ],
)  # fmt: skip
async def test_authentication_by_header(node, server, auth, header, value):
    assert (await asked(node, url=f"{server}/echo", auth=auth))["headers"].get(header) == value


async def test_authentication_by_query_stays_out_of_the_outputs(node, server):
    auth = {"type": "query", "name": "key", "value": SECRET}
    outputs = await node.outputs(url=f"{server}/echo", auth=auth)
    assert outputs["json"]["query"] == [["key", SECRET]]
    assert outputs["url"] == f"{server}/echo"
    assert SECRET not in json.dumps(node.ctx.logged)


@pytest.mark.parametrize(
    ("body", "kind", "sent"),
    [
        ({"type": "none"}, None, ""),
        ({"type": "json", "value": {"a": [1, None]}}, "application/json", '{"a":[1,null]}'),
        ({"type": "json", "value": '{"a": 1}'}, "application/json", '{"a": 1}'),
        ({"type": "json", "value": 10**30}, "application/json", str(10**30)),
        ({"type": "raw", "text": "hi"}, "text/plain; charset=utf-8", "hi"),
        ({"type": "raw", "text": "<a/>", "content_type": "application/xml"}, "application/xml", "<a/>"),
        ({"type": "urlencoded", "fields": [{"name": "a", "value": "1 2"}, {"name": "a", "value": "ü"}]},
         "application/x-www-form-urlencoded", "a=1+2&a=%C3%BC"),
    ],
)  # fmt: skip
async def test_bodies(node, server, body, kind, sent):
    found = await asked(node, method="POST", url=f"{server}/echo", body=body)
    assert found["body"] == sent
    if kind:
        assert found["headers"]["content-type"] == kind


async def test_a_header_says_more_than_the_kind_of_body(node, server):
    headers = [{"name": "content-type", "value": "application/vnd.api+json"}]
    found = await asked(
        node, method="POST", url=f"{server}/echo", headers=headers, body={"type": "json", "value": {}}
    )
    assert found["headers"]["content-type"] == "application/vnd.api+json"


async def test_a_json_text_must_be_json(node, server):
    await node.fails("invalid_json", method="POST", url=server, body={"type": "json", "value": "{"})


async def test_files_are_sent(node, server, files):
    one, two = files.give("one.png", PNG, "image/png"), files.give("zwei.txt", b"2")
    fields = [
        {"name": "note", "value": "hello"},
        {"name": "n", "value": 3},
        {"name": "files", "type": "file", "value": [one, two]},
        {"name": "off", "value": "x", "enabled": False},
    ]
    headers = [{"name": "Content-Type", "value": "multipart/form-data"}]
    found = await asked(
        node,
        method="POST",
        url=f"{server}/echo",
        headers=headers,
        body={"type": "form_data", "fields": fields},
    )
    names = [(each[0], each[1], each[3].encode("latin-1")) for each in found["body"]]
    assert names == [
        ("note", None, b"hello"),
        ("n", None, b"3"),
        ("files", "one.png", PNG),
        ("files", "zwei.txt", b"2"),
    ]
    found = await asked(node, method="PUT", url=f"{server}/echo", body={"type": "binary", "file": one})
    assert (found["headers"]["content-type"], found["body"].encode("latin-1")) == ("image/png", PNG)
    await node.fails("no_file", method="PUT", url=server, body={"type": "binary"})


async def test_text_in_its_encoding(node, server):
    assert (await node.outputs(url=f"{server}/answer/latin"))["body"] == "grün"
    assert (await node.outputs(url=f"{server}/answer/gbk"))["body"].startswith("数据处理完成")
    assert (await node.outputs(url=f"{server}/answer/twice"))["headers"]["x-part"] == "1, 2"


async def test_binary_answers_become_files_once(node, server, files):
    outputs = await node.outputs(url=f"{server}/answer/png")
    assert (outputs["body"], outputs["files"][0]["name"]) == ("", "png.png")
    again = await node.outputs(url=f"{server}/answer/png")
    assert again["files"] == outputs["files"]
    assert list(files.kept) == [f"{KEY}:response"]


async def test_attachments_and_forced_files(node, server, files):
    outputs = await node.outputs(url=f"{server}/answer/attached")
    assert (outputs["files"][0]["name"], outputs["body"]) == ("résumé.csv", "")
    outputs = await node.outputs(url=f"{server}/answer/attached", response="text")
    assert (outputs["files"], outputs["body"]) == ([], "a,b")
    outputs = await node.outputs(url=f"{server}/answer/latin", response="file")
    assert outputs["files"][0]["content_type"] == "text/plain"


async def test_json_is_found_and_demanded(node, server):
    assert (await node.outputs(url=f"{server}/answer/untyped"))["json"] == {"a": 1}
    assert (await node.outputs(url=f"{server}/answer/broken-json"))["json"] is None
    assert (await node.outputs(url=f"{server}/answer/untyped", response="text"))["json"] is None
    await node.fails("invalid_json", url=f"{server}/answer/broken-json", response="json")


async def test_answers_have_a_largest_size(node, server):
    await node.fails(
        "response_too_large", url=f"{server}/answer/large", max_text_bytes=100, max_file_bytes=100
    )
    await node.fails("response_too_large", url=f"{server}/answer/large", max_text_bytes=100)
    assert len((await node.outputs(url=f"{server}/answer/large", max_text_bytes=2_000))["body"]) == 2_000


@pytest.mark.parametrize(
    ("code", "retryable", "wait"), [(400, False, None), (404, False, None), (408, True, None), (429, True, 7.0),
                                    (500, True, None), (503, True, 7.0), (501, False, None)]
)  # fmt: skip
async def test_a_bad_status_fails(node, server, code, retryable, wait):
    error = await node.fails("http_status", url=f"{server}/status/{code}?key={SECRET}")
    assert error.message == f"{server} answered GET with status {code}."
    assert error.retryable is retryable
    assert error.details == {"status_code": code, "body": "the reason"} | (
        {} if wait is None else {"retry_after_s": wait}
    )


async def test_or_is_an_output_like_others(node, server):
    outputs = await node.outputs(url=f"{server}/status/418", fail_on_status=False)
    assert (outputs["status_code"], outputs["ok"], outputs["body"]) == (418, False, "the reason")


@pytest.mark.parametrize(
    ("name", "limits"), [("slow", {"total": 0.2}), ("slow", {"read": 0.2}), ("trickle", {"read": 0.2})]
)
async def test_time_limits(node, server, name, limits):
    error = await node.fails("http_timeout", url=f"{server}/answer/{name}", timeout=limits)
    assert error.retryable


async def test_connections_that_fail_can_be_tried_again(node, server, unused_tcp_port):
    for url in (f"{server}/answer/drop", f"http://127.0.0.1:{unused_tcp_port}/?key={SECRET}"):
        error = await node.fails("http_connection", url=url)
        assert error.retryable
        assert SECRET not in error.message


async def test_cancelling_reaches_the_socket(node, server):
    task = asyncio.ensure_future(node.run(url=f"{server}/answer/slow"))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 1)


async def test_redirects_are_followed_as_browsers_do(node, server):
    to = f"{server}/redirect/{{}}?to=/echo"
    body = {"type": "raw", "text": "x"}
    assert (await asked(node, url=to.format(302)))["method"] == "GET"
    for code, method, sent in ((301, "GET", ""), (303, "GET", ""), (307, "POST", "x"), (308, "POST", "x")):
        found = await asked(node, method="POST", url=to.format(code), body=body)
        assert (found["method"], found["body"]) == (method, sent)
    outputs = await node.outputs(url=to.format(302), redirects=0)
    assert (outputs["status_code"], outputs["headers"]["location"]) == (302, "/echo")
    assert (await node.outputs(url=to.format(302)))["url"] == f"{server}/echo"


async def test_keys_are_not_sent_on_to_another_server(node, server):
    elsewhere = server.replace("127.0.0.1", "localhost")
    headers = [{"name": "X-Key", "value": SECRET}, {"name": "Accept", "value": "text/x"}]
    auth = {"type": "bearer", "token": SECRET}
    found = await asked(node, url=f"{server}/redirect/302?to={elsewhere}/echo", headers=headers, auth=auth)
    assert SECRET not in json.dumps(found)
    assert found["headers"]["accept"] == "text/x"
    found = await asked(node, url=f"{server}/redirect/302?to=/echo", headers=headers, auth=auth)
    assert found["headers"]["x-key"] == SECRET


@pytest.mark.parametrize("to", ["ftp://example.org/x", "file:///etc/passwd", "javascript:1"])
async def test_redirects_lead_to_http_only(node, server, to):
    await node.fails("http_redirect", url=f"{server}/redirect/302?to={to}")


async def test_redirects_are_limited(node, server):
    assert (await node.fails("http_redirect", url=f"{server}/loop", redirects=3)).message.endswith("3 times.")


async def test_private_addresses_are_refused_at_every_hop(node, server):
    node.ctx.ports.http = HttpAdapter(allow_private=False)
    for url in (
        server,
        server.replace("127.0.0.1", "localhost"),
        "http://[::1]:1/",
        "http://169.254.169.254/",
    ):
        assert not (await node.fails("http_blocked", url=url)).retryable
    node.ctx.ports.http = HttpAdapter(allow_private=True)
    await node.fails("http_blocked", url=f"{server}/redirect/302?to=http://169.254.169.254/latest")


@pytest.mark.parametrize(
    "url", ["", "example.org", "ftp://example.org", "http://", "http://[", "http://a:x/"]
)
async def test_addresses_that_are_none(node, url):
    error = await node.fails("invalid_url", url=url)
    assert not error.retryable
    assert node.problems(url=url) == {"url": error.message}


@pytest.mark.parametrize("header", [("a b", "x"), ("", "x\r\nInjected: 1"), ("X", "a\nb"), ("ü", "x")])
async def test_headers_can_not_be_smuggled(node, server, header):
    pair = {"name": header[0] or "X", "value": header[1]}
    await node.fails("invalid_header", url=server, headers=[pair])
    await node.fails("invalid_header", url=server, auth={"type": "header", **pair})


async def test_no_port_no_request(node):
    node.ctx.ports = Ports()
    await node.fails("port_missing", url="http://example.org")


async def test_options_reach_the_port(node):
    port = node.ctx.ports.http = RecordedHttp(HttpResponse(200, {}, b"", "http://example.org"))
    timeout = {"connect": 1, "read": 2, "total": 3}
    await node.run(url="http://example.org", timeout=timeout, verify_tls=False, redirects=1, max_file_bytes=5)
    options = port.requests[0]["options"]
    assert (options.connect_s, options.read_s, options.timeout_s) == (1, 2, 3)
    assert (options.verify_tls, options.redirects, options.max_bytes) == (False, 1, 1_000_000)


def test_retry_after_is_seconds_or_a_date():
    now = datetime(2026, 1, 1, tzinfo=UTC)
    for value, seconds in (
        ("12", 12), ("Thu, 01 Jan 2026 00:00:30 GMT", 30), ("Wed, 31 Dec 2025 00:00:00 GMT", 0), ("soon", None),
        ("999999", 3600), ("", None), ("²", None),
    ):  # fmt: skip
        assert http.retry_after({"retry-after": value}, now) == seconds


def test_bodies_belong_to_some_methods_only(node):
    assert "body" in node.problems(method="HEAD", url="http://a.b", body={"type": "raw"})
    assert node.problems(url="{{ a.b }}/x") == {}


CURL = [
    ("curl https://a.b/c?x=1", {"method": "GET", "url": "https://a.b/c", "params": [{"name": "x", "value": "1"}]}),
    ("curl a.b -I", {"method": "HEAD", "url": "http://a.b"}),
    (
        "curl -X PATCH 'https://a.b' \\\n -H 'Accept: x/y' -H 'Authorization: Bearer t' --json '{\"a\": [1]}' -k -m 5",
        {
            "method": "PATCH", "url": "https://a.b", "verify_tls": False,
            "headers": [{"name": "Accept", "value": "x/y"}],
            "auth": {"type": "bearer", "token": "t"}, "body": {"type": "json", "value": {"a": [1]}},
            "timeout": {"total": 5.0},
        },
    ),
    (
        "curl https://a.b -d a=1 --data-urlencode 'b=x y' -u ann:pw -A agent",
        {
            "method": "POST", "url": "https://a.b", "headers": [{"name": "User-Agent", "value": "agent"}],
            "auth": {"type": "basic", "username": "ann", "password": "pw"},
            "body": {"type": "urlencoded", "fields": [{"name": "a", "value": "1"}, {"name": "b", "value": "x y"}]},
        },
    ),
    (
        "curl -G https://a.b/?p=1 -d q=2",
        {"method": "GET", "url": "https://a.b/", "params": [{"name": "p", "value": "1"}, {"name": "q", "value": "2"}]},
    ),
    (
        "curl https://a.b -F 'file=@x.png' -F note=hi;type=text/plain",
        {
            "method": "POST", "url": "https://a.b",
            "body": {"type": "form_data", "fields": [
                {"name": "file", "type": "file", "value": None}, {"name": "note", "type": "text", "value": "hi"}]},
        },
    ),
    (
        "curl https://a.b --data-binary @f.bin -H 'Content-Type: image/png' -XPUT",
        {"method": "PUT", "url": "https://a.b", "body": {"type": "binary", "file": None, "content_type": "image/png"}},
    ),
    (
        "curl https://a.b -H 'X-T: {{ x }}' -H 'Content-Type: text/xml' --data-raw $'<a>\\n\\'</a>' --compressed -sS",
        {
            "method": "POST", "url": "https://a.b", "headers": [{"name": "X-T", "value": {"$literal": "{{ x }}"}}],
            "body": {"type": "raw", "text": "<a>\n'</a>", "content_type": "text/xml"},
        },
    ),
    (
        "curl.exe https://ann:pw@a.b --connect-timeout=2 -L --max-redirs 3",
        {"method": "GET", "url": "https://a.b", "redirects": 3, "timeout": {"connect": 2.0},
         "auth": {"type": "basic", "username": "ann", "password": "pw"}},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("command", "expected"), CURL)
def test_curl(node, command, expected):
    found = from_curl(command)
    assert found == expected
    node.config(**found)


@pytest.mark.parametrize(
    "command",
    ["", "wget a.b", "curl", "curl 'a", "curl a.b c.d", "curl -X FETCH a.b", "curl a.b -H", "curl a.b --proxy x",
     "curl a.b -m soon", "curl a.b --max-redirs x"],
)  # fmt: skip
def test_no_curl(command):
    with pytest.raises(NoCurl):
        from_curl(command)


async def test_read_errors_name_the_host_only():
    with pytest.raises(NodeError) as caught:
        await HttpAdapter(allow_private=True).request("GET", "http://[::1", headers={})
    assert caught.value.code == "invalid_url"
