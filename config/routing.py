"""Websocket routes, collected from each app's `routing.py`."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.apps import apps


def websocket_routes() -> list[Any]:
    """Collect `websocket_urlpatterns` of every app of ours that has some."""
    found: list[Any] = []
    for config in apps.get_app_configs():
        if config.name.startswith("apps.") and find_spec(f"{config.name}.routing"):
            found += import_module(f"{config.name}.routing").websocket_urlpatterns
    return found
