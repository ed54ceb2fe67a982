"""Workflows: drafts, files, secrets."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from apps.core.access import Role
from apps.core.actors import Actor
from apps.core.exceptions import Invalid, NotAllowed
from apps.core.models import AuditEntry, User, Workspace
from apps.workflows import dsl
from apps.workflows.exceptions import ArchivedError, DocumentInvalidError, DraftChangedError
from apps.workflows.models import Workflow
from apps.workflows.selectors import export_document
from apps.workflows.services import workflow as service
from apps.workflows.services.run import start_run
from tests.factories.core import SYSTEM, make_member
from tests.factories.workflows import greeting, make_workflow

SECRET = {"name": "TOKEN", "type": "secret", "value": "s3cr3t-value"}


def test_a_new_workflow_has_a_draft_that_can_be_published(workspace: Workspace, editor: User) -> None:
    for kind in ("workflow", "chatflow"):
        workflow = service.create_workflow(
            actor=Actor.for_user(editor), workspace=workspace, name=" Triage ", kind=kind
        )
        assert (workflow.name, workflow.kind, workflow.draft_revision) == ("Triage", kind, 1)
        assert [p for p in service.problems_of(workflow) if p["severity"] == "error"] == []
        assert AuditEntry.objects.filter(
            action="workflows.workflow.create", object_id=str(workflow.pk)
        ).exists()


def test_viewers_do_not_create(workspace: Workspace, viewer: User) -> None:
    with pytest.raises(NotAllowed):
        service.create_workflow(actor=Actor.for_user(viewer), workspace=workspace, name="Mine")
    assert not Workflow.objects.exists()


def test_saving_counts_revisions_and_takes_name_and_kind_over(workspace: Workspace) -> None:
    workflow = make_workflow(workspace, published=False)
    draft = {**workflow.draft, "name": "Renamed", "icon": "bolt"}

    saved = service.save_draft(actor=SYSTEM, workflow=workflow, document=draft, revision=1)

    assert (saved.name, saved.icon, saved.draft_revision) == ("Renamed", "bolt", 2)


def test_saves_while_somebody_types_are_one_audit_entry(workspace: Workspace, editor: User) -> None:
    workflow = make_workflow(workspace, published=False)
    typing, other = Actor.for_user(editor), Actor.for_user(make_member(workspace, Role.EDITOR))

    def save(actor: Actor, **changes: Any) -> None:
        workflow.refresh_from_db()
        service.save_draft(
            actor=actor, workflow=workflow, document={**workflow.draft, **changes}, revision=None
        )

    def told() -> list[tuple[int | None, list[str]]]:
        entries = AuditEntry.objects.filter(action=service.SAVE_DRAFT, object_id=str(workflow.pk))
        return [(entry.actor_id, sorted(entry.changes)) for entry in entries.order_by("id")]

    for _ in range(3):
        save(typing)
    one = [(editor.pk, ["draft_revision"])]
    assert told() == one
    save(typing, name="Renamed")
    assert told() == [*one, (editor.pk, ["draft_revision", "name"])]
    save(typing)
    save(other)
    save(typing)
    assert [who for who, _ in told()[2:]] == [other.user.pk if other.user else None, editor.pk]
    save(SYSTEM)
    save(SYSTEM)
    assert len(told()) == 6
    secret = {"environment": [{"name": "TOKEN", "type": "secret", "value": "x"}]}
    save(typing)
    save(typing, variables=secret)
    assert len(told()) == 8


def test_a_draft_that_somebody_saved_meanwhile_is_not_overwritten(workspace: Workspace) -> None:
    workflow = make_workflow(workspace, published=False)
    service.save_draft(actor=SYSTEM, workflow=workflow, document=workflow.draft, revision=1)

    with pytest.raises(DraftChangedError) as caught:
        service.save_draft(
            actor=SYSTEM, workflow=workflow, document={**workflow.draft, "name": "Late"}, revision=1
        )

    assert caught.value.extra["revision"] == 2
    workflow.refresh_from_db()
    assert workflow.name != "Late"


def test_a_draft_may_have_errors_and_keeps_them(workspace: Workspace) -> None:
    workflow = make_workflow(workspace, published=False)
    broken = {**workflow.draft, "edges": [{"source": "start", "target": "nowhere"}]}

    saved = service.save_draft(actor=SYSTEM, workflow=workflow, document=broken, revision=None)

    assert any(p["severity"] == "error" and p["place"] for p in service.problems_of(saved))


def test_a_text_that_is_no_workflow_is_refused_with_all_problems(workspace: Workspace) -> None:
    workflow = make_workflow(workspace, published=False)
    with pytest.raises(DocumentInvalidError) as caught:
        service.save_draft(
            actor=SYSTEM, workflow=workflow, document="version: flywheel/v1\nnodes: 3\nedges: x", revision=1
        )
    places = [problem["place"] for problem in caught.value.extra["problems"]]
    assert {"nodes", "edges"} <= set(places)


def test_secrets_leave_the_document_and_are_never_given_out(workspace: Workspace) -> None:
    content = greeting(variables={"environment": [SECRET]})
    workflow = make_workflow(workspace, content, published=False)

    assert workflow.secrets == {"TOKEN": "s3cr3t-value"}
    assert "s3cr3t-value" not in str(workflow.draft)
    text, _name = export_document(workflow, workflow.draft, "yaml")
    assert "s3cr3t-value" not in text
    with connection.cursor() as cursor:
        cursor.execute("SELECT secrets FROM workflows_workflow WHERE id = %s", [workflow.pk])
        assert b"s3cr3t" not in bytes(cursor.fetchone()[0])
    assert not AuditEntry.objects.filter(changes__icontains="s3cr3t-value").exists()


def test_only_declared_secrets_are_kept(workspace: Workspace) -> None:
    workflow = make_workflow(workspace, greeting(variables={"environment": [SECRET]}), published=False)

    service.set_secrets(actor=SYSTEM, workflow=workflow, values={"TOKEN": "other"})
    assert workflow.secrets == {"TOKEN": "other"}
    service.set_secrets(actor=SYSTEM, workflow=workflow, values={"TOKEN": None})
    assert workflow.secrets == {}
    with pytest.raises(Invalid):
        service.set_secrets(actor=SYSTEM, workflow=workflow, values={"UNKNOWN": "x"})


@pytest.mark.parametrize("file_format", ["yaml", "json"])
def test_a_file_brings_a_workflow_back_as_it_was(workspace: Workspace, file_format: str) -> None:
    workflow = make_workflow(workspace)
    text, name = export_document(workflow, workflow.draft, file_format)

    again = service.import_document(actor=SYSTEM, workspace=workspace, content=text.encode())

    assert name.endswith(f".{file_format}")
    assert dsl.diff(dsl.parse(workflow.draft), dsl.parse(again.draft)) == []
    assert again.published is None


def test_a_file_that_is_not_text_is_refused(workspace: Workspace) -> None:
    with pytest.raises(DocumentInvalidError):
        service.import_document(actor=SYSTEM, workspace=workspace, content=b"\xff\xfe\x00")


def test_a_copy_has_the_draft_and_nothing_else(workspace: Workspace) -> None:
    workflow = make_workflow(workspace, greeting(variables={"environment": [SECRET]}))
    copy = service.duplicate_workflow(actor=SYSTEM, workflow=workflow)
    assert copy.name.startswith(workflow.name)
    assert (copy.published, dict(copy.secrets)) == (None, {})


def test_renaming_reaches_the_document(workspace: Workspace) -> None:
    workflow = make_workflow(workspace)
    changed = service.update_workflow(
        actor=SYSTEM, workflow=workflow, changes={"name": "Other", "concurrency": 3}
    )
    assert (changed.draft["name"], changed.concurrency) == ("Other", 3)


def test_an_archived_workflow_neither_changes_nor_runs(workspace: Workspace) -> None:
    workflow = service.archive_workflow(actor=SYSTEM, workflow=make_workflow(workspace))
    for act in (
        lambda: start_run(actor=SYSTEM, workflow=workflow),
        lambda: service.save_draft(actor=SYSTEM, workflow=workflow, document=workflow.draft, revision=None),
        lambda: service.publish(actor=SYSTEM, workflow=workflow),
    ):
        with pytest.raises(ArchivedError):
            act()
    back = service.archive_workflow(actor=SYSTEM, workflow=workflow, archived=False)
    assert start_run(actor=SYSTEM, workflow=back).state == "queued"


def test_deleting_takes_runs_and_their_ledgers_along(workspace: Workspace) -> None:
    workflow = make_workflow(workspace)
    run = start_run(actor=SYSTEM, workflow=workflow)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO core_streamevent (stream_id, seq, type, data) VALUES (%s, 1, 'run.started', '{}')",
            [run.pk],
        )
    service.delete_workflow(actor=SYSTEM, workflow=workflow)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM core_streamevent WHERE stream_id = %s", [run.pk])
        assert cursor.fetchone()[0] == 0


def test_editors_of_other_workspaces_see_nothing(workspace: Workspace, stranger: User) -> None:
    workflow = make_workflow(workspace)
    assert not Workflow.objects.visible_to(stranger).filter(pk=workflow.pk).exists()
    assert Workflow.objects.visible_to(make_member(workspace, Role.VIEWER)).filter(pk=workflow.pk).exists()
