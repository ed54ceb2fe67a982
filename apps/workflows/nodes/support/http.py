"""What is sent over HTTP and what comes back: configuration parts and pure functions."""

from __future__ import annotations

import base64
import email.utils
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from email.message import Message
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlsplit

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.knowledge.parsing import ParseError
from apps.knowledge.parsing.encoding import decode
from apps.workflows.dsl.dynamic import DynamicAny, DynamicFile, DynamicText
from apps.workflows.dsl.sentences import Sentence
from apps.workflows.engine.errors import NodeError
from apps.workflows.engine.node import NodeConfig

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
#: Methods that change nothing, for which no idempotency key is sent.
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
#: Answers after which the same request may succeed later.
RETRYABLE = frozenset({408, 425, 429, 500, 502, 503, 504})

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_TEXT_TYPES = re.compile(
    r"text/.*|application/(.*\+)?(json|xml|yaml|x-yaml|javascript|ecmascript|graphql|sql|toml|csv|x-ndjson|jsonl"
    r"|x-www-form-urlencoded|problem\+json)|image/svg\+xml|message/.*"
)
_JSON_TYPES = re.compile(r"(application|text)/(.*\+)?json")
_MAX_RETRY_AFTER_S = 3600.0


class Pair(NodeConfig):
    """A name and a value; the same name may come several times."""

    name: DynamicText = Field(title=_("Name"))
    value: DynamicText = Field("", title=_("Value"))
    enabled: bool = Field(True, title=_("On"))


class NoAuth(NodeConfig):
    """No authentication."""

    type: Literal["none"] = "none"


class BasicAuth(NodeConfig):
    """User name and password (RFC 7617)."""

    type: Literal["basic"] = "basic"
    username: DynamicText = Field("", title=_("User name"))
    password: DynamicText = Field("", title=_("Password"), json_schema_extra={"x-widget": "secret"})


class BearerAuth(NodeConfig):
    """A token in the Authorization header (RFC 6750)."""

    type: Literal["bearer"] = "bearer"
    token: DynamicText = Field("", title=_("Token"), json_schema_extra={"x-widget": "secret"})


class HeaderAuth(NodeConfig):
    """A key in a header of its own."""

    type: Literal["header"] = "header"
    name: DynamicText = Field("X-API-Key", title=_("Header"))
    value: DynamicText = Field("", title=_("Key"), json_schema_extra={"x-widget": "secret"})


class QueryAuth(NodeConfig):
    """A key in the query of the address."""

    type: Literal["query"] = "query"
    name: DynamicText = Field("api_key", title=_("Parameter"))
    value: DynamicText = Field("", title=_("Key"), json_schema_extra={"x-widget": "secret"})


Auth = Annotated[NoAuth | BasicAuth | BearerAuth | HeaderAuth | QueryAuth, Field(discriminator="type")]


class NoBody(NodeConfig):
    """Nothing is sent."""

    type: Literal["none"] = "none"


class JsonBody(NodeConfig):
    """A value as JSON; a text must be JSON already."""

    type: Literal["json"] = "json"
    value: DynamicAny = Field(None, title=_("Value"), json_schema_extra={"x-widget": "json"})


class RawBody(NodeConfig):
    """A text as it stands."""

    type: Literal["raw"] = "raw"
    text: DynamicText = Field("", title=_("Text"), json_schema_extra={"x-widget": "textarea"})
    content_type: str = Field("text/plain; charset=utf-8", title=_("Content type"))


class FormField(NodeConfig):
    """A field of a multipart form: a text, or one or several files."""

    name: DynamicText = Field(title=_("Name"))
    type: Literal["text", "file"] = Field("text", title=_("Kind"))
    value: DynamicAny = Field("", title=_("Value"))
    enabled: bool = Field(True, title=_("On"))


class FormBody(NodeConfig):
    """multipart/form-data."""

    type: Literal["form_data"] = "form_data"
    fields: list[FormField] = Field(default_factory=list, title=_("Fields"))


class UrlencodedBody(NodeConfig):
    """application/x-www-form-urlencoded."""

    type: Literal["urlencoded"] = "urlencoded"
    fields: list[Pair] = Field(default_factory=list, title=_("Fields"))


class BinaryBody(NodeConfig):
    """The content of a file."""

    type: Literal["binary"] = "binary"
    file: DynamicFile | None = Field(None, title=_("File"), json_schema_extra={"x-widget": "reference"})
    content_type: str = Field("", title=_("Content type"), description=_("Empty: the file's own."))


Body = Annotated[
    NoBody | JsonBody | RawBody | FormBody | UrlencodedBody | BinaryBody, Field(discriminator="type")
]


class Timeout(NodeConfig):
    """Seconds."""

    connect: float = Field(10.0, gt=0, le=600, title=_("To connect"))
    read: float = Field(60.0, gt=0, le=3600, title=_("Between two pieces of the answer"))
    total: float = Field(120.0, gt=0, le=3600, title=_("In all"))


