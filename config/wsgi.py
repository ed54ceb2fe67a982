"""Entry point for WSGI servers. Streaming pages and websockets need `config.asgi`."""

from __future__ import annotations

from django.core.wsgi import get_wsgi_application

from config.env import default_settings

default_settings()
application = get_wsgi_application()
