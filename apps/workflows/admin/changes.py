"""Differences between documents in words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def shown_changes(changes: Iterable[Any]) -> list[Any]:
    """Changes as the page lists them."""
    return list(changes)
