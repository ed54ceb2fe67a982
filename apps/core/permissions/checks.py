"""Checks on single objects; lists go through `visible_to`."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.utils.translation import gettext as _

from apps.core.access import Access, Role
from apps.core.actors import Actor
from apps.core.exceptions import NotAllowed
from apps.core.models import Membership, User, Workspace


def role_in(user: User, workspace: Workspace) -> Role | None:
    """Return the role of `user` in `workspace`, or None when they do not belong to it."""
    value = Membership.objects.filter(user=user, workspace=workspace).values_list("role", flat=True).first()
    return None if value is None else Role(value)


def allows_in(
    user: User | AnonymousUser, action: str, model: type[models.Model], workspace: Workspace
) -> bool:
    """Tell whether the role of `user` in `workspace` includes `action` on `model`."""
    if not (user.is_authenticated and user.is_active):
        return False
    if user.is_superuser:
        return True
    access: Access = getattr(model, "access", Access())
    role = role_in(user, workspace)
    needed = access.lowest(action)
    return role is not None and needed is not None and role.includes(needed)


def allows(user: User | AnonymousUser, action: str, obj: Any) -> bool:
    """Tell whether `user` may do `action` on `obj`, by role or by a grant on the object."""
    workspace = obj if isinstance(obj, Workspace) else obj.workspace
    if allows_in(user, action, type(obj), workspace):
        return True
    codename = f"{obj._meta.app_label}.{action}_{obj._meta.model_name}"
    return bool(user.is_authenticated and user.is_active and user.has_perm(codename, obj))


def require(actor: Actor, action: str, obj: Any) -> None:
    """Raise `NotAllowed` unless `actor` may do `action` on `obj`."""
    if actor.user is not None and not allows(actor.user, action, obj):
        raise _denied(action, type(obj))


def require_in(actor: Actor, action: str, model: type[models.Model], workspace: Workspace) -> None:
    """Raise `NotAllowed` unless the role of `actor` in `workspace` includes `action` on `model`."""
    if actor.user is not None and not allows_in(actor.user, action, model, workspace):
        raise _denied(action, model)


def _denied(action: str, model: type[models.Model]) -> NotAllowed:
    access: Access = getattr(model, "access", Access())
    needed = access.lowest(action)
    if needed is None:
        return NotAllowed(_("Nobody may do this here."))
    return NotAllowed(
        _("This needs the role “%(role)s” in the workspace. Ask an administrator of the workspace.")
        % {"role": needed.label}
    )
