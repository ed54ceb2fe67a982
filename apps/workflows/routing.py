"""Websocket routes of workflows."""

from __future__ import annotations

from typing import Any

from django.urls import path

from apps.workflows.consumers import RunConsumer

# an ASGI application, which `path` is not typed for
run: Any = RunConsumer.as_asgi()

websocket_urlpatterns = [path("ws/runs/<uuid:run_id>/", run)]
