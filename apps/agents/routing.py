"""Websocket routes of agents."""

from __future__ import annotations

from typing import Any

from django.urls import path

from apps.agents.consumers import ChatConsumer, ShareConsumer

# ASGI applications, which `path` is not typed for
chat: Any = ChatConsumer.as_asgi()
share: Any = ShareConsumer.as_asgi()

websocket_urlpatterns = [
    path("ws/chat/<uuid:conversation_id>/", chat),
    path("ws/share/<str:token>/", share),
]