def origin_of(url: str) -> str:
    """Scheme and host, the part of an address that holds no secret."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "the address"
    return f"{parts.scheme}://{parts.hostname}{port}" if parts.hostname else "the address"


def check_url(url: str) -> str:
    """The address without blanks around it. Raises `NodeError` (invalid_url), which does not repeat it."""
    text = url.strip()
    try:
        parts = urlsplit(text)
        _port = parts.port
    except ValueError as error:
        raise NodeError(Sentence(_("The address is malformed.")), code="invalid_url") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise NodeError(
            Sentence(_("The address must begin with http:// or https:// and name a host.")),
            code="invalid_url",
        )
    return text


def pairs(fields: Iterable[Pair]) -> list[tuple[str, str]]:
    """Names and values of those that are switched on and have a name."""
    return [(field.name, field.value) for field in fields if field.enabled and field.name]


def headers_of(fields: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers; values of a name that comes twice are joined by commas. Raises `NodeError` (invalid_header)."""
    found: dict[str, str] = {}
    names: dict[str, str] = {}
    for raw_name, raw_value in fields:
        name, value = raw_name.strip(), raw_value.strip()
        if not _TOKEN.fullmatch(name):
            raise NodeError(f"A header can't be called {name[:40]!r}.", code="invalid_header")
        if any(sign in value for sign in "\r\n\0"):
            raise NodeError(f"The header {name} has a line break in its value.", code="invalid_header")
        known = names.setdefault(name.lower(), name)
        found[known] = f"{found[known]}, {value}" if known in found else value
    return found


def authorise(auth: Auth, headers: dict[str, str], params: list[tuple[str, str]]) -> None:
    """Add what `auth` asks for; it wins over a header of the same name."""
    if isinstance(auth, BasicAuth):
        token = base64.b64encode(f"{auth.username}:{auth.password}".encode()).decode()
        _set(headers, "Authorization", f"Basic {token}")
    elif isinstance(auth, BearerAuth):
        _set(headers, "Authorization", f"Bearer {auth.token.strip()}")
    elif isinstance(auth, HeaderAuth):
        _set(headers, auth.name, auth.value)
    elif isinstance(auth, QueryAuth):
        params.append((auth.name, auth.value))


def _set(headers: dict[str, str], name: str, value: str) -> None:
    checked = headers_of([(name, value)])
    for known in [known for known in headers if known.lower() == name.strip().lower()]:
        del headers[known]
    headers.update(checked)


def has_header(headers: Mapping[str, str], name: str) -> bool:
    """Whether a header is there, in whatever case."""
    return any(known.lower() == name.lower() for known in headers)


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds that the server asks to wait (RFC 9110, 10.2.3: seconds or a date); None when it does not."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value), _MAX_RETRY_AFTER_S)
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(0.0, (moment - (now or datetime.now(UTC))).total_seconds()), _MAX_RETRY_AFTER_S)


def content_type(headers: Mapping[str, str]) -> tuple[str, str]:
    """Media type in lower case and charset, "" where the answer names none."""
    message = Message()
    message["content-type"] = headers.get("content-type", "")
    kind = message.get_content_type() if headers.get("content-type") else ""
    return kind, str(message.get_content_charset("") or "")


def is_json(kind: str) -> bool:
    """Whether a media type is JSON."""
    return bool(_JSON_TYPES.fullmatch(kind))


def is_text(kind: str, body: bytes) -> bool:
    """Whether an answer is text: by its type, and where that says nothing by its bytes."""
    if kind and kind != "application/octet-stream":
        return bool(_TEXT_TYPES.fullmatch(kind))
    if b"\0" in body:
        return False
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def text_of(body: bytes, charset: str) -> str:
    """The body as text: its declared charset, a byte order mark, UTF-8, or the likeliest encoding."""
    if charset:
        try:
            return body.decode(charset, errors="replace")
        except LookupError:
            pass
    try:
        return decode(body)
    except ParseError:
        return body.decode("utf-8", errors="replace")


def attachment_name(headers: Mapping[str, str]) -> str:
    """The file name of a `Content-Disposition: attachment`; "" when there is none, "file" when it has no name."""
    raw = headers.get("content-disposition", "")
    message = Message()
    message["content-disposition"] = raw
    if not raw or message.get_content_disposition() != "attachment":
        return ""
    return message.get_filename() or "file"


def file_name(headers: Mapping[str, str], url: str) -> str:
    """A name for the answer's file: as attached, else the last part of the address."""
    attached = attachment_name(headers)
    if attached and attached != "file":
        return attached
    try:
        return unquote(urlsplit(url).path).rstrip("/").rpartition("/")[2]
    except ValueError:
        return ""


def parts_of(value: Any) -> Sequence[Any]:
    """A list as it is, anything else as a list of one."""
    return value if isinstance(value, list) else [value]
