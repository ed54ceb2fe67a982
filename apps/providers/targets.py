"""What the gateway has to know about a model to call it, read from the database once per call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.conf import settings
from django.utils.translation import gettext as _

from apps.providers.exceptions import ModelRejected
from apps.providers.models import Model, ModelSlot, Provider
from apps.providers.models.model import DEFAULT_TIMEOUT_S
from apps.providers.prices import Prices

MAX_CHAIN = 5  # the model itself and four fallbacks


@dataclass(frozen=True, slots=True)
class Target:
    """A model and its endpoint, detached from the ORM. The key is not printed."""

    model_id: UUID
    workspace_id: UUID
    slot: str
    name: str
    label: str
    provider: str
    kind: str
    base_url: str
    api_key: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    allow_private: bool
    abilities: Mapping[str, Any]
    prices: Prices
    dimensions: int | None
    max_concurrency: int | None
    timeout_s: float


def allows_private(provider: Provider) -> bool:
    """Private addresses are for providers when the installation, or else the workspace, allows them."""
    return settings.ALLOW_PRIVATE_PROVIDERS or provider.workspace.allow_private_network


def target_of(model: Model) -> Target:
    """The model as a target. Reads the provider (and workspace) if they are not loaded yet."""
    return replace(
        provider_target(model.provider),
        model_id=model.pk,
        slot=model.slot,
        name=model.name,
        label=str(model),
        abilities=model.abilities if isinstance(model.abilities, dict) else {},
        prices=Prices(model.input_price, model.output_price, model.cached_price),
        dimensions=model.dimensions,
        max_concurrency=model.max_concurrency,
        timeout_s=model.timeout_s,
    )


def provider_target(provider: Provider) -> Target:
    """A provider without a model, for listing what it offers."""
    headers = provider.settings.get("headers") if isinstance(provider.settings, dict) else None
    return Target(
        model_id=provider.pk,
        workspace_id=provider.workspace_id,
        slot="",
        name="",
        label=provider.name,
        provider=provider.name,
        kind=provider.kind,
        base_url=provider.base_url,
        api_key=str(provider.credentials.get("api_key") or ""),
        headers=headers if isinstance(headers, dict) else {},
        allow_private=allows_private(provider),
        abilities={},
        prices=Prices(),
        dimensions=None,
        max_concurrency=None,
        timeout_s=DEFAULT_TIMEOUT_S,
    )


def load_chain(model: Model) -> list[Target]:
    """The model and its fallbacks, without those switched off; a circle ends where it closes.

    Raises `ModelRejected` when the model itself is switched off.
    """
    chain: list[Target] = []
    seen: set[UUID] = set()
    current: Model | None = model
    while current is not None and current.pk not in seen and len(seen) < MAX_CHAIN:
        seen.add(current.pk)
        if current.enabled and current.provider.enabled and current.slot == model.slot:
            chain.append(target_of(current))
        elif current is model:
            raise ModelRejected(
                _(
                    "The model “%(model)s” is switched off. Switch it on under Settings → Models, or choose "
                    "another."
                )
                % {"model": current},
                reason="disabled",
            )
        following = current.fallback_id
        current = (
            Model.objects.select_related("provider__workspace").filter(pk=following).first()
            if following
            else None
        )
    return chain


async def targets_of(model: Model, slot: ModelSlot) -> list[Target]:
    """`load_chain` for async callers. Raises `ModelRejected` for a model of another slot, too."""
    if model.slot != slot:
        raise ModelRejected(
            _("“%(model)s” is not a model for this purpose (%(slot)s).")
            % {"model": model, "slot": slot.label},
            reason="wrong_slot",
        )
    if _is_loaded(model):
        return load_chain(model)
    return await sync_to_async(load_chain)(model)


def _is_loaded(model: Model) -> bool:
    """True when building the chain needs no query."""
    if model.fallback_id is not None or "provider" not in model._state.fields_cache:
        return False
    return settings.ALLOW_PRIVATE_PROVIDERS or "workspace" in model.provider._state.fields_cache
