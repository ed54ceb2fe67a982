"""An observation as a column of the playground."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from apps.agents.models import PromptVersion
from apps.agents.playground.columns import answer_of, column_of, lenient_settings
from apps.agents.playground.messages import messages_of
from apps.agents.playground.recover import Recovered, recover
from apps.agents.playground.stored import StoredCall, read_answer, read_call
from apps.agents.resolution import resolve_content
from apps.agents.services.playground import prompt_reference
from apps.core.actors import Actor
from apps.core.exceptions import FlywheelError
from apps.core.models import Workspace
from apps.core.numbers import whole_number
from apps.providers.models import Model, ModelSlot
from apps.tracing.models import Observation
from apps.tracing.selectors import read_payload

#: Longer inputs and outputs are not taken apart.
MAX_CHARS = 2_000_000


@dataclass(frozen=True, slots=True)
class Imported:
    """A state for the playground, and a sentence about what could not be kept."""

    state: dict[str, Any]
    notice: str = ""


def can_import(observation: Observation) -> bool:
    """Whether the observation is a call of a model with its input."""
    return observation.type == "generation" and bool(observation.input_preview)


def import_observation(*, actor: Actor, workspace: Workspace, observation: Observation) -> Imported:
    """The call as it was made: messages, tools, parameters, model, and the answer it got.

    Where it was made with a version of a prompt that is kept here, the messages are the version's, and the values of
    its variables stand beside them.
    """
    payload = read_payload(observation, limit=MAX_CHARS)
    call = read_call(payload.input, observation.attributes)
    model = find_observed_model(actor, workspace, observation)
    version = _version_of(actor, workspace, observation)
    found = _recovered(version, call) if version else None
    column = column_of(
        found.messages if found else call.messages,
        lenient_settings(call.options),
        model=str(model.pk) if model else "",
        prompt=prompt_reference(version) if version and found else None,
    )
    column["answer"] = answer_of(read_answer(payload.output), _figures(observation), observation.trace_id)
    state = {
        "columns": [column],
        "variables": dict(found.variables) if found else {},
        "placeholders": {name: list(said) for name, said in found.placeholders.items()} if found else {},
    }
    return Imported(state, _notice(observation, model, cut=payload.input_length > MAX_CHARS))


def _notice(observation: Observation, model: Model | None, *, cut: bool) -> str:
    if cut:
        return _("The input is too long for the playground; its beginning is here.")
    if model is None and observation.model:
        return _("The model “%(model)s” is not in use in this workspace. Choose another one.") % {
            "model": observation.model
        }
    return ""


def find_observed_model(actor: Actor, workspace: Workspace, observation: Observation) -> Model | None:
    """The chat model of this workspace that the observation's is: by name, or as a dated version of the name."""
    models = Model.objects.for_slot(workspace, ModelSlot.CHAT).select_related("provider")
    if actor.user is not None:
        models = models.visible_to(actor.user)
    wanted = observation.model
    if not wanted:
        return None
    rows = [model for model in models if wanted == model.name or wanted.startswith(f"{model.name}-")]
    # the whole name before its beginning, then the same provider
    rows.sort(key=lambda model: (-len(model.name), model.provider.name != observation.provider))
    return rows[0] if rows else None


def _version_of(actor: Actor, workspace: Workspace, observation: Observation) -> PromptVersion | None:
    number = whole_number(observation.prompt_version)
    if not observation.prompt_name or number is None:
        return None
    versions = PromptVersion.objects.in_workspace(workspace)
    if actor.user is not None:
        versions = versions.visible_to(actor.user)
    found = versions.filter(prompt__name=observation.prompt_name, number=number)
    return found.select_related("prompt").first()


def _recovered(version: PromptVersion, call: StoredCall) -> Recovered | None:
    """The version's own messages with the values that give what was asked; as written, or with included prompts."""
    one_text = isinstance(version.content, str)
    found = recover(messages_of(version.content), call.messages, one_text=one_text)
    if found is not None:
        return found
    try:
        return recover(messages_of(resolve_content(version)), call.messages, one_text=one_text)
    except FlywheelError:
        return None


def _figures(observation: Observation) -> dict[str, Any]:
    return {
        "input_tokens": observation.input_tokens or 0,
        "output_tokens": observation.output_tokens or 0,
        "cached_tokens": 0,
        "reasoning_tokens": 0,
        "estimated": False,
        "cost": None if observation.cost is None else format(observation.cost, "f"),
        "latency_ms": round(observation.latency_ms),
        "ttft_ms": None if observation.ttft_ms is None else round(observation.ttft_ms),
        "model": observation.model,
        "finish_reason": "",
    }
