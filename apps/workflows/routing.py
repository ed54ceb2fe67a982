"""Websocket routes of workflows."""

from __future__ import annotations

from typing import Any

from django.urls import path

from apps.workflows.consumers import RunConsumer, RunListConsumer

# ASGI applications, which `path` is not typed for
run: Any = RunConsumer.as_asgi()
run_list: Any = RunListConsumer.as_asgi()

websocket_urlpatterns = [path("ws/runs/", run_list), path("ws/runs/<uuid:run_id>/", run)]
