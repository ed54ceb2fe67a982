"""What every request carries."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from apps.core.ids import is_uuid
from apps.core.metrics.http import count_request
from apps.core.models import User, Workspace

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from django.http.response import HttpResponseBase

    GetResponse = Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]

SESSION_KEY = "workspace"


class _Middleware:
    """Works under both kinds of server without switching threads."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if iscoroutinefunction(self.get_response):
            return self._call_async(request)
        started = self.before(request)
        response = self.get_response(request)
        self.after(request, response, started)  # type: ignore[arg-type]  # a sync handler returns a response
        return response

    async def _call_async(self, request: HttpRequest) -> HttpResponseBase:
        started = self.before(request)
        response: HttpResponseBase = await self.get_response(request)  # type: ignore[misc]  # an async handler
        self.after(request, response, started)
        return response

    def before(self, request: HttpRequest) -> float:
        """Run before the view; returns the time."""
        return time.perf_counter()

    def after(self, request: HttpRequest, response: HttpResponseBase, started: float) -> None:
        """Run after the view."""


class ServerTimingMiddleware(_Middleware):
    """Says how long the server took (`Server-Timing`, shown by browsers' developer tools), and counts the request."""

    def after(self, request: HttpRequest, response: HttpResponseBase, started: float) -> None:
        """Add the header, and count."""
        seconds = time.perf_counter() - started
        response["Server-Timing"] = f"app;dur={seconds * 1000:.1f}"
        match = request.resolver_match
        count_request(
            method=request.method or "",
            route=match.route if match else "",
            status=response.status_code,
            seconds=seconds,
        )


class WorkspaceMiddleware(_Middleware):
    """`request.workspace`: the one chosen in the console, or named by the header `X-Workspace`, or None."""

    def before(self, request: HttpRequest) -> float:
        """Attach the lazy workspace."""
        request.workspace = SimpleLazyObject(lambda: current_workspace(request))  # type: ignore[attr-defined]
        return time.perf_counter()


def current_workspace(request: HttpRequest) -> Workspace | None:
    """Find the workspace of a signed-in person's request: header, session, else their first one."""
    user = request.user
    if not isinstance(user, User) or not user.is_active:
        return None
    allowed = Workspace.objects.visible_to(user)
    named = request.headers.get("X-Workspace") or request.session.get(SESSION_KEY)
    if named and is_uuid(named):
        found = allowed.filter(pk=named).first()
        if found is not None or "X-Workspace" in request.headers:
            return found
    return allowed.order_by("created_at").first()
