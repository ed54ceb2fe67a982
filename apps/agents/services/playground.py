"""The playground: sessions that are kept, and calls that are tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from django.db import transaction
from django.utils.translation import gettext as _

from apps.agents.models import PlaygroundSession, PromptVersion
from apps.agents.playground.columns import column_of, lenient_settings
from apps.agents.playground.messages import Message, fill, messages_of, read_messages
from apps.agents.playground.parameters import read_settings, request_of
from apps.agents.prompts import ContentError, clean
from apps.agents.resolution import include_prompts
from apps.agents.services.model_call import ModelCall
from apps.agents.services.prompt_execution import find_chat_model
from apps.core import audit, permissions
from apps.core.actors import Actor
from apps.core.exceptions import Invalid, NotAllowed, TooLarge
from apps.core.models import Workspace

#: Traces of the playground; the source is the session.
SOURCE = "agents.playground"
TRACE_NAME = "Playground"

MAX_STATE_BYTES = 2_000_000
#: Sessions that a person keeps in a workspace; the ones without a name that were not used for the longest time go.
MAX_SESSIONS = 100


def prepare_run(
    *,
    actor: Actor,
    workspace: Workspace,
    messages: Sequence[Mapping[str, Any]],
    variables: Mapping[str, Any] | None = None,
    placeholders: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    settings: Mapping[str, Any] | None = None,
    model: str = "",
    prompt: Mapping[str, Any] | None = None,
    session: UUID | None = None,
) -> ModelCall:
    """One column of the playground as a call, ready for `stream_call`; reads the database.

    prompt: `{"name", "version"}` of the version that the messages come from; the trace names it only while they say
    what it says. Raises NotAllowed, Invalid.
    """
    permissions.require_in(actor, "add", PlaygroundSession, workspace)
    try:
        template = read_messages(list(messages))
        lists = {
            name: read_messages(list(value), placeholders=False)
            for name, value in (placeholders or {}).items()
        }
        whole = include_prompts(workspace.pk, template)
        assert isinstance(whole, list)  # noqa: S101 - a list goes in
        said = fill(whole, variables or {}, lists)
        chosen = read_settings(settings or {})
        request = request_of(said, chosen)
    except ContentError as error:
        raise Invalid(str(error)) from error
    version = _version_of(workspace, prompt, template)
    return ModelCall(
        workspace_id=workspace.pk,
        model=find_chat_model(actor, workspace, model or chosen.model),
        request=request,
        name=TRACE_NAME,
        given=said[-1]["content"],
        source_type=SOURCE,
        source_id=str(session or ""),
        user_id=str(actor.user.pk) if actor.user else "",
        prompt_name=version.prompt.name if version else "",
        prompt_version=version.number if version else 0,
    )


def _version_of(
    workspace: Workspace, prompt: Mapping[str, Any] | None, template: Sequence[Message]
) -> PromptVersion | None:
    """The version that these messages are, word for word: figures of a version must not count what was tried."""
    if not prompt:
        return None
    versions = PromptVersion.objects.in_workspace(workspace).select_related("prompt")
    version = versions.filter(prompt__name=prompt.get("name", ""), number=prompt.get("version", 0)).first()
    return version if version and messages_of(version.content) == list(template) else None


@transaction.atomic
def create_session(
    *, actor: Actor, workspace: Workspace, state: Mapping[str, Any], name: str = ""
) -> PlaygroundSession:
    """Keep a session of the actor's. Raises NotAllowed, TooLarge."""
    permissions.require_in(actor, "add", PlaygroundSession, workspace)
    if actor.user is None:
        raise NotAllowed(_("Only people have sessions in the playground."))
    session = PlaygroundSession.objects.create(
        workspace=workspace, user=actor.user, name=_name(name), state=_stored(state)
    )
    own = PlaygroundSession.objects.in_workspace(workspace).of_person(actor.user)
    old = own.filter(name="").order_by("-updated_at").values_list("pk", flat=True)[MAX_SESSIONS:]
    PlaygroundSession.objects.filter(pk__in=list(old)).delete()
    return session


@transaction.atomic
def update_session(
    *,
    actor: Actor,
    session: PlaygroundSession,
    state: Mapping[str, Any] | None = None,
    name: str | None = None,
) -> PlaygroundSession:
    """Keep what changed. There is no audit entry: it is a person's own scratch pad."""
    _require_own(actor, "change", session)
    if state is not None:
        session.state = _stored(state)
    if name is not None:
        session.name = _name(name)
    session.save(update_fields=["state", "name", "updated_at"])
    return session


@transaction.atomic
def delete_session(*, actor: Actor, session: PlaygroundSession) -> None:
    """Delete a session of the actor's."""
    _require_own(actor, "delete", session)
    audit.record(
        actor=actor,
        action="agents.playground_session.delete",
        obj=session,
        before=audit.snapshot(session, ("name",)),
    )
    session.delete()


def _require_own(actor: Actor, action: str, session: PlaygroundSession) -> None:
    permissions.require(actor, action, session)
    if actor.user is not None and actor.user.pk != session.user_id:
        raise NotAllowed(_("This session belongs to somebody else."))


def column_of_version(actor: Actor, version: PromptVersion) -> dict[str, Any]:
    """A column that asks what a version says, its model chosen when there is such a one."""
    config = version.config if isinstance(version.config, dict) else {}
    settings = lenient_settings(config)
    return column_of(
        messages_of(version.content),
        settings,
        model=model_id(actor, version.workspace, settings.model),
        prompt=prompt_reference(version),
    )


def prompt_reference(version: PromptVersion) -> dict[str, Any]:
    """How a column names the version its messages come from."""
    return {
        "id": str(version.prompt_id),
        "name": version.prompt.name,
        "version": version.number,
        "type": version.prompt.type,
    }


def model_id(actor: Actor, workspace: Workspace, name: str) -> str:
    """The id of the model that a name means, or nothing for the default."""
    try:
        return str(find_chat_model(actor, workspace, name).pk) if name else ""
    except Invalid:
        return ""


def _name(value: str) -> str:
    return clean(value).strip()[:120]


def _stored(state: Mapping[str, Any]) -> Any:
    """The state as PostgreSQL can keep it."""
    try:
        kept = _storable(state)
        size = len(orjson.dumps(kept))
    except (TypeError, ValueError, RecursionError):
        raise Invalid(_("This can't be stored.")) from None
    if size > MAX_STATE_BYTES:
        raise TooLarge(_("A session of the playground has at most %(n)d bytes.") % {"n": MAX_STATE_BYTES})
    return kept


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {clean(str(name)): _storable(inner) for name, inner in value.items()}
    return [_storable(inner) for inner in value] if isinstance(value, list) else value
