"""Moments at which higher apps want to do something, filled from their `apps.py`.

`workspace_created`: fn(actor, workspace), inside the transaction that makes the workspace.
`first_start`: fn(actor, workspace), once per installation, in a job, after the first workspace exists.
`happened`: fn(happening), inside the transaction in which it happened: a document was indexed, feedback was given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from apps.core.actors import Actor
from apps.core.models import Workspace
from apps.core.registry import Registry

WorkspaceHook = Callable[[Actor, Workspace], None]


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that workflows may be started by. `key` tells it from others of its name; `data` is plain JSON."""

    name: str
    workspace: Workspace
    key: str
    data: dict[str, Any]


workspace_created: Registry[WorkspaceHook] = Registry("hooks.workspace_created")
first_start: Registry[WorkspaceHook] = Registry("hooks.first_start")
happened: Registry[Callable[[Happening], None]] = Registry("hooks.happened")


def tell(happening: Happening) -> None:
    """Say that something happened; listeners write in the caller's transaction."""
    for _key, listener in happened:
        listener(happening)
