"""The outside world of one run."""

from __future__ import annotations

from apps.core.models import Workspace
from apps.workflows.adapters.assemble import ports_for
from apps.workflows.engine.ports import Ports
from apps.workflows.runner.queue import Claimed


def workspace_of(run: Claimed) -> Workspace:
    """The workspace of a run, as far as adapters need it, without a query."""
    workspace = Workspace(
        pk=run.workspace_id,
        name=run.workspace_name,
        slug=run.workspace_slug,
        allow_private_network=run.allow_private_network,
    )
    workspace._state.adding = False  # it is in the database, whatever Django thinks of a new instance
    return workspace


def ports_of(run: Claimed) -> Ports:
    """What the nodes of a run may reach: its workspace, under its policy."""
    return ports_for(run, workspace_of(run))
