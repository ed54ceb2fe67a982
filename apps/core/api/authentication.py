"""Who calls."""

from __future__ import annotations

from django.utils.translation import gettext as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, SessionAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from apps.core.models import ApiKey, User
from apps.core.services.api_key import find_api_key, record_use


def user_of_key(presented: str) -> tuple[User, ApiKey]:
    """Return the person and the key behind a presented key; raises `AuthenticationFailed` with what is wrong."""
    key = find_api_key(presented)
    if key is None:
        raise AuthenticationFailed(_("This API key is not known here."), code="unknown_key")
    if key.revoked_at is not None:
        raise AuthenticationFailed(_("This API key was revoked."), code="revoked_key")
    if not key.is_usable:
        raise AuthenticationFailed(
            _("This API key has expired. Create a new one in the console."), code="expired_key"
        )
    if not key.user.is_active:
        raise AuthenticationFailed(
            _("The account behind this API key is switched off."), code="inactive_user"
        )
    record_use(key)
    return key.user, key


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer fw_…`; the key also fixes the workspace."""

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        """Read the header; other schemes are left to other authenticators."""
        scheme, _sep, presented = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        user, key = user_of_key(presented.strip().decode("latin-1"))
        request._request.workspace = key.workspace  # type: ignore[attr-defined]  # see WorkspaceMiddleware
        return user, key

    def authenticate_header(self, request: Request) -> str:
        """Make missing credentials a 401."""
        return 'Bearer realm="api"'


class ConsoleSessionAuthentication(SessionAuthentication):
    """The console's own pages: session cookie and CSRF token."""


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # drf-spectacular's metaclass
    """Describes API keys in the OpenAPI document."""

    target_class = ApiKeyAuthentication
    name = "apiKey"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        """Return the security scheme."""
        return {"type": "http", "scheme": "bearer", "description": "An API key from Settings → API keys."}


class ConsoleSessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # as above
    """Describes session cookies in the OpenAPI document."""

    target_class = ConsoleSessionAuthentication
    name = "session"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        """Return the security scheme."""
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}
