"""What validation asks about the world around a document."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

#: ready; missing: there is none of that name; unusable: there is, but it lacks credentials or is switched off;
#: unknown: nobody can say.
State = Literal["ready", "missing", "unusable", "unknown"]


class Environment(Protocol):
    """The workspace as a document sees it. Kinds are those of `dsl.dynamic.Resource`."""

    def state(self, kind: str, name: str) -> State:
        """Whether something can be used; an empty name asks for the default of its kind."""

    def has_secret(self, name: str) -> bool:
        """Whether a value was entered for a secret variable of this workflow."""

    def this_workflow(self) -> str:
        """The id of the workflow that the document belongs to; "" for a new one."""

    def workflow_id(self, name: str) -> str:
        """The id behind a name or id of a workflow; "" when there is none."""

    def calls(self, workflow_id: str) -> Collection[str]:
        """Ids of the workflows that a workflow's published version calls."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """An environment that was listed beforehand.

    resources: usable names by kind (a kind that is not listed is unknown); "" among them stands for a default.
    unusable: names by kind that exist and can't be used. secrets: None when nobody can say.
    workflow_ids: id by name or id. calls: called ids by id.
    """

    resources: Mapping[str, Collection[str]] = field(default_factory=dict)
    unusable: Mapping[str, Collection[str]] = field(default_factory=dict)
    secrets: Collection[str] | None = None
    workflow: str = ""
    workflow_ids: Mapping[str, str] = field(default_factory=dict)
    workflow_calls: Mapping[str, Collection[str]] = field(default_factory=dict)

    def state(self, kind: str, name: str) -> State:
        """Looked up in what was listed."""
        if name in self.unusable.get(kind, ()):
            return "unusable"
        if kind not in self.resources:
            return "unknown"
        return "ready" if name in self.resources[kind] else "missing"

    def has_secret(self, name: str) -> bool:
        """Looked up in what was listed."""
        return self.secrets is None or name in self.secrets

    def this_workflow(self) -> str:
        """As given."""
        return self.workflow

    def workflow_id(self, name: str) -> str:
        """Looked up in what was listed; a name that was not stands for itself."""
        return self.workflow_ids.get(name, name)

    def calls(self, workflow_id: str) -> Collection[str]:
        """Looked up in what was listed."""
        return self.workflow_calls.get(workflow_id, ())
