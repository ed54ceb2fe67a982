"""From a cURL command, as browsers and API documentation offer it, to the configuration of an HTTP request."""

from __future__ import annotations

import base64
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

import orjson

from apps.core.numbers import whole_number
from apps.workflows.dsl.values import literal
from apps.workflows.nodes.support.http import METHODS

_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"


class NoCurl(ValueError):
    """The text is no cURL command, or asks for what a request here can't do."""


@dataclass
class _Request:
    """What the options said so far."""

    method: str = ""
    url: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    form: list[tuple[str, str]] = field(default_factory=list)
    user: str = ""
    bearer: str = ""
    in_query: bool = False
    head: bool = False
    json: bool = False
    upload: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    timeout: dict[str, float] = field(default_factory=dict)


def from_curl(text: str) -> dict[str, Any]:
    """The configuration of an `http_request` node that does what the command does.

    Files that the command names (``@picture.png``) become fields without a value, to be filled with a variable.
    Values that look like references or templates are escaped. Raises `NoCurl` with a sentence.
    """
    request = _Request()
    words = _words(text)
    for word in words:
        if word.startswith("-") and word != "-":
            _take(request, word, words)
        elif request.url:
            raise NoCurl("The command has more than one address.")
        else:
            request.url = word
    if not request.url:
        raise NoCurl("The command has no address.")
    return _config(request)


def _words(text: str) -> Iterator[str]:
    # lines go on after a backslash, in Windows' shells after ^ or `
    joined = re.sub(r"[ \t]*[\\^`][ \t]*\r?\n", " ", text.strip())
    joined = re.sub(r"(?<!\S)\$'((?:[^'\\]|\\.)*)'", _ansi, joined)
    try:
        words = shlex.split(joined)
    except ValueError:
        raise NoCurl("A quotation mark is missing.") from None
    if not words or words[0].rpartition("/")[2].removesuffix(".exe") != "curl":
        raise NoCurl("The text does not begin with curl.")
    yield from words[1:]


def _ansi(match: re.Match[str]) -> str:
    r"""``$'…'``: \n, \', \u0021 and the like within."""
    signs = {"n": "\n", "t": "\t", "r": "\r"}
    plain = re.sub(
        r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))",
        lambda each: chr(int(each[1] or each[2], 16)) if each[1] or each[2] else signs.get(each[3], each[3]),
        match[1],
        flags=re.DOTALL,
    )
    return shlex.quote(plain)


def _take(request: _Request, word: str, words: Iterator[str]) -> None:
    """One option with its value: ``--name value``, ``--name=value``, ``-Xvalue`` or ``-kL``."""
    name, equals, given = word.partition("=") if word.startswith("--") else (word[:2], "", word[2:])
    name = _LONG_NAMES.get(name, name)
    if name in _SWITCHES:
        _SWITCHES[name](request)
        if given and not equals:
            _take(request, f"-{given}", words)
    elif name in _OPTIONS:
        value = given if given or equals else next(words, None)
        if value is None:
            raise NoCurl(f"The option {name} lacks its value.")
        _OPTIONS[name](request, value)
    elif name in _IGNORED_WITH_VALUE:
        if not given and not equals:
            next(words, None)
    elif name not in _IGNORED:
        raise NoCurl(f"The option {name} is not known here.")
    elif given and not equals:
        _take(request, f"-{given}", words)


def _header(request: _Request, value: str) -> None:
    name, colon, content = value.partition(":")
    if colon and content.strip():
        request.headers.append((name.strip(), content.strip()))
    elif value.endswith(";"):
        request.headers.append((value[:-1].strip(), ""))


def _set_method(request: _Request, value: str) -> None:
    request.method = value.upper()
    if request.method not in METHODS:
        raise NoCurl(f"The method {value} is not known here.")


def _seconds(name: str) -> Callable[[_Request, str], None]:
    def take(request: _Request, value: str) -> None:
        try:
            request.timeout[name] = float(value)
        except ValueError:
            raise NoCurl(f"{value} is no number of seconds.") from None

    return take


def _redirects(request: _Request, value: str) -> None:
    number = whole_number(value)
    if number is None:
        raise NoCurl(f"{value} is no number of redirects.")
    request.config["redirects"] = min(20, number)


def _encoded(request: _Request, value: str) -> None:
    """``--data-urlencode``: content, =content or name=content."""
    name, equals, content = value.partition("=")
    if not equals:
        request.data.append(quote(value, safe=""))
    else:
        request.data.append(f"{name}={quote(content, safe='')}" if name else quote(content, safe=""))


def _set(attribute: str, value: Any) -> Callable[[_Request], None]:
    return lambda request: setattr(request, attribute, value)


def _form_field(request: _Request, value: str) -> None:
    name, _equals, content = value.partition("=")
    request.form.append((name, content))


def _json_data(request: _Request, value: str) -> None:
    request.data.append(value)
    request.json = True


