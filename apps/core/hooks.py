"""Moments at which higher apps want to do something, filled from their `apps.py`.

`workspace_created`: fn(actor, workspace), inside the transaction that makes the workspace.
`first_start`: fn(actor, workspace), once per installation, in a job, after the first workspace exists.
"""

from __future__ import annotations

from collections.abc import Callable

from apps.core.actors import Actor
from apps.core.models import Workspace
from apps.core.registry import Registry

WorkspaceHook = Callable[[Actor, Workspace], None]

workspace_created: Registry[WorkspaceHook] = Registry("hooks.workspace_created")
first_start: Registry[WorkspaceHook] = Registry("hooks.first_start")
