"""Entry point of the web process: HTTP and websockets."""

from __future__ import annotations

import gc

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application

from config.env import default_settings

default_settings()
http_application = get_asgi_application()  # sets the apps up; routes may be imported after it

from apps.core.lifespan import lifespan  # noqa: E402  # what apps register there needs the app registry
from config.routing import past_django, websocket_routes  # noqa: E402  # as above

application = ProtocolTypeRouter(
    {
        "lifespan": lifespan,
        "http": past_django(http_application),
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_routes()))),
    }
)

# What is loaded by now lives as long as the process. Kept out of collections, they take a millisecond instead of a
# hundred, during which no request, token or span would move.
gc.collect()
gc.freeze()
