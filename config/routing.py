"""Routes outside Django's: websockets from each app's `routing.py`, HTTP doors past it from each `asgi.py`."""

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


def past_django(application: Any) -> Any:
    """`application`, except for the few doors that apps answer in bare ASGI: `http_doors` in their `asgi.py`."""
    doors: dict[tuple[str, str], Any] = {}
    for config in apps.get_app_configs():
        if config.name.startswith("apps.") and find_spec(f"{config.name}.asgi"):
            doors |= import_module(f"{config.name}.asgi").http_doors

    async def lead(scope: Any, receive: Any, send: Any) -> None:
        door = doors.get((scope.get("method"), scope["path"]), application)
        await door(scope, receive, send)

    return lead
