"""Writing prompts. A version is never changed; what moves are labels."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from django.db import transaction
from django.utils.translation import gettext as _

from apps.agents.exceptions import PromptChangedError, PromptInUseError
from apps.agents.models import Prompt, PromptLabel, PromptType, PromptVersion
from apps.agents.models.prompt import NEWEST
from apps.agents.prompts import Content, ContentError, clean_messages, clean_text, variables_of
from apps.agents.resolution import resolve_content
from apps.core import audit, permissions
from apps.core.actors import Actor
from apps.core.exceptions import Invalid
from apps.core.models import Workspace

MAX_CONFIG = 100_000
MAX_TAGS = 50
_LABEL = re.compile(r"[a-z0-9][a-z0-9_.-]{0,35}")
_FIELDS = ("number", "content", "config", "commit_message")


@transaction.atomic
def add_prompt_version(
    *,
    actor: Actor,
    workspace: Workspace,
    name: str,
    type: str,
    content: Any,
    config: Any = None,
    labels: Iterable[str] = (),
    tags: Iterable[str] | None = None,
    commit_message: str = "",
) -> PromptVersion:
    """Add a version to the prompt of this name, which is made when there is none.

    `labels` move to the new version; `tags` replace the prompt's unless they are None. Raises Invalid.
    """
    permissions.require_in(actor, "add", Prompt, workspace)
    cleaned = _content(type, content)
    pointed = [_label(label) for label in labels if label != NEWEST]
    prompt = _locked(workspace, _name(name), type)
    prompt.newest += 1
    version = PromptVersion.objects.create(
        workspace=workspace,
        prompt=prompt,
        number=prompt.newest,
        content=cleaned,
        variables=variables_of(cleaned),
        config=_config(config),
        commit_message=commit_message.replace("\0", "").strip()[:500],
        author=actor.user,
    )
    resolve_content(version)  # refuses what includes a missing prompt or itself
    _point(prompt, version, pointed)
    if tags is not None:
        prompt.tags = _tags(tags)
    _save(prompt)
    after = {**audit.snapshot(version, _FIELDS), "labels": pointed, "tags": prompt.tags}
    audit.record(actor=actor, action="agents.prompt_version.create", obj=version, after=after)
    return version


@transaction.atomic
def set_labels(
    *, actor: Actor, version: PromptVersion, labels: Iterable[str], revision: int | None = None
) -> Prompt:
    """Let labels point at `version`, wherever they pointed before.

    With `revision`, raises PromptChangedError when the prompt is not as the caller saw it.
    """
    permissions.require(actor, "change", version.prompt)
    pointed = [_label(label) for label in labels if label != NEWEST]
    prompt = Prompt.objects.select_for_update().get(pk=version.prompt_id)
    if revision is not None and prompt.revision != revision:
        raise PromptChangedError
    before = _label_map(prompt)
    _point(prompt, version, pointed)
    _save(prompt)
    audit.record(
        actor=actor, action="agents.prompt.label", obj=prompt, before=before, after=_label_map(prompt)
    )
    return prompt


@transaction.atomic
def remove_label(*, actor: Actor, prompt: Prompt, label: str) -> Prompt:
    """Let a label point nowhere."""
    permissions.require(actor, "change", prompt)
    locked = Prompt.objects.select_for_update().get(pk=prompt.pk)
    before = _label_map(locked)
    PromptLabel.objects.filter(prompt=locked, name=label).delete()
    _save(locked)
    audit.record(
        actor=actor, action="agents.prompt.label", obj=locked, before=before, after=_label_map(locked)
    )
    return locked


@transaction.atomic
def set_tags(*, actor: Actor, prompt: Prompt, tags: Iterable[str]) -> Prompt:
    """Replace the tags."""
    permissions.require(actor, "change", prompt)
    locked = Prompt.objects.select_for_update().get(pk=prompt.pk)
    before = audit.snapshot(locked, ("tags",))
    locked.tags = _tags(tags)
    _save(locked)
    after = audit.snapshot(locked, ("tags",))
    audit.record(actor=actor, action="agents.prompt.update", obj=locked, before=before, after=after)
    return locked


@transaction.atomic
def delete_prompt(*, actor: Actor, prompt: Prompt) -> None:
    """Delete the prompt with all versions; raises PromptInUseError while agents speak by it."""
    permissions.require(actor, "delete", prompt)
    if names := list(prompt.agents.order_by("name").values_list("name", flat=True)[:5]):
        raise PromptInUseError(
            _("Agents speak by this prompt: %(names)s. Give them other instructions first.")
            % {"names": ", ".join(names)}
        )
    audit.record(actor=actor, action="agents.prompt.delete", obj=prompt, before=audit.snapshot(prompt))
    prompt.delete()


def _locked(workspace: Workspace, name: str, type: str) -> Prompt:
    """The prompt of this name, locked; made when there is none."""
    # of two clients that bring the first version at once, the loser of the race adds the second
    Prompt.objects.get_or_create(workspace=workspace, name=name, defaults={"type": type})
    prompt = Prompt.objects.select_for_update().get(workspace=workspace, name=name)
    if prompt.type != type:
        raise Invalid(
            _("“%(name)s” is of the type “%(type)s”; all its versions are.")
            % {"name": name, "type": prompt.get_type_display()}
        )
    return prompt


def _save(prompt: Prompt) -> None:
    prompt.revision += 1
    prompt.save(update_fields=["newest", "tags", "revision", "updated_at"])


def _point(prompt: Prompt, version: PromptVersion, labels: Iterable[str]) -> None:
    for label in dict.fromkeys(labels):
        PromptLabel.objects.update_or_create(
            prompt=prompt, name=label, defaults={"version": version, "workspace_id": prompt.workspace_id}
        )


def _label_map(prompt: Prompt) -> Mapping[str, int]:
    return dict(PromptLabel.objects.filter(prompt=prompt).values_list("name", "version__number"))


def _name(value: str) -> str:
    name = value.strip()
    parts = name.split("/")
    if not name or len(name) > 200 or "\0" in name or "|" in name or "@@@" in name or not all(parts):
        raise Invalid(
            _("A prompt needs a name of at most 200 characters, without “|” and without empty folders.")
        )
    return name


def _content(type: str, content: Any) -> Content:
    if type not in PromptType.values:
        raise Invalid(_("A prompt is a text or a chat."))
    try:
        return clean_text(content) if type == PromptType.TEXT else clean_messages(content)
    except ContentError as error:
        raise Invalid(str(error)) from error


def _config(value: Any) -> Any:
    if value is None:
        return {}
    try:
        encoded = orjson.dumps(value)
    except (TypeError, ValueError):
        raise Invalid(_("The settings are not valid JSON.")) from None
    if len(encoded) > MAX_CONFIG or b"\\u0000" in encoded:
        raise Invalid(_("The settings are too large or hold characters that can't be stored."))
    return value


def _label(value: str) -> str:
    if not _LABEL.fullmatch(value):
        raise Invalid(
            _("A label has at most 36 small letters, digits, dots, hyphens and underscores: “%(label)s”.")
            % {"label": value[:60]}
        )
    return value


def _tags(values: Iterable[str]) -> list[str]:
    tags = list(dict.fromkeys(value.replace("\0", "").strip() for value in values))
    if len(tags) > MAX_TAGS or any(not 0 < len(tag) <= 100 for tag in tags):
        raise Invalid(_("At most 50 tags of at most 100 characters each."))
    return tags
