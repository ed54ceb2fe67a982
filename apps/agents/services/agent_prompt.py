"""The instructions of an agent that speaks by a prompt: which version, and what it says in a conversation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from apps.agents.exceptions import AgentNotReadyError
from apps.agents.models import Agent, PromptVersion
from apps.agents.models.prompt import DEFAULT_LABEL
from apps.agents.playground.messages import Message, as_text, fill, messages_of
from apps.agents.prompts import clean, variables_of
from apps.agents.resolution import cached_content
from apps.agents.runtime import Turn
from apps.core.exceptions import Invalid

MAX_VARIABLES = 200
MAX_VALUE = 20_000
#: The variable that stands for what the person asks; in the prompt's last message it gives the question a form.
QUESTION = "question"


@dataclass(frozen=True, slots=True)
class Instructions:
    """What an agent is told. examples: said before the history. asked: the question in the prompt's form, or nothing.

    version: None when the agent has only instructions of its own.
    """

    text: str
    examples: Sequence[Turn] = ()
    asked: str = ""
    version: PromptVersion | None = None


def instructions_of(agent: Agent, *, question: str, variables: Mapping[str, Any]) -> Instructions:
    """What the agent is told in a conversation with these variables; raises AgentNotReadyError, Invalid.

    `question`, `agent` and `date` have values also when nobody gives them.
    """
    if agent.prompt_id is None:
        return Instructions(agent.instructions)
    version = version_of(agent)
    given = {
        "agent": agent.name,
        "date": timezone.localdate().isoformat(),
        **agent.prompt_variables,
        **variables,
        QUESTION: question,
    }
    template = messages_of(cached_content(version))
    asks = bool(template) and _asks(template[-1])
    # placeholders are left out: the history stands before the question anyway
    said = fill(template, given, {})
    asked = said.pop()["content"] if asks else ""
    return Instructions(
        text="\n\n".join(part for part in (*_system(said), agent.instructions.strip()) if part),
        examples=[turn for message in said if (turn := _turn(message)) is not None],
        asked=asked,
        version=version,
    )


def _asks(message: Message) -> bool:
    return message.get("role") == "user" and QUESTION in variables_of(message["content"])


def _system(messages: Sequence[Message]) -> list[str]:
    return [message["content"].strip() for message in messages if message["role"] == "system"]


def _turn(message: Message) -> Turn | None:
    if message["role"] == "user" and message["content"]:
        return Turn("user", message["content"])
    if message["role"] == "assistant" and message["content"]:
        return Turn("assistant", message["content"])
    return None


def version_of(agent: Agent) -> PromptVersion:
    """The version an agent speaks by at the moment; raises AgentNotReadyError when there is none."""
    label = agent.prompt_label or DEFAULT_LABEL
    versions = PromptVersion.objects.filter(workspace_id=agent.workspace_id, prompt=agent.prompt)
    # the content is read only when it is not known yet
    pointed = versions.pointed_at(version=agent.prompt_version, label=label)
    found = pointed.select_related("prompt").defer("content", "config").first()
    if found is not None:
        return found
    if agent.prompt_version is not None:
        raise AgentNotReadyError(
            _("The prompt “%(prompt)s” has no version %(n)d.")
            % {"prompt": agent.prompt, "n": agent.prompt_version}
        )
    raise AgentNotReadyError(
        _("The prompt “%(prompt)s” has no version with the label “%(label)s”.")
        % {"prompt": agent.prompt, "label": label}
    )


def clean_variables(values: Any) -> dict[str, str]:
    """Values of variables as they can be stored, as text; raises Invalid."""
    if not isinstance(values, Mapping) or len(values) > MAX_VARIABLES:
        raise Invalid(_("Variables are an object with at most %(n)d names.") % {"n": MAX_VARIABLES})
    cleaned = {clean(str(name)): clean(as_text(value)) for name, value in values.items()}
    if any(len(name) > 200 or len(value) > MAX_VALUE for name, value in cleaned.items()):
        raise Invalid(_("The value of a variable has at most %(n)d characters.") % {"n": MAX_VALUE})
    return cleaned
