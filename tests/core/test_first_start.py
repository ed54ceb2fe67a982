"""A new installation."""

from __future__ import annotations

import pytest

from apps.core.access import Role
from apps.core.models import Job, Membership, User, Workspace
from apps.core.services.first_start import prepare_installation
from apps.core.services.user import update_user


@pytest.fixture
def installation(db):
    return prepare_installation(email="root@example.org")


def test_it_has_an_administrator_a_workspace_and_a_job(installation):
    assert installation.administrator.check_password(installation.password)
    assert installation.administrator.is_superuser
    membership = Membership.objects.get()
    assert (membership.user, membership.role) == (installation.administrator, Role.OWNER)
    assert Job.objects.get() == installation.job


def test_a_second_start_changes_nothing(installation):
    assert prepare_installation(email="other@example.org", password="another-long-password") is None
    assert (User.objects.count(), Workspace.objects.count(), Job.objects.count()) == (1, 1, 1)


def test_a_given_password_is_used(db):
    made = prepare_installation(email="root@example.org", password="given-by-the-environment")
    assert made is not None
    assert made.administrator.check_password("given-by-the-environment")


def test_the_last_administrator_cannot_be_switched_off(installation, system):
    from apps.core.exceptions import Conflict

    admin = installation.administrator
    with pytest.raises(Conflict):
        update_user(actor=system, user=admin, email=admin.email, name="", active=False, superuser=True)
