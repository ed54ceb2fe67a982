"""`GET /metrics` for Prometheus."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from rest_framework.exceptions import APIException, NotAuthenticated

from apps.core.api.authentication import user_of_key
from apps.core.api.problems import problem_response
from apps.core.exceptions import NotAllowed
from apps.core.metrics import render
from apps.core.metrics.render import CONTENT_TYPE


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """All figures of the installation, for its administrators: they are of all workspaces.

    Asked with the token of the setting METRICS_TOKEN, or an administrator's API key, as bearer; or signed in.
    """
    try:
        _check(request)
    except (APIException, NotAllowed) as error:
        return problem_response(error)
    return HttpResponse(render(), content_type=CONTENT_TYPE)


def _check(request: HttpRequest) -> None:
    scheme, _sep, presented = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        presented = presented.strip()
        token = settings.METRICS_TOKEN
        if token and secrets.compare_digest(presented.encode(), token.encode()):
            return
        user, _key = user_of_key(presented)
    elif request.user.is_authenticated:
        user = request.user
    else:
        raise NotAuthenticated
    if not user.is_superuser:
        raise NotAllowed
