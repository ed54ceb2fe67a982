"""Writes of models."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, TypedDict, Unpack

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from apps.core import audit, permissions
from apps.core.actors import Actor
from apps.core.exceptions import Conflict, Invalid
from apps.providers.models import Model, ModelSlot, Provider
from apps.providers.presets import guess_slot

MAX_ADDED_AT_ONCE = 200


class ModelFields(TypedDict, total=False):
    """What may be said about a model besides its provider, slot and name."""

    title: str
    context_window: int | None
    dimensions: int | None
    abilities: dict[str, Any]
    input_price: Decimal | None
    output_price: Decimal | None
    cached_price: Decimal | None
    max_concurrency: int | None
    timeout_s: int
    fallback: Model | None
    enabled: bool


@transaction.atomic
def create_model(
    *, actor: Actor, provider: Provider, slot: str, name: str, **fields: Unpack[ModelFields]
) -> Model:
    """Adds a model to a provider.

    It becomes the default of its slot when there is none, or only the built-in one: whoever connects a real
    model wants it used. Raises `Invalid` with the fields' errors, `Conflict` when it is there already.
    """
    permissions.require_in(actor, "add", Model, provider.workspace)
    permissions.require(actor, "view", provider)
    if provider.is_local:
        raise Conflict(_("The built-in provider has exactly the models it comes with."))
    model = Model(workspace=provider.workspace, provider=provider, slot=slot, name=name.strip(), **fields)
    _check(model)
    model.save()
    audit.record(actor=actor, action="providers.model.create", obj=model, after=audit.snapshot(model))
    if model.enabled and not _real_default(model):
        _make_default(model)
    return model


@transaction.atomic
def update_model(
    *, actor: Actor, model: Model, name: str | None = None, **fields: Unpack[ModelFields]
) -> Model:
    """Changes what is given. Raises `Invalid` with the fields' errors."""
    permissions.require(actor, "change", model)
    stored = Model.objects.select_for_update(of=("self",)).select_related("provider").get(pk=model.pk)
    before = audit.snapshot(stored)
    if name is not None and name.strip() != stored.name:
        if stored.provider.is_local:
            raise Conflict(_("The built-in models keep their names."))
        stored.name = name.strip()
    for field, value in fields.items():
        setattr(stored, field, value)
    _check(stored)
    stored.save()
    audit.record(
        actor=actor, action="providers.model.update", obj=stored, before=before, after=audit.snapshot(stored)
    )
    return stored


@transaction.atomic
def delete_model(*, actor: Actor, model: Model) -> None:
    """Removes a model; a default hands its place to the oldest other model of the slot."""
    permissions.require(actor, "delete", model)
    if model.provider.is_local:
        raise Conflict(_("The built-in models can't be deleted. You can switch them off."))
    audit.record(actor=actor, action="providers.model.delete", obj=model, before=audit.snapshot(model))
    workspace, slot, was_default = model.workspace, model.slot, model.is_default
    model.delete()
    heir = Model.objects.for_slot(workspace, slot).first()
    if was_default and heir is not None:
        _make_default(heir)


@transaction.atomic
def set_default_model(*, actor: Actor, model: Model) -> Model:
    """Makes the model the one that new agents and knowledge bases of the workspace get."""
    permissions.require(actor, "change", model)
    if not model.enabled:
        raise Conflict(_("A model that is switched off can't be the default."))
    before = audit.snapshot(model, ["is_default"])
    _make_default(model)
    audit.record(
        actor=actor,
        action="providers.model.set_default",
        obj=model,
        before=before,
        after=audit.snapshot(model, ["is_default"]),
    )
    return model


def add_models(*, actor: Actor, provider: Provider, names: Iterable[str]) -> list[Model]:
    """Adds the names that the provider does not have yet; what each is for is guessed from its name."""
    wanted = list(dict.fromkeys(name.strip() for name in names if name.strip()))
    if len(wanted) > MAX_ADDED_AT_ONCE:
        raise Invalid(_("Add at most %(count)d models at once.") % {"count": MAX_ADDED_AT_ONCE})
    known = set(Model.objects.filter(provider=provider).values_list("name", flat=True))
    return [
        create_model(actor=actor, provider=provider, slot=guess_slot(name) or ModelSlot.CHAT, name=name)
        for name in wanted
        if name not in known
    ]


def _check(model: Model) -> None:
    try:
        model.full_clean(validate_constraints=False)
    except ValidationError as error:
        raise Invalid(_("Correct the fields that are marked."), errors=error.message_dict) from None
    if not isinstance(model.abilities, dict):
        raise _refused("abilities", _("Enter a JSON object, for example {}."))
    twins = Model.objects.filter(provider=model.provider, slot=model.slot, name=model.name).exclude(
        pk=model.pk
    )
    if twins.exists():
        sentence = _("The provider has a model “%(name)s” for this purpose already.") % {"name": model.name}
        raise Conflict(sentence, errors={"name": [sentence]})
    if model.fallback is not None:
        _check_fallback(model, model.fallback)


def _check_fallback(model: Model, fallback: Model) -> None:
    if model.slot == ModelSlot.EMBEDDING:
        raise _refused("fallback", _("An embedding model has no fallback: its vectors fit no other model."))
    if fallback.workspace_id != model.workspace_id or fallback.slot != model.slot:
        raise _refused("fallback", _("Choose a model of this workspace for the same purpose."))
    step: Model | None = fallback
    seen = {model.pk}
    while step is not None:
        if step.pk in seen:
            raise _refused("fallback", _("The fallbacks would lead in a circle."))
        seen.add(step.pk)
        step = step.fallback


def _refused(field: str, sentence: str) -> Invalid:
    return Invalid(sentence, errors={field: [sentence]})


def _real_default(model: Model) -> bool:
    """True when the slot has a default that is not a built-in model."""
    defaults = Model.objects.in_workspace(model.workspace).filter(slot=model.slot, is_default=True)
    return bool(defaults.exclude(provider__kind="local").exists())


def _make_default(model: Model) -> None:
    slot = Model.objects.select_for_update().filter(workspace_id=model.workspace_id, slot=model.slot)
    slot.filter(is_default=True).exclude(pk=model.pk).update(is_default=False)
    model.is_default = True
    model.save(update_fields=["is_default", "updated_at"])
