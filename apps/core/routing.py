"""Websocket routes of the platform."""

from __future__ import annotations

from typing import Any

from django.urls import path

from apps.core.consumers import EventsConsumer

events: Any = EventsConsumer.as_asgi()  # an ASGI application, which `path` is not typed for

websocket_urlpatterns = [path("ws/events/", events)]
