"""Other workflows of the workspace, for sub-workflow nodes."""

from __future__ import annotations

from uuid import UUID

from apps.core.ids import is_uuid
from apps.core.models import Workspace
from apps.workflows.adapters.database import in_thread
from apps.workflows.engine.errors import NodeError
from apps.workflows.engine.ports import LoadedWorkflow
from apps.workflows.models import Workflow, WorkflowVersion
from apps.workflows.services.document import environment_values


class WorkspaceWorkflows:
    """Published versions, by the workflow's id or name."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    async def load(self, workflow: str, version: int | None) -> LoadedWorkflow:
        """See `WorkflowPort`."""
        return await in_thread(self._load, workflow, version)

    def _load(self, name: str, number: int | None) -> LoadedWorkflow:
        workflows = (
            Workflow.objects.in_workspace(self._workspace).filter(archived=False).select_related("published")
        )
        found = (workflows.filter(pk=UUID(name)) if is_uuid(name) else workflows.filter(name=name)).first()
        if found is None:
            raise NodeError(f"There is no workflow “{name[:80]}” in this workspace.", code="no_workflow")
        version = self._version(found, number)
        environment = environment_values(version.document, found.secrets or {})
        return LoadedWorkflow(version.document, version.number, environment)

    def _version(self, workflow: Workflow, number: int | None) -> WorkflowVersion:
        if number is None:
            if workflow.published is None:
                raise NodeError(f"The workflow “{workflow.name}” is not published.", code="not_published")
            return workflow.published
        found = WorkflowVersion.objects.filter(workflow=workflow, number=number).first()
        if found is None:
            raise NodeError(f"The workflow “{workflow.name}” has no version {number}.", code="no_version")
        return found
