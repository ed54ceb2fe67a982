"""Actions that a higher app adds to a lower app's list pages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

AdminAction = Callable[..., Any]

_actions: dict[str, list[AdminAction]] = defaultdict(list)


def register_action(model_label: str, action: AdminAction) -> None:
    """Add an `@admin.action(description=..., permissions=[...])` function to the list of `app.model`."""
    if action not in _actions[model_label.lower()]:
        _actions[model_label.lower()].append(action)


def actions_for(model_label: str) -> list[AdminAction]:
    """Return the actions registered for a model."""
    return list(_actions[model_label.lower()])
