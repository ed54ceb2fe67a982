"""What is registered by itself at the first start."""

from __future__ import annotations

import logging

from django.conf import settings

from apps.core.actors import Actor
from apps.core.models import Workspace
from apps.providers.exceptions import ModelError
from apps.providers.models import Model, ModelSlot, Provider
from apps.providers.presets import guess_slot, is_snapshot, pick_chat_model
from apps.providers.services.connection import check_provider, list_offered_models
from apps.providers.services.local import ensure_local_provider
from apps.providers.services.model import add_models, set_default_model
from apps.providers.services.provider import create_provider

logger = logging.getLogger(__name__)

MAX_MODELS = 30
OLLAMA_WAIT_S = 2.0


def discover_first_start(actor: Actor, workspace: Workspace) -> None:
    """Registers a provider when OPENAI_API_KEY is set, and one when an Ollama answers. Can be run again."""
    ensure_local_provider(actor, workspace)
    if settings.OPENAI_API_KEY:
        _register(actor, workspace, "OpenAI", settings.OPENAI_BASE_URL, settings.OPENAI_API_KEY)
    if settings.OLLAMA_URL:
        _discover_ollama(actor, workspace)


def _discover_ollama(actor: Actor, workspace: Workspace) -> None:
    base_url = f"{settings.OLLAMA_URL.rstrip('/')}/v1"
    # Not saved before somebody answers there.
    candidate = Provider(workspace=workspace, name="Ollama", base_url=base_url, credentials={})
    try:
        list_offered_models(actor=actor, provider=candidate, timeout_s=OLLAMA_WAIT_S)
    except ModelError:
        return
    _register(actor, workspace, "Ollama", base_url, "")


def _register(actor: Actor, workspace: Workspace, name: str, base_url: str, key: str) -> None:
    provider = Provider.objects.in_workspace(workspace).filter(name=name).first()
    if provider is None:
        provider = create_provider(
            actor=actor, workspace=workspace, name=name, base_url=base_url, api_key=key
        )
    report = check_provider(actor=actor, provider=provider)
    if not report.ok:
        logger.warning("%s was registered, but does not work: %s", name, report.message)
        return
    names = [n for n in report.models if guess_slot(n) is not None and not is_snapshot(n)]
    first = pick_chat_model(names)
    # The one to start with comes first, so that it is never cut off.
    ordered = sorted(names, key=lambda n: (n != first, guess_slot(n) is not ModelSlot.EMBEDDING))[:MAX_MODELS]
    add_models(actor=actor, provider=provider, names=ordered)
    chosen = Model.objects.filter(provider=provider, slot=ModelSlot.CHAT, name=first).first()
    if chosen is not None and not chosen.is_default:
        set_default_model(actor=actor, model=chosen)
