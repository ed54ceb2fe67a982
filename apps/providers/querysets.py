"""Reads of providers and models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from apps.core.querysets import WorkspaceQuerySet

if TYPE_CHECKING:
    from apps.core.models import Workspace
    from apps.providers.models import Model, Provider  # noqa: F401  # for the type parameters


class ProviderQuerySet(WorkspaceQuerySet["Provider"]):
    """Providers."""


class ModelQuerySet(WorkspaceQuerySet["Model"]):
    """Models."""

    def usable(self) -> Self:
        """Those that are switched on, and whose provider is."""
        return self.filter(enabled=True, provider__enabled=True)

    def for_slot(self, workspace: Workspace, slot: str) -> Self:
        """Usable models of a slot, the default first, then the oldest."""
        return self.in_workspace(workspace).usable().filter(slot=slot).order_by("-is_default", "created_at")
