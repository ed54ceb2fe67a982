"""What runs beside requests begins before the first and ends after the last."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from apps.core import lifespan
from apps.core.registry import Registry


async def live(monkeypatch: pytest.MonkeyPatch, **companions: Any) -> list[str]:
    """Start and stop a process with these companions; returns what it answered."""
    registry: Registry[Any] = Registry("tests.companions")
    for name, companion in companions.items():
        registry.register(name, companion)
    monkeypatch.setattr(lifespan, "companions", registry)
    asked = iter(({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}))
    sent: list[str] = []

    async def receive() -> dict[str, str]:
        return next(asked)

    async def send(message: dict[str, str]) -> None:
        sent.append(message["type"])

    await lifespan.lifespan({"type": "lifespan"}, receive, send)
    return sent


async def test_companions_are_there_between_start_and_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    @asynccontextmanager
    async def companion() -> AsyncIterator[None]:
        seen.append("begun")
        yield
        seen.append("ended")

    assert await live(monkeypatch, one=companion) == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]
    assert seen == ["begun", "ended"]


async def test_one_that_fails_does_not_keep_requests_from_being_answered(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    @asynccontextmanager
    async def broken() -> AsyncIterator[None]:
        raise RuntimeError("No.")
        yield

    assert "lifespan.startup.complete" in await live(monkeypatch, broken=broken)
    assert "broken" in caplog.text
