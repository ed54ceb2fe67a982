"""The built-in provider that every workspace has."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from apps.core import audit
from apps.core.actors import Actor
from apps.core.models import Workspace
from apps.providers.local import DIMENSIONS
from apps.providers.models import Model, ModelSlot, Provider, ProviderKind

EMBEDDING_MODEL = "all-MiniLM-L6-v2"
ANSWERER = "extractive"
MAX_TOKENS = 256


@transaction.atomic
def ensure_local_provider(actor: Actor, workspace: Workspace) -> None:
    """Give the workspace its built-in provider with both models, unless it has it already.

    Each becomes the default of its slot when there is none.
    """
    provider, created = Provider.objects.get_or_create(
        workspace=workspace, kind=ProviderKind.LOCAL, defaults={"name": _("Built in")}
    )
    if created:
        audit.record(
            actor=actor, action="providers.provider.create", obj=provider, after=audit.snapshot(provider)
        )
    _ensure_model(
        provider,
        ModelSlot.EMBEDDING,
        EMBEDDING_MODEL,
        title="MiniLM",
        dimensions=DIMENSIONS,
        context_window=MAX_TOKENS,
        abilities={"languages": ["en"]},
    )
    _ensure_model(
        provider, ModelSlot.CHAT, ANSWERER, title=_("Quotes from the sources"), abilities={"extractive": True}
    )


def _ensure_model(provider: Provider, slot: ModelSlot, name: str, **fields: object) -> Model:
    is_first = not Model.objects.filter(workspace=provider.workspace, slot=slot, is_default=True).exists()
    model, _created = Model.objects.get_or_create(
        provider=provider,
        slot=slot,
        name=name,
        defaults={
            **fields,
            "workspace": provider.workspace,
            "is_default": is_first,
            "input_price": 0,
            "output_price": 0,
        },
    )
    return model
