"""Websocket routes, collected from each app's `routing.py`."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from django.apps import apps
from django.urls import URLPattern


def websocket_routes() -> list[URLPattern]:
    """Collect `websocket_urlpatterns` of every app of ours that has some."""
    found: list[URLPattern] = []
    for config in apps.get_app_configs():
        if config.name.startswith("apps.") and find_spec(f"{config.name}.routing"):
            found += import_module(f"{config.name}.routing").websocket_urlpatterns
    return found
