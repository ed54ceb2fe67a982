"""Reads of the platform."""

from __future__ import annotations

from apps.core.ids import is_uuid
from apps.core.models import Job, User, Workspace


def may_watch_job(user: User, key: str) -> bool:
    """Tell whether `user` may see the job with this id."""
    return is_uuid(key) and Job.objects.visible_to(user).filter(pk=key).exists()


def may_watch_workspace(user: User, key: str) -> bool:
    """Tell whether `user` belongs to the workspace with this id."""
    return is_uuid(key) and Workspace.objects.visible_to(user).filter(pk=key).exists()


def workspaces_of(user: User) -> list[Workspace]:
    """Return the workspaces that `user` may enter, by name."""
    return list(Workspace.objects.visible_to(user).order_by("name").distinct())
