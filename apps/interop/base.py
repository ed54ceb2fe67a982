"""What the endpoints of all adapters have in common: who calls, how errors look."""

from typing import Any

from django.contrib.auth.models import AnonymousUser
from rest_framework.authentication import BaseAuthentication
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.actors import Actor
from apps.core.api.authentication import user_of_key
from apps.core.api.parsers import BoundedJSONParser
from apps.core.json import storable
from apps.core.models import ApiKey, User, Workspace
from apps.tracing.api.otlp import presented_key

#: Who asks; nobody who isn't signed in gets past the views' permissions.
Caller = User | AnonymousUser


class KeyPairAuthentication(BaseAuthentication):
    """`Basic base64(public key:secret key)`: our API key is the secret key, the public one may be anything."""

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        """Read the header; a bearer token is taken as well."""
        presented = presented_key({"authorization": request.headers.get("Authorization", "")})
        if not presented:
            return None
        user, key = user_of_key(presented)
        request._request.workspace = key.workspace  # type: ignore[attr-defined]  # see WorkspaceMiddleware
        return user, key

    def authenticate_header(self, request: Request) -> str:
        """Make missing credentials a 401."""
        return 'Basic realm="api"'


class AdapterView(APIView):
    """An endpoint. Replies are plain JSON; a redirect would lose what clients send, so there is none."""

    authentication_classes = [KeyPairAuthentication]
    # one bad text is no reason to refuse the other events of a batch
    parser_classes = [BoundedJSONParser, FormParser, MultiPartParser]
    schema = None

    @property
    def workspace(self) -> Workspace:
        """The workspace of the key."""
        workspace: Workspace = self.request.workspace  # type: ignore[attr-defined]  # set above
        return workspace

    @property
    def actor(self) -> Actor:
        """The caller."""
        return Actor.from_request(self.request)

    def handle_exception(self, error: Exception) -> Response:
        """A problem document with the `message` that these clients print.

        Never 409, which they would send again and again.
        """
        response: Response = super().handle_exception(error)
        # what was wrong may be quoted, and may be what no encoding has
        data: Any = storable(response.data)
        if isinstance(data, dict):
            data.setdefault("message", data.get("detail") or data.get("title", ""))
        response.data = data
        if response.status_code == 409:
            response.status_code = 400
        return response
