"""Models for tests of nodes: the real gateway and real HTTP, without a database."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from opentelemetry.trace import NoOpTracer

from apps.core.models import Workspace
from apps.providers.models import Model, ModelSlot, Provider
from apps.providers.models.provider import ProviderKind
from apps.workflows.adapters.models import GatewayModels
from apps.workflows.engine.errors import NodeError
from tests.workflows.nodes.harness import Bench

WORKSPACE = Workspace(name="Acme", slug="acme")


class FakeModels(GatewayModels):
    """Every name is a model of the fake server, which behaves as its name says; `local` quotes."""

    def __init__(self, base_url: str, abilities: dict[str, Any] | None = None) -> None:
        super().__init__(WORKSPACE)
        self.abilities = abilities or {}
        self._provider = Provider(
            workspace=WORKSPACE, name="Fake", base_url=base_url, credentials={"api_key": "k"}
        )

    async def _find(self, name: str, slot: ModelSlot) -> Model:
        provider = self._provider
        if name == "nobody":
            raise NodeError("There is no such model.", code="no_model")
        if name == "local":
            provider = Provider(workspace=WORKSPACE, name="Built in", kind=ProviderKind.LOCAL)
        prices = {"input_price": 1, "output_price": 2}
        return Model(
            workspace=WORKSPACE,
            provider=provider,
            slot=slot,
            name=name or "echo",
            abilities=self.abilities,
            **prices,
        )


@dataclass
class Said:
    """A conversation port that knows a history."""

    turns: list[dict[str, str]] = field(default_factory=list)

    async def history(self, *, rounds: int) -> list[dict[str, str]]:
        return self.turns[-2 * rounds :]

    async def call(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        raise AssertionError("nobody asked for this")


@pytest.fixture
def unrecorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls leave no spans: their workspace is in no database."""
    monkeypatch.setattr("apps.providers.gateway.recording.tracer", NoOpTracer())


def bench_with_models(name: str, model_server: Any, **abilities: Any) -> Bench:
    """A bench whose run reaches the fake model server."""
    bench = Bench(name)
    bench.ctx.ports.models = FakeModels(model_server.base_url, abilities)
    return bench
