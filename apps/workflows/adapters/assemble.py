"""The outside world of one run: every port, bound to the run's workspace, person and conversation."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from apps.core.actors import Actor
from apps.core.models import Workspace
from apps.workflows.adapters.code import CodeAdapter
from apps.workflows.adapters.conversation import WorkflowConversations
from apps.workflows.adapters.files import FilesAdapter
from apps.workflows.adapters.http import HttpAdapter
from apps.workflows.adapters.knowledge import WorkspaceKnowledge
from apps.workflows.adapters.models import GatewayModels
from apps.workflows.adapters.tables import WorkspaceTables
from apps.workflows.adapters.workflows import WorkspaceWorkflows
from apps.workflows.engine.ports import Ports


class RunPlace(Protocol):
    """What of a run decides where its nodes may reach."""

    @property
    def id(self) -> UUID:
        """The run."""

    @property
    def workflow_id(self) -> UUID:
        """Its workflow."""

    @property
    def workflow_name(self) -> str:
        """The workflow's name, for audit entries and conversations."""

    @property
    def user_id(self) -> int | None:
        """The person, when it has an account."""

    @property
    def external_user(self) -> str:
        """The person, as an API caller names it."""

    @property
    def conversation_id(self) -> UUID | None:
        """The conversation of a chatflow."""


def ports_for(run: RunPlace, workspace: Workspace) -> Ports:
    """What the nodes of a run may reach: its workspace, under its policy.

    Nodes act for the workflow: who may change it has decided what it does, who may run it does not need the rights
    behind each step.
    """
    actor = Actor.system(f"workflow {run.workflow_name}"[:200])
    return Ports(
        models=GatewayModels(workspace),
        knowledge=WorkspaceKnowledge(workspace, actor),
        http=HttpAdapter(allow_private=workspace.allow_private_network),
        code=CodeAdapter(workspace_id=workspace.pk),
        tables=WorkspaceTables(workspace, actor),
        conversation=WorkflowConversations(
            workspace=workspace,
            run_id=run.id,
            workflow_id=run.workflow_id,
            workflow_name=run.workflow_name,
            user_id=run.user_id,
            external_user=run.external_user,
            conversation_id=run.conversation_id,
        ),
        files=FilesAdapter(workspace=workspace, run_id=run.id),
        workflows=WorkspaceWorkflows(workspace),
    )
