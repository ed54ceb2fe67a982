"""Publishing: what runs use never changes."""

from __future__ import annotations

import pytest

from apps.core.actors import Actor
from apps.core.exceptions import Invalid, NotAllowed
from apps.core.models import User, Workspace
from apps.workflows.exceptions import DraftChangedError, NotPublishableError, NotPublishedError
from apps.workflows.selectors import document_diff
from apps.workflows.services import workflow as service
from apps.workflows.services.run import start_run
from tests.factories.core import SYSTEM
from tests.factories.workflows import greeting, make_workflow, node


def test_published_versions_are_numbered_and_stay_as_they_were(workspace: Workspace, editor: User) -> None:
    workflow = make_workflow(workspace, published=False)
    first = service.publish(actor=Actor.for_user(editor), workflow=workflow, name="First", note="Hello.")
    service.save_draft(
        actor=SYSTEM, workflow=workflow, document={**workflow.draft, "description": "Changed."}, revision=None
    )
    second = service.publish(actor=SYSTEM, workflow=workflow)

    assert (first.number, first.name, first.created_by) == (1, "First", editor)
    assert second.number == 2
    first.refresh_from_db()
    assert first.document.get("description", "") == ""
    assert first.checksum != second.checksum


def test_publishing_the_same_again_makes_no_new_version(workspace: Workspace) -> None:
    workflow = make_workflow(workspace)
    again = service.publish(actor=SYSTEM, workflow=workflow, name="Named later")
    assert (again.number, again.name) == (1, "Named later")
    assert workflow.versions.count() == 1


def test_a_draft_with_errors_is_refused_with_all_of_them(workspace: Workspace) -> None:
    content = greeting()
    content["nodes"].append(node("lost", "template", {"template": "x"}))
    content["nodes"][1]["config"] = {"template": "{{ nowhere.output }}"}
    workflow = make_workflow(workspace, content, published=False)

    with pytest.raises(NotPublishableError) as caught:
        service.publish(actor=SYSTEM, workflow=workflow)

    problems = [p for p in caught.value.extra["problems"] if p["severity"] == "error"]
    assert {p["node_id"] for p in problems} >= {"hello"}
    assert workflow.versions.count() == 0


def test_publishing_an_outdated_draft_is_refused(workspace: Workspace) -> None:
    workflow = make_workflow(workspace)
    service.save_draft(actor=SYSTEM, workflow=workflow, document=workflow.draft, revision=None)
    with pytest.raises(DraftChangedError):
        service.publish(actor=SYSTEM, workflow=workflow, revision=1)


def test_viewers_do_not_publish(workspace: Workspace, viewer: User) -> None:
    workflow = make_workflow(workspace, published=False)
    with pytest.raises(NotAllowed):
        service.publish(actor=Actor.for_user(viewer), workflow=workflow)


def test_an_earlier_version_becomes_the_draft_again(workspace: Workspace) -> None:
    workflow = make_workflow(workspace)
    first = workflow.published
    changed = {**workflow.draft, "description": "Changed."}
    service.save_draft(actor=SYSTEM, workflow=workflow, document=changed, revision=None)
    service.publish(actor=SYSTEM, workflow=workflow)

    restored = service.restore_version(actor=SYSTEM, workflow=workflow, version=first)

    assert document_diff(first.document, restored.draft) == []
    assert restored.published.number == 2
    with pytest.raises(Invalid):
        service.restore_version(actor=SYSTEM, workflow=make_workflow(workspace), version=first)


def test_differences_name_what_changed(workspace: Workspace) -> None:
    workflow = make_workflow(workspace)
    new = {**workflow.draft, "description": "New."}
    changes = document_diff(workflow.draft, new)
    assert [(c.kind, c.subject, c.path) for c in changes] == [("added", "document", "description")]


def test_runs_use_the_published_version_or_the_one_named(workspace: Workspace) -> None:
    workflow = make_workflow(workspace)
    first = workflow.published
    service.save_draft(
        actor=SYSTEM, workflow=workflow, document={**workflow.draft, "description": "2"}, revision=None
    )
    assert start_run(actor=SYSTEM, workflow=workflow).version == first
    service.publish(actor=SYSTEM, workflow=workflow)
    workflow.refresh_from_db()
    assert start_run(actor=SYSTEM, workflow=workflow).version.number == 2
    named = start_run(actor=SYSTEM, workflow=workflow, version=first)
    assert (named.version, named.checksum) == (first, first.checksum)
    draft = start_run(actor=SYSTEM, workflow=workflow, draft=True)
    assert (draft.version, draft.source["description"]) == (None, "2")


def test_an_unpublished_workflow_does_not_run(workspace: Workspace) -> None:
    with pytest.raises(NotPublishedError):
        start_run(actor=SYSTEM, workflow=make_workflow(workspace, published=False))
