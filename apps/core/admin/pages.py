"""Custom pages inside the admin site."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.functional import Promise
from django.views import View

from apps.core.actors import Actor
from apps.core.models import Workspace


class ConsolePage(View):
    """A page in the console's frame.

    Set `title` and `template_name` (extending `console/page.html`), override `get_page_context`, and say in
    `check_access` who may come; the default lets every member of the current workspace in.
    """

    title: ClassVar[str | Promise] = ""
    template_name: ClassVar[str] = ""
    admin_site: AdminSite | None = None

    @property
    def workspace(self) -> Workspace:
        """The current workspace; `dispatch` has made sure that there is one."""
        workspace: Workspace = self.request.workspace  # type: ignore[attr-defined]  # WorkspaceMiddleware
        return workspace

    @property
    def actor(self) -> Actor:
        """The person at the page."""
        return Actor.from_request(self.request)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Check access before anything else; a `FlywheelError` becomes its status and sentence."""
        if not getattr(request, "workspace", None):
            raise PermissionDenied
        self.check_access(request, **kwargs)
        return super().dispatch(request, *args, **kwargs)

    def check_access(self, request: HttpRequest, **kwargs: Any) -> None:
        """Raise `PermissionDenied` or `Http404` for people who may not come."""

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """Render the page; one without a template takes other methods only."""
        if not self.template_name:
            return self.http_method_not_allowed(request)
        return self.render(self.get_page_context(request, **kwargs))

    def render(self, context: dict[str, Any], status: int = 200) -> TemplateResponse:
        """Render the template in the console's frame."""
        assert self.admin_site is not None  # noqa: S101  # set by the site that mounts the page
        frame = {**self.admin_site.each_context(self.request), "title": self.get_title(context)}
        self.request.current_app = self.admin_site.name  # Django's admin convention
        return TemplateResponse(self.request, self.template_name, {**frame, **context}, status=status)

    def get_title(self, context: dict[str, Any]) -> str:
        """Return the page's title."""
        return str(context.get("title", self.title))

    def get_page_context(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """Return what the template shows."""
        return {}


@dataclass(frozen=True, slots=True)
class RegisteredPage:
    """A page and where it is mounted below the console."""

    route: str
    view: type[ConsolePage]
    name: str


_pages: dict[str, RegisteredPage] = {}


def register(route: str, view: type[ConsolePage], name: str) -> None:
    """Mount `view` at `route` below the console as `admin:<name>`; called from `apps.py`."""
    if name in _pages and _pages[name].view is not view:
        raise ValueError(f"A page called {name!r} is registered already.")
    _pages[name] = RegisteredPage(route, view, name)


def registered_pages() -> list[RegisteredPage]:
    """Return all pages."""
    return list(_pages.values())
