"""The workspace as validation asks about it: models, knowledge bases, tables, workflows, secrets."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any
from uuid import UUID

from django.db.models import Q

from apps.core.ids import is_uuid
from apps.core.models import Workspace
from apps.knowledge.models import KnowledgeBase
from apps.providers.models import Model, ModelSlot
from apps.workflows.dsl.validation.environment import State
from apps.workflows.models import DataTable, Workflow


class WorkspaceEnvironment:
    """Looks things up as a document names them: by id or by name. Asks for each name once."""

    def __init__(self, workspace: Workspace, workflow: Workflow | None = None) -> None:
        self._workspace = workspace
        self._workflow = workflow
        self._known: dict[tuple[str, str], State] = {}

    def state(self, kind: str, name: str) -> State:
        """See `dsl.Environment`."""
        key = (kind, name)
        if key not in self._known:
            self._known[key] = self._state(kind, name)
        return self._known[key]

    def has_secret(self, name: str) -> bool:
        """See `dsl.Environment`; nobody can say for a workflow that is not kept yet."""
        return self._workflow is None or bool(self._workflow.secrets.get(name))

    def this_workflow(self) -> str:
        """See `dsl.Environment`."""
        return str(self._workflow.pk) if self._workflow is not None else ""

    def workflow_id(self, name: str) -> str:
        """See `dsl.Environment`."""
        found = self._workflows(name).values_list("pk", flat=True).first()
        return str(found) if found else ""

    def calls(self, workflow_id: str) -> Collection[str]:
        """See `dsl.Environment`."""
        found = self._workflows(workflow_id).select_related("published").first()
        if found is None or found.published is None:
            return ()
        names = {name for name in called_names(found.published.document) if name}
        return {called for name in names if (called := self.workflow_id(name))}

    def _state(self, kind: str, name: str) -> State:
        if kind == "model":
            return self._model(name)
        if kind == "knowledge_base":
            return _there(KnowledgeBase.objects.in_workspace(self._workspace).filter(named(name)).exists())
        if kind == "table":
            return _there(DataTable.objects.in_workspace(self._workspace).filter(named(name)).exists())
        if kind == "workflow":
            found = self._workflows(name).values_list("published", "archived").first()
            if found is None:
                return "missing"
            return "ready" if found[0] and not found[1] else "unusable"
        return "unknown"

    def _model(self, name: str) -> State:
        if not name:
            return _there(Model.objects.for_slot(self._workspace, ModelSlot.CHAT).exists())
        models = Model.objects.in_workspace(self._workspace).filter(slot=ModelSlot.CHAT)
        provider, slash, rest = name.partition("/")
        wanted = named(name) | Q(title=name)
        if slash:
            wanted |= Q(provider__name=provider) & (Q(name=rest) | Q(title=rest))
        found = models.filter(wanted)
        if found.usable().exists():
            return "ready"
        return "unusable" if found.exists() else "missing"

    def _workflows(self, name: str) -> Any:
        return Workflow.objects.in_workspace(self._workspace).filter(named(name))


def named(name: str) -> Q:
    """The thing of this id or name."""
    return Q(pk=UUID(name)) if is_uuid(name) else Q(name=name)


def called_names(document: Mapping[str, Any]) -> Iterator[str]:
    """The workflows that the sub-workflow nodes of a document name, bodies included."""
    for node in document.get("nodes") or ():
        if node.get("type") == "sub_workflow":
            yield str((node.get("config") or {}).get("workflow") or "")
        yield from called_names(node.get("body") or {})


def _there(exists: bool) -> State:
    return "ready" if exists else "missing"
