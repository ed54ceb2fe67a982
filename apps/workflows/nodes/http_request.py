"""One HTTP request."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal
from urllib.parse import urlencode

import orjson
from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.workflows.dsl import types
from apps.workflows.dsl.dynamic import DynamicText
from apps.workflows.dsl.nodetype import Output
from apps.workflows.dsl.sentences import Sentence, Text
from apps.workflows.engine.errors import NodeError
from apps.workflows.engine.node import Node, NodeConfig, NodeContext, Result
from apps.workflows.engine.ports import HttpOptions, HttpPort, HttpResponse
from apps.workflows.nodes.support import documents, http, tolerant_json
from apps.workflows.nodes.support.http import (
    Auth,
    BinaryBody,
    Body,
    FormBody,
    JsonBody,
    Method,
    NoAuth,
    NoBody,
    Pair,
    RawBody,
    Timeout,
    UrlencodedBody,
)
from apps.workflows.nodes.support.ports import need

_SHOWN_CHARS = 500


class HttpRequestConfig(NodeConfig):
    """The request, and how its answer is taken."""

    method: Method = Field("GET", title=_("Method"), json_schema_extra={"x-widget": "select"})
    url: DynamicText = Field(title=_("Address"), description=_("With http:// or https://."))
    params: list[Pair] = Field(
        default_factory=list, title=_("Query"), json_schema_extra={"x-widget": "pairs"}
    )
    headers: list[Pair] = Field(
        default_factory=list, title=_("Headers"), json_schema_extra={"x-widget": "pairs"}
    )
    auth: Auth = Field(default_factory=NoAuth, title=_("Authentication"))
    body: Body = Field(
        default_factory=NoBody,
        title=_("Body"),
        json_schema_extra={"x-unless": {"method": ["GET", "HEAD", "OPTIONS"]}},
    )
    timeout: Timeout = Field(default_factory=Timeout, title=_("Time limits"))
    verify_tls: bool = Field(
        True,
        title=_("Check certificates"),
        description=_("Switch it off only for servers of your own."),
        json_schema_extra={"x-advanced": True},
    )
    redirects: int = Field(
        10,
        ge=0,
        le=20,
        title=_("Redirects"),
        description=_("How many are followed. Keys are not sent on to other servers."),
        json_schema_extra={"x-advanced": True},
    )
    response: Literal["auto", "text", "json", "file"] = Field(
        "auto",
        title=_("Answer"),
        description=_("auto tells text from files by the answer's type. json fails when it is no JSON."),
    )
    fail_on_status: bool = Field(
        True,
        title=_("Fail on errors"),
        description=_(
            "A status of 400 and above makes the node fail; 408, 425, 429 and 5xx can be tried again. "
            "Otherwise the status is an output like others."
        ),
    )
    max_text_bytes: int = Field(
        1_000_000,
        ge=1,
        le=10_000_000,
        title=_("Largest text"),
        description=_("In bytes."),
        json_schema_extra={"x-advanced": True},
    )
    max_file_bytes: int = Field(
        10_000_000,
        ge=1,
        le=50_000_000,
        title=_("Largest file"),
        description=_("In bytes."),
        json_schema_extra={"x-advanced": True},
    )
    idempotency_header: str = Field(
        "Idempotency-Key",
        title=_("Header of the idempotency key"),
        description=_(
            "A request that changes something carries the same key each time it is tried, so that the server can do it "
            "once. Empty: no such header."
        ),
        json_schema_extra={"x-advanced": True},
    )


class HttpRequestNode(Node[HttpRequestConfig]):
    """Calls a server."""

    type = "http_request"
    title = _("HTTP request")
    description = _("Calls a server and reads its answer.")
    group = "tools"
    icon = "http"
    Config = HttpRequestConfig
    effects = True

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """The answer."""
        return {
            "status_code": Output("integer", _("Status")),
            "ok": Output("boolean", _("Whether the status is below 400")),
            "body": Output("string", _("The answer as text, empty for files")),
            "json": Output("any", _("The answer as JSON, null when it is none")),
            "headers": Output("object", _("Headers, names in lower case")),
            "files": Output("array[file]", _("The answer as a file, empty for text")),
            "url": Output("string", _("The address that answered, after redirects")),
        }

    @classmethod
    def problems(cls, config: Any) -> Iterable[tuple[str, Text]]:
        """What can be seen before it runs."""
        url = config.url
        if isinstance(url, str) and not url.startswith("$.") and "{{" not in url and "{%" not in url:
            try:
                http.check_url(url)
            except NodeError as error:
                yield "url", error.sentence
        if config.method in {"HEAD", "OPTIONS"} and not isinstance(config.body, NoBody):
            yield "body", Sentence(_("A {method} request has no body."), method=config.method)

    async def run(self, ctx: NodeContext, config: HttpRequestConfig) -> Result:
        """Send it. Raises `NodeError` (http_status, http_timeout, http_connection, http_blocked …)."""
        port = need(ctx.ports.http, "HTTP requests")
        url = http.check_url(config.url)
        response = await self._send(ctx, config, port, url)
        ctx.log(
            "http_request",
            {
                "method": config.method,
                "server": http.origin_of(url),
                "status": response.status,
                "bytes": len(response.body),
            },
        )
        if config.fail_on_status and response.status >= 400:
            raise _status_error(config.method, url, response)
        return Result(await self._outputs(ctx, config, response))

    async def _send(
        self, ctx: NodeContext, config: HttpRequestConfig, port: HttpPort, url: str
    ) -> HttpResponse:
        headers = http.headers_of(http.pairs(config.headers))
        params = http.pairs(config.params)
        http.authorise(config.auth, headers, params)
        body, form = await _body(ctx, config, headers)
        name = config.idempotency_header.strip()
        if name and config.method not in http.SAFE_METHODS and not http.has_header(headers, name):
            headers.update(http.headers_of([(name, ctx.idempotency_key)]))
        return await port.request(
            config.method,
            url,
            headers=headers,
            params=params,
            body=body,
            form=form,
            options=HttpOptions(
                timeout_s=config.timeout.total,
                connect_s=config.timeout.connect,
                read_s=config.timeout.read,
                verify_tls=config.verify_tls,
                redirects=config.redirects,
                max_bytes=max(config.max_text_bytes, config.max_file_bytes),
            ),
        )

    async def _outputs(
        self, ctx: NodeContext, config: HttpRequestConfig, response: HttpResponse
    ) -> dict[str, Any]:
        kind, charset = http.content_type(response.headers)
        outputs: dict[str, Any] = {
            "status_code": response.status,
            "ok": response.status < 400,
            "body": "",
            "json": None,
            "headers": dict(response.headers),
            "files": [],
            "url": response.url,
        }
        if _is_file(config, response, kind):
            _require_size(response, config.max_file_bytes)
            name = http.file_name(response.headers, response.url)
            name = documents.name_of({"name": name, "content_type": kind})
            files = need(ctx.ports.files, "Files")
            key = f"{ctx.idempotency_key}:response"
            outputs["files"] = [
                await files.save(name, kind or "application/octet-stream", response.body, key=key)
            ]
            return outputs
        _require_size(response, config.max_text_bytes)
        outputs["body"] = http.text_of(response.body, charset)
        outputs["json"] = _json_of(config, kind, outputs["body"])
        return outputs


def _is_file(config: HttpRequestConfig, response: HttpResponse, kind: str) -> bool:
    if config.response != "auto":
        return config.response == "file"
    if not response.body:
        return False
    return bool(http.attachment_name(response.headers)) or not http.is_text(kind, response.body)


def _require_size(response: HttpResponse, limit: int) -> None:
    if len(response.body) > limit:
        raise NodeError(
            f"The answer has {len(response.body):,} bytes; {limit:,} are allowed.", code="response_too_large"
        )


def _json_of(config: HttpRequestConfig, kind: str, text: str) -> Any:
    """The answer as JSON: demanded, declared, or looking like an object or a list."""
    if config.response == "text":
        return None
    if config.response != "json" and not http.is_json(kind) and text.lstrip()[:1] not in {"{", "["}:
        return None
    try:
        return tolerant_json.loads_strict(text)
    except tolerant_json.NoJson as error:
        if config.response == "json":
            raise NodeError(f"The answer is no JSON: {error}", code="invalid_json") from error
        return None


def _status_error(method: str, url: str, response: HttpResponse) -> NodeError:
    """Says which server refused and how; what it answered is in the details."""
    kind, charset = http.content_type(response.headers)
    shown = (
        http.text_of(response.body[: _SHOWN_CHARS * 4], charset) if http.is_text(kind, response.body) else ""
    )
    details: dict[str, Any] = {"status_code": response.status, "body": shown[:_SHOWN_CHARS]}
    wait = http.retry_after(response.headers)
    if wait is not None:
        details["retry_after_s"] = wait
    return NodeError(
        f"{http.origin_of(url)} answered {method} with status {response.status}.",
        code="http_status",
        retryable=response.status in http.RETRYABLE,
        details=details,
    )


async def _body(
    ctx: NodeContext, config: HttpRequestConfig, headers: dict[str, str]
) -> tuple[bytes | None, list[tuple[str, Any]] | None]:
    """Bytes or form fields; sets the content type where the headers don't."""
    body = config.body
    if isinstance(body, JsonBody):
        return _with_type(headers, "application/json", _json_bytes(body.value)), None
    if isinstance(body, RawBody):
        return _with_type(headers, body.content_type, body.text.encode()), None
    if isinstance(body, UrlencodedBody):
        encoded = urlencode(http.pairs(body.fields)).encode()
        return _with_type(headers, "application/x-www-form-urlencoded", encoded), None
    if isinstance(body, BinaryBody):
        if body.file is None:
            raise NodeError("There is no file to send.", code="no_file")
        content = await need(ctx.ports.files, "Files").read(body.file)
        kind = body.content_type or str(body.file.get("content_type") or "application/octet-stream")
        return _with_type(headers, kind, content), None
    if isinstance(body, FormBody):
        # the boundary is chosen where the form is written, and is part of the type
        for name in [name for name in headers if name.lower() == "content-type"]:
            del headers[name]
        return None, await _form(ctx, body)
    return None, None


def _with_type(headers: dict[str, str], kind: str, content: bytes) -> bytes:
    if kind and not http.has_header(headers, "content-type"):
        headers.update(http.headers_of([("Content-Type", kind)]))
    return content


def _json_bytes(value: Any) -> bytes:
    if not isinstance(value, str):
        try:
            return orjson.dumps(value)
        except TypeError:
            return json.dumps(value).encode()  # numbers beyond 64 bits
    try:
        tolerant_json.loads_strict(value)
    except tolerant_json.NoJson as error:
        raise NodeError(f"The body is no JSON: {error}", code="invalid_json") from error
    return value.encode()


async def _form(ctx: NodeContext, body: FormBody) -> list[tuple[str, Any]]:
    fields: list[tuple[str, Any]] = []
    for field in body.fields:
        if not field.enabled or not field.name:
            continue
        if field.type == "text":
            fields += [(field.name, types.text(value)) for value in http.parts_of(field.value)]
            continue
        files = need(ctx.ports.files, "Files")
        for file in documents.files_in(field.value):
            content = await files.read(file)
            kind = str(file.get("content_type") or "application/octet-stream")
            fields.append((field.name, (documents.name_of(file), kind, content)))
    return fields
