"""Agents and their public pages."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from apps.agents.exceptions import AgentNotReadyError
from apps.agents.models import Agent
from apps.agents.models.agent import MAX_SUGGESTIONS
from apps.agents.services.agent_prompt import clean_variables, version_of
from apps.core import audit, permissions
from apps.core.actors import Actor
from apps.core.exceptions import Invalid
from apps.core.models import Workspace
from apps.knowledge.models import KnowledgeBase
from apps.providers.models import Model

_EDITABLE = (
    "name",
    "description",
    "instructions",
    "prompt",
    "prompt_label",
    "prompt_version",
    "prompt_variables",
    "model",
    "retrieval",
    "temperature",
    "max_tokens",
    "history_window",
    "opening",
    "suggested_questions",
)


@transaction.atomic
def create_agent(
    *,
    actor: Actor,
    workspace: Workspace,
    name: str,
    model: Model | None = None,
    knowledge_bases: Iterable[KnowledgeBase] = (),
    instructions: str = "",
    **settings: Any,
) -> Agent:
    """Create an agent. settings: any other editable field (description, temperature, opening, …)."""
    permissions.require_in(actor, "add", Agent, workspace)
    values = {"name": name, "model": model, "instructions": instructions, **settings}
    bases = list(knowledge_bases)
    agent = Agent(workspace=workspace, **_checked(workspace, values, bases))
    _check_prompt(agent)
    agent.save(force_insert=True)
    agent.knowledge_bases.set(bases)
    audit.record(actor=actor, action="agents.agent.create", obj=agent, after=_snapshot(agent))
    return agent


@transaction.atomic
def update_agent(
    *,
    actor: Actor,
    agent: Agent,
    changes: Mapping[str, Any],
    knowledge_bases: Iterable[KnowledgeBase] | None = None,
) -> Agent:
    """Change the named fields, and the knowledge unless it is None."""
    permissions.require(actor, "change", agent)
    locked = Agent.objects.select_for_update().get(pk=agent.pk)
    before = _snapshot(locked)
    bases = None if knowledge_bases is None else list(knowledge_bases)
    for field, value in _checked(locked.workspace, changes, bases or []).items():
        setattr(locked, field, value)
    _check_prompt(locked)
    locked.save()
    if bases is not None:
        locked.knowledge_bases.set(bases)
    audit.record(
        actor=actor, action="agents.agent.update", obj=locked, before=before, after=_snapshot(locked)
    )
    return locked


@transaction.atomic
def delete_agent(*, actor: Actor, agent: Agent) -> None:
    """Delete an agent with its conversations."""
    permissions.require(actor, "delete", agent)
    audit.record(actor=actor, action="agents.agent.delete", obj=agent, before=_snapshot(agent))
    agent.delete()


@transaction.atomic
def enable_sharing(*, actor: Actor, agent: Agent) -> Agent:
    """Switch the public page on, under an address that was never used before."""
    return _share(actor, agent, token=secrets.token_urlsafe(24))


@transaction.atomic
def disable_sharing(*, actor: Actor, agent: Agent) -> Agent:
    """Switch the public page off; its address is dead from now on, also when sharing is switched on again."""
    return _share(actor, agent, token=None)


def _share(actor: Actor, agent: Agent, *, token: str | None) -> Agent:
    permissions.require(actor, "share", agent)
    locked = Agent.objects.select_for_update().get(pk=agent.pk)
    before = {"share_enabled": locked.share_enabled}
    locked.share_enabled = token is not None
    locked.share_token = token
    locked.save(update_fields=["share_enabled", "share_token", "updated_at"])
    action = "agents.agent.share" if token else "agents.agent.unshare"
    audit.record(
        actor=actor, action=action, obj=locked, before=before, after={"share_enabled": locked.share_enabled}
    )
    return locked


def _checked(
    workspace: Workspace, values: Mapping[str, Any], bases: Sequence[KnowledgeBase]
) -> dict[str, Any]:
    """Return the values to store; raises `Invalid` with the fields that are wrong."""
    errors: dict[str, list[str]] = {}
    unknown = set(values) - set(_EDITABLE)
    if unknown:
        raise TypeError(f"Agents have no editable field {', '.join(sorted(unknown))}.")
    checked = dict(values)
    if "name" in values and not str(values["name"]).strip():
        errors["name"] = [_("Give the agent a name.")]
    model = values.get("model")
    if model is not None and (model.workspace_id != workspace.pk or model.slot != "chat"):
        errors["model"] = [_("Choose a chat model of this workspace.")]
    if any(base.workspace_id != workspace.pk for base in bases):
        errors["knowledge_bases"] = [_("Choose knowledge of this workspace.")]
    prompt = values.get("prompt")
    if prompt is not None and prompt.workspace_id != workspace.pk:
        errors["prompt"] = [_("Choose a prompt of this workspace.")]
    if "prompt_variables" in values:
        checked["prompt_variables"] = clean_variables(values["prompt_variables"])
    if "suggested_questions" in values:
        checked["suggested_questions"] = _questions(values["suggested_questions"])
    if errors:
        raise Invalid(next(iter(errors.values()))[0], errors=errors)
    return checked


def _check_prompt(agent: Agent) -> None:
    """Raise `Invalid` when the agent's prompt has no such version or label."""
    if agent.prompt is None:
        return
    try:
        version_of(agent)
    except AgentNotReadyError as error:
        field = "prompt_version" if agent.prompt_version is not None else "prompt_label"
        raise Invalid(str(error.detail), errors={field: [str(error.detail)]}) from error


def _questions(value: Any) -> list[str]:
    questions = [str(question).strip()[:200] for question in value or ()]
    return [question for question in questions if question][:MAX_SUGGESTIONS]


def _snapshot(agent: Agent) -> dict[str, Any]:
    return audit.snapshot(agent, _EDITABLE)
