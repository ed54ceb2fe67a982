"""Providers and models."""

from __future__ import annotations

from itertools import count
from typing import Any

from apps.core.models import Workspace
from apps.providers.models import Model, ModelSlot, Provider

KEY = "sk-test-very-secret-key"

_numbers = count(1)


def make_provider(workspace: Workspace, base_url: str, **fields: Any) -> Provider:
    """An OpenAI-compatible provider with `KEY`."""
    fields = {"name": f"Provider {next(_numbers)}", "credentials": {"api_key": KEY}, **fields}
    return Provider.objects.create(workspace=workspace, base_url=base_url, **fields)


def make_model(
    workspace: Workspace,
    base_url: str = "",
    name: str = "echo",
    slot: ModelSlot = ModelSlot.CHAT,
    **fields: Any,
) -> Model:
    """A model of a new provider, or of `provider=`."""
    provider = fields.pop("provider", None) or make_provider(workspace, base_url)
    return Model.objects.create(workspace=workspace, provider=provider, slot=slot, name=name, **fields)
