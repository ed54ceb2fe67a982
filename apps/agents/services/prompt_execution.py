"""Running a version of a prompt as it stands: its messages filled in, its settings, a model of the workspace."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import orjson
from asgiref.sync import sync_to_async
from django.utils.translation import gettext as _

from apps.agents.models import PromptVersion
from apps.agents.playground.messages import fill, messages_of, names_in, read_messages
from apps.agents.playground.parameters import read_settings, request_of
from apps.agents.prompts import ContentError
from apps.agents.resolution import resolve_content
from apps.agents.services.model_call import (
    CallAnswered,
    CallEvent,
    ModelCall,
    complete_call,
    complete_call_sync,
    stream_call,
)
from apps.core import permissions
from apps.core.actors import Actor
from apps.core.exceptions import Invalid
from apps.core.models import Workspace
from apps.providers.models import Model, ModelSlot

#: Traces of prompts that were run by themselves; the source is the prompt.
SOURCE = "agents.prompt"


def prepare_prompt(
    *,
    actor: Actor,
    version: PromptVersion,
    variables: Mapping[str, Any] | None = None,
    messages: Sequence[Mapping[str, Any]] = (),
    settings: Mapping[str, Any] | None = None,
    model: str = "",
    user_id: str = "",
    session_id: str = "",
) -> ModelCall:
    """What running a version means, ready for `stream_call` and `complete_call`; reads the database.

    variables: values by name; for a placeholder a list of messages. A variable without a value stays as it is written.
    messages: said after the prompt's own. settings: go before those of the version, name by name. model: an id,
    ``provider/name`` or name; without it the settings' `model`, else the default chat model.
    Raises NotAllowed, Invalid.
    """
    permissions.require(actor, "execute", version.prompt)
    values = dict(variables or {})
    try:
        template = messages_of(resolve_content(version))
        lists = {
            name: read_messages(values.pop(name), placeholders=False)
            for name in names_in(template)[1]
            if values.get(name) is not None
        }
        said = fill(template, values, lists) + read_messages(list(messages), placeholders=False)
        config = version.config if isinstance(version.config, dict) else {}
        chosen = read_settings({**config, **(settings or {})})
        request = request_of(said, chosen)
    except ContentError as error:
        raise Invalid(str(error)) from error
    return ModelCall(
        workspace_id=version.workspace_id,
        model=find_chat_model(actor, version.workspace, model or chosen.model),
        request=request,
        name=version.prompt.name,
        given=orjson.dumps({**values, **lists}, default=str).decode()
        if values or lists
        else said[-1]["content"],
        source_type=SOURCE,
        source_id=str(version.prompt_id),
        user_id=user_id or (str(actor.user.pk) if actor.user else ""),
        session_id=session_id,
        prompt_name=version.prompt.name,
        prompt_version=version.number,
    )


async def execute_prompt(*, actor: Actor, version: PromptVersion, **given: Any) -> CallAnswered:
    """Run a version and return its whole answer; takes what `prepare_prompt` does. Raises ModelError, too."""
    return await complete_call(await sync_to_async(prepare_prompt)(actor=actor, version=version, **given))


def execute_prompt_sync(*, actor: Actor, version: PromptVersion, **given: Any) -> CallAnswered:
    """The same for synchronous code."""
    return complete_call_sync(prepare_prompt(actor=actor, version=version, **given))


async def stream_prompt(
    *, actor: Actor, version: PromptVersion, **given: Any
) -> AsyncGenerator[CallEvent, None]:
    """Run a version and yield the events of `stream_call`.

    Where errors of preparation are to be told before an answer begins, call `prepare_prompt` and `stream_call` instead.
    """
    call = await sync_to_async(prepare_prompt)(actor=actor, version=version, **given)
    async with aclosing(stream_call(call)) as events:
        async for event in events:
            yield event


def find_chat_model(actor: Actor, workspace: Workspace, name: str) -> Model:
    """A usable chat model that the actor may see, by id, ``provider/name`` or name; "" is the default.

    Raises Invalid.
    """
    models = Model.objects.for_slot(workspace, ModelSlot.CHAT).select_related(
        "provider__workspace", "workspace"
    )
    if actor.user is not None:
        models = models.visible_to(actor.user)
    found = (models.named(name.replace("\0", "")) if name else models).first()
    if found is None and name:
        raise Invalid(
            _("There is no chat model “%(name)s” in use in this workspace. Choose another one.")
            % {"name": name[:80]}
        )
    if found is None:
        raise Invalid(_("The workspace has no chat model. Add one under Settings → Models."))
    return found
