"""Reads of providers and models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from apps.core.querysets import WorkspaceQuerySet

if TYPE_CHECKING:
    from apps.core.models import Workspace
    from apps.providers.models import Model, Provider

    _Providers = WorkspaceQuerySet[Provider]
    _Models = WorkspaceQuerySet[Model]
else:
    _Providers = WorkspaceQuerySet
    _Models = WorkspaceQuerySet


class ProviderQuerySet(_Providers):
    """Providers."""


class ModelQuerySet(_Models):
    """Models."""

    def usable(self) -> Self:
        """Those that are switched on, and whose provider is."""
        return self.filter(enabled=True, provider__enabled=True)

    def for_slot(self, workspace: Workspace, slot: str) -> Self:
        """Usable models of a slot, the default first, then the oldest."""
        return self.in_workspace(workspace).usable().filter(slot=slot).order_by("-is_default", "created_at")
