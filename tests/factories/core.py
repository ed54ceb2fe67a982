"""Workspaces, people and keys."""

from __future__ import annotations

from itertools import count
from uuid import uuid4

from apps.core.access import Role
from apps.core.actors import Actor
from apps.core.models import User, Workspace
from apps.core.services.api_key import create_api_key
from apps.core.services.user import create_user
from apps.core.services.workspace import add_member, create_workspace

SYSTEM = Actor.system("tests")
PASSWORD = "correct horse battery staple"

_numbers = count(1)


def make_user(*, superuser: bool = False, email: str = "") -> User:
    """Create an account with `PASSWORD`."""
    return create_user(
        actor=SYSTEM,
        email=email or f"user{next(_numbers)}-{uuid4().hex[:8]}@example.org",
        password=PASSWORD,
        superuser=superuser,
    )


def make_workspace(name: str = "") -> Workspace:
    """Create a workspace without members."""
    return create_workspace(actor=SYSTEM, name=name or f"Workspace {next(_numbers)}")


def make_member(workspace: Workspace, role: Role = Role.EDITOR) -> User:
    """Create an account with a role in `workspace`."""
    user = make_user()
    add_member(actor=SYSTEM, workspace=workspace, user=user, role=role)
    return user


def make_api_key(
    workspace: Workspace, user: User, scopes: tuple[str, ...] = ("read", "write", "chat")
) -> str:
    """Create a key and return it in full."""
    _key, presented = create_api_key(actor=SYSTEM, workspace=workspace, name="test", scopes=scopes, user=user)
    return presented
