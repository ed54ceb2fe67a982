"""The role of the person at the page, looked up once per request."""

from __future__ import annotations

from django.db import models
from django.http import HttpRequest

from apps.core import permissions
from apps.core.access import Access, Role
from apps.core.models import User


def current_role(request: HttpRequest) -> Role | None:
    """Return the person's role in the current workspace; None for visitors and non-members."""
    if not hasattr(request, "_current_role"):
        workspace = getattr(request, "workspace", None)
        known = isinstance(request.user, User) and request.user.is_active and workspace
        request._current_role = (  # type: ignore[attr-defined]  # memo of this request
            permissions.role_in(request.user, workspace) if known else None  # type: ignore[arg-type]  # `known` checked
        )
    role: Role | None = request._current_role  # type: ignore[attr-defined]  # set above
    return role


def role_allows(request: HttpRequest, action: str, model: type[models.Model]) -> bool:
    """Tell whether that role includes `action` on `model`; superusers may do everything that anybody may."""
    access: Access = getattr(model, "access", Access())
    needed = access.lowest(action)
    if getattr(request.user, "is_superuser", False):
        return bool(request.user.is_active)
    role = current_role(request)
    return role is not None and needed is not None and role.includes(needed)
