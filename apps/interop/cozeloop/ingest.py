"""`POST /v1/loop/traces/ingest`, answered when the spans are stored."""

from functools import partial

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from rest_framework.exceptions import APIException

from apps.core.api.problems import describe
from apps.core.exceptions import FlywheelError
from apps.interop.cozeloop.spans import read_spans
from apps.tracing.api.otlp import authorize, presented_key, submit
from apps.tracing.ingest import Parcel, Received
from apps.tracing.otlp import MAX_BYTES, OtlpError

_SHOWN = 5


@csrf_exempt
@require_POST
async def ingest_spans(request: HttpRequest) -> JsonResponse:
    """Spans that can't be stored are named in `msg`; the code is 0 all the same, or all would be sent again."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    body: bytes = request.read(MAX_BYTES + 1)
    parcel = Parcel(
        authorize=partial(authorize, presented_key(headers)),
        read=lambda: Received(*read_spans(body, headers.get("content-encoding", "")), len(body)),
        size=len(body),
    )
    try:
        rejected = await submit(parcel)
    except OtlpError as error:
        return failure(error.status, str(error))
    except (FlywheelError, APIException, PermissionDenied) as error:
        return told(error)
    return JsonResponse({"code": 0, "msg": " ".join(rejected[:_SHOWN])})


def told(error: Exception) -> JsonResponse:
    """An expected error in the SDK's shape."""
    document, headers = describe(error)
    if document is None:
        raise error
    response = failure(document["status"], str(document.get("detail") or document["title"]))
    for name, value in headers.items():
        response[name] = value
    return response


def failure(status: int, message: str) -> JsonResponse:
    """A code that is not 0, and the sentence the SDK logs."""
    return JsonResponse({"code": status, "msg": message}, status=status)
