"""Reads of workflows for the console and the API."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from apps.core.exceptions import NotFound
from apps.core.ids import is_uuid
from apps.core.models import User, Workspace
from apps.workflows import dsl
from apps.workflows.models import RunWait, Workflow, WorkflowRun, WorkflowVersion


def get_workflow(workspace: Workspace, user: User, pk: UUID, action: str = "view") -> Workflow:
    """One workflow of a workspace, with its published version; raises NotFound."""
    found = (
        Workflow.objects.in_workspace(workspace)
        .visible_to(user, action)
        .select_related("published", "workspace")
        .filter(pk=pk)
        .first()
    )
    if found is None:
        raise NotFound
    return found


def get_version(workflow: Workflow, number: int) -> WorkflowVersion:
    """A version of a workflow by its number; raises NotFound."""
    found = workflow.versions.filter(number=number).first()
    if found is None:
        raise NotFound
    return found


def get_run(workspace: Workspace, user: User, pk: UUID) -> WorkflowRun:
    """One run of a workspace, with workflow and version; raises NotFound."""
    found = (
        WorkflowRun.objects.in_workspace(workspace)
        .visible_to(user)
        .select_related("workflow", "version", "trigger", "workspace")
        .filter(pk=pk)
        .first()
    )
    if found is None:
        raise NotFound
    return found


def wait_by_token(token: str) -> RunWait:
    """The wait whose form has this address, whatever became of it; raises NotFound."""
    found = (
        RunWait.objects.select_related("run__workflow", "workspace").filter(token=token).first()
        if token
        else None
    )
    if found is None:
        raise NotFound
    return found


def may_watch_workflow(user: User, key: str) -> bool:
    """Tell whether `user` may see the workflow with this id (topic `workflow:<id>`)."""
    return is_uuid(key) and Workflow.objects.visible_to(user).filter(pk=key).exists()


def document_diff(old: dict[str, Any], new: dict[str, Any]) -> list[Any]:
    """What changed from one document to another, see `dsl.diff`."""
    return list(dsl.diff(dsl.parse(dict(old)), dsl.parse(dict(new))))
