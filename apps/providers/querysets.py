"""Reads of providers and models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self
from uuid import UUID

from django.db.models import Q

from apps.core.ids import is_uuid
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

    def named(self, name: str) -> Self:
        """Those that a reference means: an id, ``provider/name``, a name or a title."""
        if is_uuid(name):
            return self.filter(pk=UUID(name))
        condition = Q(name=name) | Q(title=name)
        provider, slash, rest = name.partition("/")
        if slash:
            # names of models hold slashes too, as in meta-llama/Llama-3
            condition |= Q(provider__name=provider, name=rest) | Q(provider__name=provider, title=rest)
        return self.filter(condition)
