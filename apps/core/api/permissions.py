"""What a key may be used for, and where."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from apps.core.models import ApiKey
from apps.core.models.api_key import Scope


class HasScope(BasePermission):
    """A key needs `read` for reading and `write` for writing, or what the view's `required_scopes` says per method."""

    message = "This API key lacks the scope for this call."

    def has_permission(self, request: Request, view: Any) -> bool:
        """Sessions have every scope."""
        key = request.auth
        if not isinstance(key, ApiKey):
            return True
        scopes: dict[str, str] = getattr(view, "required_scopes", {})
        default = Scope.READ if request.method in SAFE_METHODS else Scope.WRITE
        needed = scopes.get(request.method or "", default)
        return needed in key.scopes or (needed != Scope.WRITE and Scope.WRITE in key.scopes)


class HasWorkspace(BasePermission):
    """The caller belongs to a workspace."""

    message = "No workspace: name one you belong to in the header X-Workspace."

    def has_permission(self, request: Request, view: Any) -> bool:
        """Anonymous callers are answered by IsAuthenticated before this."""
        return bool(getattr(request, "workspace", None))
