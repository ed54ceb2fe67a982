"""The base of pages for administrators of the installation: accounts, groups, schedules."""

from __future__ import annotations

from typing import Any, TypeVar

from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views import View
from unfold.admin import ModelAdmin

from apps.core.admin.base import ConsoleModelAdmin
from apps.core.admin.pages import ConsolePage

M = TypeVar("M", bound=models.Model)


def is_superuser(request: HttpRequest) -> bool:
    """Tell whether an administrator of the installation is at the page."""
    return bool(request.user.is_active and getattr(request.user, "is_superuser", False))


class InstallationAdmin(ConsoleModelAdmin[M]):
    """Rows that belong to no workspace; superusers only."""

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[M]:
        """All rows."""
        queryset: models.QuerySet[M] = ModelAdmin.get_queryset(self, request)
        return queryset

    def may(self, request: HttpRequest, action: str, obj: M | None = None) -> bool:
        """Superusers may, others may not."""
        return is_superuser(request)

    def has_view_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Superusers only."""
        return is_superuser(request)


class InstallationPage(ConsolePage):
    """A page for superusers; it needs no workspace."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Check access, then go on."""
        self.check_access(request, **kwargs)
        return View.dispatch(self, request, *args, **kwargs)

    def check_access(self, request: HttpRequest, **kwargs: Any) -> None:
        """Superusers only."""
        if not is_superuser(request):
            raise PermissionDenied
