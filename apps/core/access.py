"""Roles, and the lowest role that each action on a model needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """What a member may do in a workspace; each role includes the ones below it."""

    OWNER = "owner", _("Owner")
    ADMIN = "admin", _("Administrator")
    EDITOR = "editor", _("Editor")
    ANNOTATOR = "annotator", _("Annotator")
    VIEWER = "viewer", _("Viewer")

    @property
    def rank(self) -> int:
        """Higher ranks may do more."""
        return _RANKS[self]

    def includes(self, needed: Role) -> bool:
        """Tell whether this role may do what `needed` may."""
        return self.rank >= needed.rank


_RANKS = {Role.VIEWER: 1, Role.ANNOTATOR: 2, Role.EDITOR: 3, Role.ADMIN: 4, Role.OWNER: 5}


@dataclass(frozen=True, slots=True)
class Access:
    """The lowest role for each action on a model. An action that is not named here is denied to everybody."""

    view: Role = Role.VIEWER
    add: Role = Role.EDITOR
    change: Role = Role.EDITOR
    delete: Role = Role.EDITOR
    extra: Mapping[str, Role] = field(default_factory=dict)

    def roles_for(self, action: str) -> list[Role]:
        """Return the roles that may do `action`."""
        needed = self.lowest(action)
        return [] if needed is None else [role for role in Role if role.includes(needed)]

    def lowest(self, action: str) -> Role | None:
        """Return the lowest role for `action`, or None when nobody may."""
        if action in {"view", "add", "change", "delete"}:
            role: Role = getattr(self, action)
            return role
        return self.extra.get(action)
