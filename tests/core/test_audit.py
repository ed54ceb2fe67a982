"""The audit log."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction

from apps.core import audit
from apps.core.actors import Actor
from apps.core.models import AuditEntry
from apps.core.services.workspace import update_workspace


def test_a_write_is_recorded_with_what_changed(workspace, owner):
    update_workspace(
        actor=Actor.for_user(owner, ip="10.0.0.9"),
        workspace=workspace,
        name="New",
        allow_private_network=False,
    )
    entry = AuditEntry.objects.get(action="core.workspace.update")
    assert entry.changes == {"name": ["Acme", "New"]}
    assert (entry.actor_id, entry.ip, entry.object_id) == (owner.pk, "10.0.0.9", str(workspace.pk))


@pytest.mark.parametrize(
    "statement", ["UPDATE core_auditentry SET action = 'x'", "DELETE FROM core_auditentry"]
)
def test_the_database_refuses_to_change_history(workspace, statement):
    assert AuditEntry.objects.exists()
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert AuditEntry.objects.exists()


def test_entries_outlive_their_workspace(workspace, system):
    from apps.core.services.workspace import delete_workspace

    delete_workspace(actor=system, workspace=workspace)
    assert AuditEntry.objects.filter(action="core.workspace.delete").exists()


def test_changes_hold_only_what_differs():
    assert audit.changes_between({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4}) == {"b": [2, 3], "c": [None, 4]}
