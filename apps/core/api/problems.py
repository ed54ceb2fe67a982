"""Errors as RFC 9457 problem documents."""

from __future__ import annotations

import logging
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DataError
from django.http import Http404, JsonResponse
from django.utils.translation import gettext as _
from rest_framework import exceptions as drf
from rest_framework.response import Response
from rest_framework.views import set_rollback

from apps.core.exceptions import FlywheelError, RateLimited

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"


def problem(*, status: int, code: str, title: str, detail: str = "", **extra: Any) -> dict[str, Any]:
    """Return the members of a problem document; `extra` members are kept as they are."""
    document = {
        "type": f"urn:flywheel:problem:{code}",
        "title": title,
        "status": status,
        "code": code,
        **extra,
    }
    if detail:
        document["detail"] = detail
    return document


def problem_exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turn what a view raised into a problem; anything unexpected is left to Django's 500 handling."""
    document, headers = describe(error)
    if document is None:
        return None
    set_rollback()
    return Response(document, status=document["status"], headers=headers, content_type=CONTENT_TYPE)


def problem_response(error: Exception) -> JsonResponse:
    """The same for plain Django views; an unexpected error becomes a 500 problem and is logged."""
    document, headers = describe(error)
    if document is None:
        logger.error("Unexpected error", exc_info=error)
        document = problem(status=500, code="error", title=_("Something went wrong"))
    return JsonResponse(document, status=document["status"], headers=headers, content_type=CONTENT_TYPE)


def describe(error: Exception) -> tuple[dict[str, Any] | None, dict[str, str]]:
    """Return the problem document and headers of `error`; None for what nobody expected."""
    if isinstance(error, FlywheelError):
        headers = {"Retry-After": str(round(error.retry_after))} if isinstance(error, RateLimited) else {}
        document = problem(
            status=error.status,
            code=error.code,
            title=str(error.title),
            detail=str(error.detail),
            **error.extra,
        )
        return document, headers
    if isinstance(error, RequestDataTooBig):
        return problem(status=413, code="too_large", title=_("Too large"), detail=str(error)), {}
    if isinstance(error, SuspiciousOperation):
        # more fields or files in a form than anybody sends
        return _invalid({"": [str(error)]}), {}
    if isinstance(error, DataError):
        # a time of a zone that is none, a number that no column holds: the value is at fault, whichever it is
        logger.warning("A value can't be stored: %s", error)
        return _invalid({"": [_("A value lies outside of what can be stored.")]}), {}
    if isinstance(error, Http404):
        return problem(status=404, code="not_found", title=_("Not found")), {}
    if isinstance(error, PermissionDenied):
        return problem(status=403, code="not_allowed", title=_("Not allowed"), detail=str(error)), {}
    if isinstance(error, DjangoValidationError):
        return _invalid({"": error.messages}), {}
    if isinstance(error, drf.APIException):
        return _from_drf(error), _headers(error)
    return None, {}


def _from_drf(error: drf.APIException) -> dict[str, Any]:
    if isinstance(error, drf.ValidationError):
        return _invalid(error.detail)
    code = error.get_codes()
    return problem(
        status=error.status_code,
        code=code if isinstance(code, str) else error.default_code,
        title=str(error.default_detail),
        detail=str(error.detail),
    )


def _invalid(errors: Any) -> dict[str, Any]:
    fields = errors if isinstance(errors, dict) else {"": errors}
    return problem(status=400, code="invalid", title=_("The content is not valid"), errors=fields)


def _headers(error: drf.APIException) -> dict[str, str]:
    headers: dict[str, str] = {}
    # set by DRF on the instance: which header asks for credentials, and how long a throttled caller waits
    if auth_header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = str(auth_header)
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait))
    return headers
