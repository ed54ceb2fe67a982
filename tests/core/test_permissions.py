"""Who sees and does what."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser
from guardian.shortcuts import assign_perm

from apps.core import jobs, permissions
from apps.core.access import Access, Role
from apps.core.actors import Actor
from apps.core.exceptions import Conflict, NotAllowed
from apps.core.models import ApiKey, Job, Membership
from apps.core.services.workspace import add_member, change_role, remove_member
from tests.factories.core import SYSTEM, make_member, make_user, make_workspace


@jobs.task("tests.nothing")
def nothing(ctx: jobs.JobContext) -> None:
    """Do nothing."""


def test_roles_include_the_ones_below():
    ranks = [role.rank for role in (Role.VIEWER, Role.ANNOTATOR, Role.EDITOR, Role.ADMIN, Role.OWNER)]
    assert ranks == sorted(ranks)
    assert Role.OWNER.includes(Role.VIEWER)
    assert not Role.VIEWER.includes(Role.ANNOTATOR)


def test_an_unnamed_action_is_denied_to_everybody():
    assert Access().roles_for("explode") == []


def test_members_see_their_workspace_only(workspace, viewer, stranger):
    jobs.enqueue("tests.nothing", actor=SYSTEM, workspace=workspace)
    assert Job.objects.visible_to(viewer).count() == 1
    assert Job.objects.visible_to(stranger).count() == 0
    assert Job.objects.visible_to(AnonymousUser()).count() == 0


def test_an_inactive_account_sees_nothing(workspace, viewer):
    jobs.enqueue("tests.nothing", actor=SYSTEM, workspace=workspace)
    viewer.is_active = False
    assert Job.objects.visible_to(viewer).count() == 0


def test_a_grant_on_one_object_opens_that_object_only(workspace, stranger):
    shared = jobs.enqueue("tests.nothing", actor=SYSTEM, workspace=workspace)
    other = jobs.enqueue("tests.nothing", actor=SYSTEM, workspace=workspace)
    assign_perm("view_job", stranger, shared)
    assert list(Job.objects.visible_to(stranger)) == [shared]
    assert permissions.allows(stranger, "view", shared)
    assert not permissions.allows(stranger, "view", other)
    assert not permissions.allows(stranger, "change", shared)


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (Role.OWNER, True),
        (Role.ADMIN, True),
        (Role.EDITOR, False),
        (Role.ANNOTATOR, False),
        (Role.VIEWER, False),
    ],
)
def test_api_keys_are_an_administrators_matter(workspace, role, allowed):
    user = make_member(workspace, role)
    assert permissions.allows_in(user, "add", ApiKey, workspace) is allowed


def test_nobody_gives_a_role_above_their_own(workspace):
    admin = Actor.for_user(make_member(workspace, Role.ADMIN))
    with pytest.raises(NotAllowed):
        add_member(actor=admin, workspace=workspace, user=make_user(), role=Role.OWNER)
    assert not Membership.objects.filter(workspace=workspace, role=Role.OWNER).exists()


def test_an_administrator_cannot_remove_an_owner(workspace, owner):
    make_member(workspace, Role.OWNER)
    admin = Actor.for_user(make_member(workspace, Role.ADMIN))
    with pytest.raises(NotAllowed):
        remove_member(actor=admin, membership=Membership.objects.get(user=owner))


def test_the_last_owner_stays(workspace, owner):
    membership = Membership.objects.get(user=owner)
    with pytest.raises(Conflict):
        change_role(actor=Actor.for_user(owner), membership=membership, role=Role.VIEWER)
    with pytest.raises(Conflict):
        remove_member(actor=Actor.for_user(owner), membership=membership)
    assert Membership.objects.get(user=owner).role == Role.OWNER


def test_a_person_joins_once(workspace, viewer):
    with pytest.raises(Conflict):
        add_member(actor=SYSTEM, workspace=workspace, user=viewer, role=Role.EDITOR)


def test_a_superuser_passes_everywhere(superuser):
    elsewhere = make_workspace()
    jobs.enqueue("tests.nothing", actor=SYSTEM, workspace=elsewhere)
    assert Job.objects.visible_to(superuser).filter(workspace=elsewhere).count() == 1
