"""Ports that a run may lack."""

from __future__ import annotations

from typing import TypeVar

from apps.workflows.engine.errors import NodeError

T = TypeVar("T")


def need(port: T | None, what: str) -> T:
    """The port, or a `NodeError` that says what this run can't do (`what` begins the sentence)."""
    if port is None:
        raise NodeError(f"{what} can't be used in this run.", code="port_missing")
    return port
