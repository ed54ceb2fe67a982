"""Sharing single objects with people and groups, beyond what their roles allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction
from django.utils.translation import gettext as _
from guardian.models import GroupObjectPermission, UserObjectPermission

from apps.core import audit, permissions
from apps.core.access import Access, Role
from apps.core.actors import Actor
from apps.core.exceptions import Invalid, NotAllowed
from apps.core.models import Membership, User

SHAREABLE = ("view", "change", "delete")


@dataclass(frozen=True, slots=True)
class Share:
    """What one person or group was granted on an object."""

    holder: User | Group
    actions: tuple[str, ...]

    @property
    def is_group(self) -> bool:
        """Shared with a group."""
        return isinstance(self.holder, Group)


def shareable_actions(model: type[models.Model]) -> tuple[str, ...]:
    """Return the actions on `model` that can be granted: the usual ones and those it declares beside them."""
    access: Access = getattr(model, "access", Access())
    return (*SHAREABLE, *access.extra)


def shares_of(obj: models.Model) -> list[Share]:
    """Return who was granted what on `obj`, people first, by name."""
    people = _grants(UserObjectPermission, obj).select_related("user", "permission")
    groups = _grants(GroupObjectPermission, obj).select_related("group", "permission")
    found: dict[User | Group, list[str]] = {}
    for grant in people:
        found.setdefault(grant.user, []).append(_action(grant, obj))
    for grant in groups:
        found.setdefault(grant.group, []).append(_action(grant, obj))
    order = shareable_actions(type(obj))
    shares = [
        Share(
            holder, tuple(sorted(actions, key=lambda action: order.index(action) if action in order else 99))
        )
        for holder, actions in found.items()
    ]
    return sorted(shares, key=lambda share: (share.is_group, str(share.holder)))


@transaction.atomic
def share(*, actor: Actor, obj: Any, holder: User | Group, actions: Sequence[str]) -> None:
    """Replace what `holder` was granted on `obj` by `actions`; none takes the share away.

    Editors share what they may change by their role; a share cannot be passed on.
    """
    _require_may_share(actor, obj)
    allowed = shareable_actions(type(obj))
    if set(actions) - set(allowed):
        raise Invalid(_("Only these can be shared: %(actions)s.") % {"actions": ", ".join(allowed)})
    if (
        isinstance(holder, User)
        and not Membership.objects.filter(user=holder, workspace=obj.workspace).exists()
    ):
        raise Invalid(_("%(user)s is not a member of this workspace.") % {"user": holder})
    granted = _granted_to(obj, holder)
    before = {"holder": str(holder), "actions": sorted(_action(grant, obj) for grant in granted)}
    granted.delete()
    for action in actions:
        _grant(obj, holder, action)
    after = {"holder": str(holder), "actions": sorted(actions)}
    audit.record(actor=actor, action="core.share.update", obj=obj, before=before, after=after)


def may_share(user: User, obj: Any) -> bool:
    """Tell whether the role of `user` lets them share `obj`."""
    return permissions.allows_in(user, "change", type(obj), obj.workspace)


def _require_may_share(actor: Actor, obj: Any) -> None:
    if actor.user is not None and not may_share(actor.user, obj):
        needed = getattr(type(obj), "access", Access()).lowest("change") or Role.OWNER
        raise NotAllowed(_("Sharing needs the role “%(role)s” in the workspace.") % {"role": needed.label})


def _grants(table: Any, obj: models.Model) -> Any:
    kind = ContentType.objects.get_for_model(obj)
    return table.objects.filter(content_type=kind, object_pk=str(obj.pk))


def _granted_to(obj: models.Model, holder: User | Group) -> Any:
    if isinstance(holder, Group):
        return _grants(GroupObjectPermission, obj).filter(group=holder).select_related("permission")
    return _grants(UserObjectPermission, obj).filter(user=holder).select_related("permission")


def _grant(obj: models.Model, holder: User | Group, action: str) -> None:
    kind = ContentType.objects.get_for_model(obj)
    codename = f"{action}_{obj._meta.model_name}"
    permission, _made = Permission.objects.get_or_create(
        content_type=kind,
        codename=codename,
        defaults={"name": f"Can {action} {obj._meta.verbose_name}"[:255]},
    )
    row = {"permission": permission, "content_type": kind, "object_pk": str(obj.pk)}
    if isinstance(holder, Group):
        GroupObjectPermission.objects.create(group=holder, **row)
    else:
        UserObjectPermission.objects.create(user=holder, **row)


def _action(grant: Any, obj: models.Model) -> str:
    codename: str = grant.permission.codename
    return codename.removesuffix(f"_{obj._meta.model_name}")
