"""One entry for each write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from apps.core.actors import Actor
from apps.core.models import AuditEntry, Workspace
from apps.core.secrets import MASK, EncryptedJSONField, EncryptedTextField

_ENCODER = DjangoJSONEncoder()
_UNTOLD = {"id", "workspace", "created_at", "updated_at", "password", "secret_hash"}


def snapshot(obj: models.Model, fields: Iterable[str] | None = None) -> dict[str, Any]:
    """Return the plain values of `obj` for a before/after comparison; secrets are masked."""
    wanted = None if fields is None else set(fields)
    return {
        field.name: _value(obj, field)
        for field in obj._meta.concrete_fields
        if field.name not in _UNTOLD and (wanted is None or field.name in wanted)
    }


def _value(obj: models.Model, field: models.Field[Any, Any]) -> Any:
    if isinstance(field, EncryptedTextField | EncryptedJSONField):
        return MASK if getattr(obj, field.attname) else ""
    value = getattr(obj, field.attname)
    if value is None or isinstance(value, str | int | float | bool | list | dict):
        return value
    if isinstance(value, bytes | memoryview):
        return f"{len(value)} bytes"
    try:
        return _ENCODER.default(value)
    except TypeError:
        return str(value)


def changes_between(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> dict[str, list[Any]]:
    """Return `{field: [before, after]}` for what differs."""
    old, new = before or {}, after or {}
    return {
        name: [old.get(name), new.get(name)]
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    }


def record(
    *,
    actor: Actor,
    action: str,
    obj: models.Model,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Write the audit entry of one write, in the caller's transaction."""
    workspace = obj if isinstance(obj, Workspace) else getattr(obj, "workspace", None)
    return AuditEntry.objects.create(
        workspace=workspace,
        actor_id=actor.user.pk if actor.user else None,
        actor_label=actor.label[:200],
        api_key_id=actor.api_key_id,
        ip=actor.ip,
        action=action,
        object_type=obj._meta.label_lower,
        object_id=str(obj.pk),
        object_label=str(obj)[:200],
        changes=changes_between(before, after),
    )
