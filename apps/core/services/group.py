"""Groups of people."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.models import Group
from django.db import transaction
from django.utils.translation import gettext as _

from apps.core import audit
from apps.core.actors import Actor
from apps.core.exceptions import NotAllowed
from apps.core.models import User


@transaction.atomic
def create_group(*, actor: Actor, name: str, members: Iterable[User] = ()) -> Group:
    """Create a group. Only superusers and the system may."""
    _require_superuser(actor)
    group = Group.objects.create(name=name)
    people = list(members)
    group.user_set.set(people)
    audit.record(actor=actor, action="core.group.create", obj=group, after=_snapshot(name, people))
    return group


@transaction.atomic
def update_group(*, actor: Actor, group: Group, name: str, members: Iterable[User]) -> Group:
    """Change the name and the people of a group."""
    _require_superuser(actor)
    stored = Group.objects.get(pk=group.pk)
    before = _snapshot(stored.name, stored.user_set.all())
    group.name = name
    group.save(update_fields=["name"])
    people = list(members)
    group.user_set.set(people)
    audit.record(
        actor=actor, action="core.group.update", obj=group, before=before, after=_snapshot(name, people)
    )
    return group


@transaction.atomic
def delete_group(*, actor: Actor, group: Group) -> None:
    """Delete a group; what was shared with it is shared no more."""
    _require_superuser(actor)
    before = _snapshot(group.name, group.user_set.all())
    audit.record(actor=actor, action="core.group.delete", obj=group, before=before)
    group.delete()


def _snapshot(name: str, people: Iterable[User]) -> dict[str, object]:
    return {"name": name, "members": sorted(user.email for user in people)}


def _require_superuser(actor: Actor) -> None:
    if actor.user is not None and not actor.user.is_superuser:
        raise NotAllowed(_("Only an administrator of this installation may manage groups."))