_LONG_NAMES = {
    "--request": "-X", "--header": "-H", "--data": "-d", "--data-ascii": "-d", "--user": "-u", "--form": "-F",
    "--get": "-G", "--head": "-I", "--insecure": "-k", "--user-agent": "-A", "--referer": "-e", "--cookie": "-b",
    "--max-time": "-m", "--upload-file": "-T", "--location": "-L", "--silent": "-s", "--verbose": "-v",
    "--include": "-i", "--show-error": "-S", "--fail": "-f", "--output": "-o", "--remote-name": "-O",
}  # fmt: skip
_SWITCHES: dict[str, Callable[[_Request], None]] = {
    "-G": _set("in_query", True),
    "-I": _set("head", True),
    "-k": lambda request: request.config.update(verify_tls=False),
    "-L": lambda request: request.config.update(redirects=10),
    "-f": lambda request: request.config.update(fail_on_status=True),
}
_OPTIONS: dict[str, Callable[[_Request, str], None]] = {
    "-X": _set_method,
    "-H": _header,
    "-d": lambda request, value: request.data.append(value.replace("\r", "").replace("\n", "")),
    "--data-raw": lambda request, value: request.data.append(value),
    "--data-binary": lambda request, value: request.data.append(value),
    "--data-urlencode": _encoded,
    "--json": _json_data,
    "-F": _form_field,
    "--form-string": _form_field,
    "-u": lambda request, value: setattr(request, "user", value),
    "--oauth2-bearer": lambda request, value: setattr(request, "bearer", value),
    "-A": lambda request, value: request.headers.append(("User-Agent", value)),
    "-e": lambda request, value: request.headers.append(("Referer", value)),
    "-b": lambda request, value: request.headers.append(("Cookie", value)),
    "-m": _seconds("total"),
    "--connect-timeout": _seconds("connect"),
    "--url": lambda request, value: setattr(request, "url", value),
    "-T": lambda request, value: setattr(request, "upload", value),
    "--max-redirs": _redirects,
}
_IGNORED = frozenset(
    {"-s", "-v", "-i", "-S", "-O", "-N", "-#", "-g", "--compressed", "--http1.1", "--http2", "--globoff",
     "--no-buffer", "--fail-with-body", "--location-trusted", "--tlsv1.2", "--path-as-is"}
)  # fmt: skip
_IGNORED_WITH_VALUE = frozenset({"-o", "-w", "--write-out", "--retry", "--retry-delay", "-c", "--cookie-jar"})


def _config(request: _Request) -> dict[str, Any]:
    url, params = _address(request)
    headers, auth = _auth(request)
    has_body = bool((request.data and not request.in_query) or request.form or request.upload)
    method = request.method or (
        "HEAD" if request.head else "PUT" if request.upload else "POST" if has_body else "GET"
    )
    config: dict[str, Any] = {"method": method, "url": literal(url), **request.config}
    body, headers = _body(request, headers) if has_body else (None, headers)
    if params:
        config["params"] = _pairs(params)
    if headers:
        config["headers"] = _pairs(headers)
    if auth:
        config["auth"] = auth
    if body:
        config["body"] = body
    if request.timeout:
        config["timeout"] = dict(request.timeout)
    return config


def _pairs(fields: list[tuple[str, str]]) -> list[dict[str, Any]]:
    return [{"name": literal(name), "value": literal(value)} for name, value in fields]


def _address(request: _Request) -> tuple[str, list[tuple[str, str]]]:
    url = request.url if "://" in request.url else f"http://{request.url}"
    try:
        parts = urlsplit(url)
    except ValueError:
        raise NoCurl("The address is malformed.") from None
    query = "&".join([parts.query, *(request.data if request.in_query else [])]).strip("&")
    if parts.username and not request.user:
        request.user = f"{parts.username}:{parts.password or ''}"
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", "")), parse_qsl(query, keep_blank_values=True)


def _auth(request: _Request) -> tuple[list[tuple[str, str]], dict[str, Any]]:
    """The headers without the one that authenticates, and what it says."""
    rest = [(name, value) for name, value in request.headers if name.lower() != "authorization"]
    given = next((value for name, value in request.headers if name.lower() == "authorization"), "")
    scheme, _space, token = given.partition(" ")
    user = request.user
    if scheme.lower() == "basic":
        user = _decoded(token) or user
    if user:
        name, _colon, password = user.partition(":")
        return rest, {"type": "basic", "username": literal(name), "password": literal(password)}
    if request.bearer or scheme.lower() == "bearer":
        return rest, {"type": "bearer", "token": literal(request.bearer or token.strip())}
    if given:
        return rest, {"type": "header", "name": "Authorization", "value": literal(given)}
    return rest, {}


def _decoded(token: str) -> str:
    try:
        return base64.b64decode(token.strip(), validate=True).decode()
    except ValueError:
        return ""


def _body(request: _Request, headers: list[tuple[str, str]]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The body, and the headers without the type that it brings along."""
    kind = next((value for name, value in headers if name.lower() == "content-type"), "")
    rest = [(name, value) for name, value in headers if name.lower() != "content-type"]
    if request.form:
        return {"type": "form_data", "fields": [_form_entry(*entry) for entry in request.form]}, rest
    if request.upload or any(part.startswith("@") for part in request.data):
        return {"type": "binary", "file": None, "content_type": kind}, rest
    text = "&".join(request.data)
    if request.json or kind.startswith(_JSON):
        return _json_body(text), rest
    if not kind or kind.startswith(_FORM):
        fields = parse_qsl(text, keep_blank_values=True)
        if fields and "=" in text:
            return {"type": "urlencoded", "fields": _pairs(fields)}, rest
    return {"type": "raw", "text": literal(text), "content_type": kind or _FORM}, rest


def _json_body(text: str) -> dict[str, Any]:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {"type": "raw", "text": literal(text), "content_type": _JSON}
    return {"type": "json", "value": literal(value)}


def _form_entry(name: str, content: str) -> dict[str, Any]:
    if content.startswith(("@", "<")):
        return {"name": literal(name), "type": "file", "value": None}
    return {"name": literal(name), "type": "text", "value": literal(re.sub(r";type=[^;]*$", "", content))}
