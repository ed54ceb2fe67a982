"""Where observations of the trace pages can be opened."""

from __future__ import annotations

from django.urls import reverse
from django.utils.http import urlencode

from apps.agents.models import PlaygroundSession
from apps.agents.selectors import find_prompt_version
from apps.agents.services.playground_import import can_import
from apps.core import permissions
from apps.core.actors import Actor
from apps.tracing.models import Observation


def playground_address(actor: Actor, observation: Observation) -> str | None:
    """The playground with a model call in it; None for other steps, and for people who may not try models."""
    if actor.user is None or not can_import(observation):
        return None
    if not permissions.allows_in(actor.user, "add", PlaygroundSession, observation.workspace):
        return None
    query = urlencode({"trace": observation.trace_id, "span": observation.span_id})
    return f"{reverse('admin:agents_playground')}?{query}"


def prompt_address(actor: Actor, observation: Observation) -> str | None:
    """The version of the prompt that a model call was made with; None where it has none, or it is gone."""
    if actor.user is None or not observation.prompt_name or not observation.prompt_version.isdecimal():
        return None
    version = find_prompt_version(
        user=actor.user,
        workspace=observation.workspace,
        name=observation.prompt_name,
        version=int(observation.prompt_version[:9]),
    )
    if version is None:
        return None
    return (
        f"{reverse('admin:agents_prompt', args=[version.prompt_id])}?{urlencode({'version': version.number})}"
    )
