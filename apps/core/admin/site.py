"""The admin site as the console."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.sites import UnfoldAdminSite

from apps.core.admin.language import with_account_language
from apps.core.admin.pages import registered_pages
from apps.core.middleware import SESSION_KEY
from apps.core.models import Workspace


class ConsoleSite(UnfoldAdminSite):
    """Adds the registered pages and the workspace switch; everything keeps the admin's frame and permissions."""

    index_title = _("Overview")

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Put our pages before the models' own."""
        own = [path("workspace/<uuid:pk>/", self.admin_view(switch_workspace), name="switch_workspace")]
        for page in registered_pages():
            view = page.view.as_view(admin_site=self)
            own.append(path(page.route, self.admin_view(view), name=page.name))
        urls: Sequence[URLPattern | URLResolver] = super().get_urls()
        return [*own, *urls]

    def has_permission(self, request: HttpRequest) -> bool:
        """Anybody with an active account that may use the console."""
        return bool(request.user.is_active and getattr(request.user, "is_staff", False))

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Log in, and bring the account's language to this browser."""
        response: HttpResponse = super().login(request, extra_context)
        return with_account_language(request, response)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """The models a person may see, by app; made when somebody looks at it.

        Each page is given the list and none shows it (the sidebar is our own), but it asks the database once per model.
        """
        return cast("list[Any]", SimpleLazyObject(partial(super().get_app_list, request, app_label)))

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Add the current workspace for templates."""
        context: dict[str, Any] = super().each_context(request)
        workspace = getattr(request, "workspace", None)
        context["current_workspace"] = workspace or None
        return context


@require_POST
def switch_workspace(request: HttpRequest, pk: Any) -> HttpResponse:
    """Make another workspace the current one, if the person may enter it."""
    workspace = Workspace.objects.visible_to(request.user).filter(pk=pk).first()
    if workspace is not None:
        request.session[SESSION_KEY] = str(workspace.pk)
    return redirect(reverse("admin:index"))
