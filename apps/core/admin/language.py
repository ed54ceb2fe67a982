"""Choosing a language. It is kept with the account, and in a cookie for the pages before the login."""

from __future__ import annotations

from typing import TypeVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import check_for_language
from django.views.decorators.http import require_POST

from apps.core.actors import Actor
from apps.core.models import User
from apps.core.services.user import change_profile

R = TypeVar("R", bound=HttpResponseBase)


@require_POST
def switch_language(request: HttpRequest) -> HttpResponse:
    """Switch to the language `language` and go back to `next`."""
    language = request.POST.get("language", "")
    target = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        target = reverse("admin:index")
    response = redirect(target)
    if language not in dict(settings.LANGUAGES) or not check_for_language(language):
        return response
    if isinstance(request.user, User) and request.user.is_active:
        change_profile(
            actor=Actor.from_request(request),
            user=request.user,
            name=request.user.first_name,
            language=language,
        )
    return remember(response, language)


def remember(response: R, language: str) -> R:
    """Set the language cookie on a response."""
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=365 * 24 * 3600,
        secure=bool(settings.SESSION_COOKIE_SECURE),
        httponly=True,
        samesite="Lax",
    )
    return response


def with_account_language(request: HttpRequest, response: R) -> R:
    """After a login, bring the account's language to this browser."""
    if request.method == "POST" and isinstance(request.user, User) and request.user.language:
        return remember(response, request.user.language)
    return response
