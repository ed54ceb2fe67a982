"""Websocket routes of agents."""

from __future__ import annotations

from django.urls import path

from apps.agents.consumers import ChatConsumer, ShareConsumer

websocket_urlpatterns = [
    path("ws/chat/<uuid:conversation_id>/", ChatConsumer.as_asgi()),
    path("ws/share/<str:token>/", ShareConsumer.as_asgi()),
]
