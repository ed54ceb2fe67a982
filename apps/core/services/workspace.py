"""Workspaces and their members."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from apps.core import audit, hooks, permissions
from apps.core.access import Role
from apps.core.actors import Actor
from apps.core.exceptions import Conflict, NotAllowed
from apps.core.ids import uuid7
from apps.core.models import Membership, User, Workspace


@transaction.atomic
def create_workspace(*, actor: Actor, name: str, owner: User | None = None) -> Workspace:
    """Create a workspace; `owner` (default: the actor) becomes its owner. Only superusers and the system may."""
    if actor.user is not None and not actor.user.is_superuser:
        raise NotAllowed(_("Only an administrator of this installation may create workspaces."))
    slug = slugify(name)[:40] or "workspace"
    if Workspace.objects.filter(slug=slug).exists():
        slug = f"{slug}-{str(uuid7())[-6:]}"
    workspace = Workspace.objects.create(name=name, slug=slug)
    audit.record(actor=actor, action="core.workspace.create", obj=workspace, after=audit.snapshot(workspace))
    person = owner or actor.user
    if person is not None:
        add_member(actor=Actor.system(actor.label), workspace=workspace, user=person, role=Role.OWNER)
    for _key, hook in hooks.workspace_created:
        hook(actor, workspace)
    return workspace


@transaction.atomic
def update_workspace(
    *, actor: Actor, workspace: Workspace, name: str, allow_private_network: bool
) -> Workspace:
    """Change name and network policy."""
    permissions.require(actor, "change", workspace)
    before = audit.snapshot(Workspace.objects.get(pk=workspace.pk))
    workspace.name = name
    workspace.allow_private_network = allow_private_network
    workspace.save(update_fields=["name", "allow_private_network", "updated_at"])
    audit.record(
        actor=actor,
        action="core.workspace.update",
        obj=workspace,
        before=before,
        after=audit.snapshot(workspace),
    )
    return workspace


@transaction.atomic
def delete_workspace(*, actor: Actor, workspace: Workspace) -> None:
    """Delete a workspace and everything in it."""
    permissions.require(actor, "delete", workspace)
    audit.record(actor=actor, action="core.workspace.delete", obj=workspace, before=audit.snapshot(workspace))
    workspace.delete()


@transaction.atomic
def add_member(*, actor: Actor, workspace: Workspace, user: User, role: Role) -> Membership:
    """Give `user` a role; raises `Conflict` when they belong to the workspace already."""
    _require_rank(actor, workspace, role, "add")
    try:
        with transaction.atomic():
            membership = Membership.objects.create(workspace=workspace, user=user, role=role)
    except IntegrityError:
        raise Conflict(_("%(user)s is a member already. Change the role instead.") % {"user": user}) from None
    audit.record(
        actor=actor, action="core.membership.create", obj=membership, after=audit.snapshot(membership)
    )
    return membership


@transaction.atomic
def change_role(*, actor: Actor, membership: Membership, role: Role) -> Membership:
    """Change a member's role; the last owner stays an owner."""
    _require_rank(actor, membership.workspace, Role(membership.role), "change")
    _require_rank(actor, membership.workspace, role, "change")
    if role != Role.OWNER:
        _keep_an_owner(membership)
    before = {"role": membership.role}
    membership.role = role
    membership.save(update_fields=["role"])
    audit.record(
        actor=actor, action="core.membership.update", obj=membership, before=before, after={"role": str(role)}
    )
    return membership


@transaction.atomic
def remove_member(*, actor: Actor, membership: Membership) -> None:
    """Take a person out of the workspace; the last owner stays."""
    _require_rank(actor, membership.workspace, Role(membership.role), "delete")
    _keep_an_owner(membership)
    audit.record(
        actor=actor, action="core.membership.delete", obj=membership, before=audit.snapshot(membership)
    )
    membership.delete()


def _require_rank(actor: Actor, workspace: Workspace, role: Role, action: str) -> None:
    """Nobody hands out, changes or takes away a role above their own."""
    permissions.require_in(actor, action, Membership, workspace)
    if actor.user is None or actor.user.is_superuser:
        return
    own = permissions.role_in(actor.user, workspace)
    if own is None or not own.includes(role):
        raise NotAllowed(_("You cannot give or change a role above your own."))


def _keep_an_owner(membership: Membership) -> None:
    if membership.role != Role.OWNER:
        return
    owners = Membership.objects.select_for_update().filter(workspace=membership.workspace, role=Role.OWNER)
    if len(owners) <= 1:
        raise Conflict(_("This is the last owner. Make somebody else an owner first."))
