"""Triggers: made, changed, deleted; and how one starts a run."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.core import audit, permissions
from apps.core.actors import Actor
from apps.core.exceptions import Conflict, FlywheelError
from apps.core.secrets import Secret
from apps.workflows.dsl.errors import LanguageError
from apps.workflows.dsl.sentences import said
from apps.workflows.dsl.values import compile_value
from apps.workflows.exceptions import TriggerInvalidError
from apps.workflows.models import (
    FiringState,
    RunMode,
    Trigger,
    TriggerFiring,
    TriggerKind,
    TriggerType,
    Workflow,
    WorkflowRun,
)
from apps.workflows.services.run import Origin, start_run
from apps.workflows.services.trigger_config import (
    EventSettings,
    ScheduleSettings,
    Settings,
    read_settings,
)

_AUDITED: Final = ("name", "kind", "config", "enabled", "event")
MAX_TRIGGERS: Final = 50


@transaction.atomic
def create_trigger(
    *,
    actor: Actor,
    workflow: Workflow,
    kind: str,
    config: Mapping[str, Any],
    name: str = "",
    enabled: bool = True,
) -> Trigger:
    """Give a workflow a trigger. A webhook gets an address and a secret. Raises TriggerInvalidError."""
    permissions.require(actor, "change", workflow)
    if workflow.triggers.count() >= MAX_TRIGGERS:
        raise Conflict(_("A workflow has at most %(count)d triggers.") % {"count": MAX_TRIGGERS})
    trigger = Trigger(
        workspace_id=workflow.workspace_id, workflow=workflow, kind=kind, name=name[:120], enabled=enabled,
        created_by=actor.user,
    )  # fmt: skip
    _configure(trigger, config)
    if kind == TriggerType.WEBHOOK:
        trigger.token, trigger.secret = secrets.token_urlsafe(24), Secret(secrets.token_urlsafe(32))
    trigger.save(force_insert=True)
    audit.record(actor=actor, action="workflows.trigger.create", obj=trigger, after=_snapshot(trigger))
    return trigger


@transaction.atomic
def update_trigger(*, actor: Actor, trigger: Trigger, changes: Mapping[str, Any]) -> Trigger:
    """Change name, settings, or switch it on or off."""
    permissions.require(actor, "change", trigger.workflow)
    unknown = set(changes) - {"name", "config", "enabled"}
    if unknown:
        raise TypeError(f"Triggers have no editable field {', '.join(sorted(unknown))}.")
    locked = _locked(trigger)
    before = _snapshot(locked)
    locked.name = str(changes.get("name", locked.name))[:120]
    switched_on = bool(changes.get("enabled", locked.enabled)) and not locked.enabled
    locked.enabled = bool(changes.get("enabled", locked.enabled))
    if "config" in changes or switched_on:
        # what passed while it was off is not made up for
        _configure(locked, changes.get("config", locked.config))
    locked.save()
    audit.record(
        actor=actor, action="workflows.trigger.update", obj=locked, before=before, after=_snapshot(locked)
    )
    return locked


@transaction.atomic
def delete_trigger(*, actor: Actor, trigger: Trigger) -> None:
    """Delete a trigger with the list of its firings; its runs stay."""
    permissions.require(actor, "change", trigger.workflow)
    audit.record(actor=actor, action="workflows.trigger.delete", obj=trigger, before=_snapshot(trigger))
    trigger.delete()


@transaction.atomic
def renew_secret(*, actor: Actor, trigger: Trigger) -> str:
    """Give a webhook another secret and return it, once; the old one is dead from now on."""
    permissions.require(actor, "change", trigger.workflow)
    locked = _locked(trigger)
    if locked.kind != TriggerType.WEBHOOK:
        raise Conflict(_("Only webhooks have a secret."))
    secret = secrets.token_urlsafe(32)
    locked.secret = Secret(secret)
    locked.save(update_fields=["secret", "updated_at"])
    audit.record(actor=actor, action="workflows.trigger.renew_secret", obj=locked)
    return secret


def settings_of(trigger: Trigger) -> Settings:
    """The checked settings of a trigger."""
    return read_settings(trigger.kind, trigger.config)


def fire(
    *,
    trigger: Trigger,
    key: str,
    known: Mapping[str, Any],
    mode: RunMode = RunMode.BACKGROUND,
    scheduled_for: datetime | None = None,
) -> TriggerFiring | None:
    """Start the run of one firing; None when this `key` has fired before.

    The firing and the run are written in one transaction, so a firing happens once however often it is tried. known:
    what references in the trigger's `inputs` see. A run that can't be started makes a failed firing, not an error.
    """
    try:
        with transaction.atomic():
            firing = TriggerFiring.objects.create(
                workspace_id=trigger.workspace_id, trigger=trigger, key=key, scheduled_for=scheduled_for
            )
    except IntegrityError:
        return None
    try:
        with transaction.atomic():
            firing.run = _start(trigger, known, mode)
    except FlywheelError as error:
        firing.state, firing.error = FiringState.FAILED, str(error.detail)
    firing.save()
    Trigger.objects.filter(pk=trigger.pk).update(last_fired_at=timezone.now())
    return firing


def note_skipped(*, trigger: Trigger, key: str, reason: str, scheduled_for: datetime | None = None) -> None:
    """Write down that a firing was left out, and why; once per key."""
    TriggerFiring.objects.bulk_create(
        [
            TriggerFiring(
                workspace_id=trigger.workspace_id, trigger=trigger, key=key, scheduled_for=scheduled_for,
                state=FiringState.SKIPPED, error=reason,
            )
        ],
        ignore_conflicts=True,
    )  # fmt: skip


def resolve(raw: Any, known: Mapping[str, Any]) -> Any:
    """A literal, reference or template of a trigger's settings over what the trigger knows; raises
    TriggerInvalidError."""
    try:
        return compile_value(raw, "any", optional=True).resolve(dict(known))
    except LanguageError as error:
        raise TriggerInvalidError(said(error.sentence, _)) from None


def _start(trigger: Trigger, known: Mapping[str, Any], mode: RunMode) -> WorkflowRun:
    settings = settings_of(trigger)
    inputs = {name: resolve(raw, known) for name, raw in settings.inputs.items()}
    return start_run(
        actor=Actor.system(f"trigger {trigger}"),
        workflow=trigger.workflow,
        inputs=inputs,
        mode=mode,
        origin=Origin(kind=TriggerKind(trigger.kind), trigger=trigger, system={"event": dict(known)}),
    )


def _configure(trigger: Trigger, config: Mapping[str, Any]) -> None:
    settings = read_settings(trigger.kind, config)
    for raw in settings.inputs.values():
        _check_value(raw)
    trigger.config = settings.model_dump(mode="json", exclude_unset=True)
    if isinstance(settings, ScheduleSettings):
        trigger.next_fire_at = settings.schedule().next_after(timezone.now())
    elif isinstance(settings, EventSettings):
        trigger.event = settings.event


def _check_value(raw: Any) -> None:
    try:
        compile_value(raw, "any", optional=True)
    except LanguageError as error:
        sentence = said(error.sentence, _)
        raise TriggerInvalidError(sentence, errors={"inputs": [sentence]}) from None


def _locked(trigger: Trigger) -> Trigger:
    return (
        Trigger.objects.select_for_update(of=("self",))
        .select_related("workflow", "workspace")
        .get(pk=trigger.pk)
    )


def _snapshot(trigger: Trigger) -> dict[str, Any]:
    return audit.snapshot(trigger, _AUDITED)
