"""The OTLP/HTTP door: `POST /v1/traces`, answered after the commit."""

import asyncio
import base64
import binascii
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from rest_framework.exceptions import APIException, AuthenticationFailed

from apps.core import permissions
from apps.core.actors import Actor
from apps.core.api.authentication import user_of_key
from apps.core.api.problems import CONTENT_TYPE, problem, problem_response
from apps.core.exceptions import FlywheelError, RateLimited, Unavailable
from apps.core.models.api_key import Scope
from apps.tracing.ingest import BusyError, Parcel, Received, UnavailableError, current_ingestor
from apps.tracing.models import Observation
from apps.tracing.otlp import MAX_BYTES, OtlpError, decode, inflate, reply

RETRY_AFTER_S = 1
#: A key may stand in any of these when the client can't set `Authorization`.
KEY_HEADERS = ("api_key", "x-api-key")
#: How the public halves of Langfuse's key pairs begin.
PUBLIC_KEY_PREFIX = "pk-"
GOOD_FOR_S = 1.0
MAX_GOOD_KEYS = 10_000

_good_keys: dict[str, tuple[UUID, float]] = {}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the client gets."""

    status: int
    content_type: str
    body: bytes
    headers: Mapping[str, str]


async def export(headers: Mapping[str, str], body: bytes) -> Answer:
    """Store the spans of a request and say which could not be. `headers` by lower-case names.

    Takes protobuf and JSON, plain or compressed, with an API key as bearer token, as basic password or in `api_key`.
    Errors are problem documents: exporters only look at the status, people read the rest.
    """
    content_type = headers.get("content-type", "")
    try:
        parcel = Parcel(
            authorize=partial(authorize, presented_key(headers)),
            read=partial(
                read_export,
                body,
                content_type,
                headers.get("content-encoding", ""),
                presented_public_key(headers),
            ),
            size=len(body),
        )
        rejected = await submit(parcel)
    except (FlywheelError, APIException, PermissionDenied) as error:
        return refused(error)
    except OtlpError as error:
        return too_bad(error)
    as_json = content_type.lower().startswith("application/json")
    kind = "application/json" if as_json else "application/x-protobuf"
    return Answer(200, kind, reply(rejected, as_json=as_json), {})


@csrf_exempt
@require_POST
async def export_traces(request: HttpRequest) -> HttpResponse:
    """The door as a Django view; `apps.tracing.asgi` leads past it where the server speaks ASGI."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    body: bytes = request.read(MAX_BYTES + 1)
    answer = await export(headers, body)
    return HttpResponse(
        answer.body, status=answer.status, content_type=answer.content_type, headers=answer.headers
    )


def too_bad(error: OtlpError) -> Answer:
    """The answer to a request that can't be read as a whole."""
    document = problem(status=error.status, code=error.code, title=_("Not an OTLP export"), detail=str(error))
    return _answer(JsonResponse(document, status=error.status, content_type=CONTENT_TYPE))


def refused(error: FlywheelError | APIException | PermissionDenied) -> Answer:
    """The answer to a request that is refused."""
    answer = _answer(problem_response(error))
    if answer.status != HTTPStatus.SERVICE_UNAVAILABLE:
        return answer
    return replace(answer, headers={**answer.headers, "Retry-After": str(RETRY_AFTER_S)})


def busy() -> RateLimited:
    """What a client is told that sends more than can be stored."""
    return RateLimited(
        _("More spans arrive than can be stored. Send again in a moment."), retry_after=RETRY_AFTER_S
    )


def _answer(response: JsonResponse) -> Answer:
    headers = {name: value for name, value in response.items() if name.lower() != "content-type"}
    return Answer(response.status_code, response["Content-Type"], response.content, headers)


async def submit(parcel: Parcel) -> list[str]:
    """Hand a parcel over and wait until it is stored; raises what the client has to be told."""
    try:
        current_ingestor().submit(parcel)
        return await asyncio.wrap_future(parcel.done)
    except BusyError:
        raise busy() from None
    except UnavailableError:
        raise Unavailable(_("The database takes no spans at the moment. Send again in a moment.")) from None


def authorize(presented: str) -> UUID:
    """The workspace that a key may write spans into; raises AuthenticationFailed or NotAllowed.

    Exporters send many requests a second with one key: a key that was good is taken at its word for a second.
    """
    known = _good_keys.get(presented)
    if known is not None and time.monotonic() < known[1]:
        return known[0]
    workspace_id = _authorize(presented)
    if len(_good_keys) >= MAX_GOOD_KEYS:
        _good_keys.clear()
    _good_keys[presented] = (workspace_id, time.monotonic() + GOOD_FOR_S)
    return workspace_id


def _authorize(presented: str) -> UUID:
    if not presented:
        raise AuthenticationFailed(
            _("Send an API key, as bearer token or as the password of basic authentication.")
        )
    user, key = user_of_key(presented)
    if Scope.WRITE not in key.scopes and Scope.INGEST not in key.scopes:
        raise PermissionDenied(_("This API key lacks the scope for this call."))
    permissions.require_in(Actor.for_user(user), "add", Observation, key.workspace)
    return key.workspace_id


def presented_key(headers: Mapping[str, str]) -> str:
    """The API key a client sent, wherever it put it; empty when there is none. `headers` by lower-case names."""
    scheme, value = _authorization(headers)
    if scheme == "bearer":
        return value
    if scheme == "basic":
        name, password = _credentials(value)
        # some exporters can only set a user name
        return password or name
    return next((found for name in KEY_HEADERS if (found := headers.get(name))), "")


def presented_public_key(headers: Mapping[str, str]) -> str:
    """The public key that a Langfuse client sent beside its API key, as user name; empty for other user names."""
    scheme, value = _authorization(headers)
    name, password = _credentials(value) if scheme == "basic" else ("", "")
    return name if password and name.startswith(PUBLIC_KEY_PREFIX) else ""


def _authorization(headers: Mapping[str, str]) -> tuple[str, str]:
    scheme, _sep, value = headers.get("authorization", "").partition(" ")
    return scheme.lower(), value.strip()


def _credentials(encoded: str) -> tuple[str, str]:
    """Name and password of basic authentication; both empty when it is none."""
    try:
        name, _sep, password = base64.b64decode(encoded, validate=True).decode("latin-1").partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return name, password


def read_export(body: bytes, content_type: str, encoding: str, public_key: str = "") -> Received:
    """The spans of a request body, as `decode` says; raises OtlpError."""
    inflated = inflate(body, encoding)
    decoded = decode(inflated, content_type, public_key)
    return Received(decoded.spans, decoded.rejected, len(inflated))
