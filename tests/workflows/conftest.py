"""Fixtures of the workflows' tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from apps.core.access import Role
from apps.core.models import User, Workspace
from apps.core.streams import close_current_hub, current_hub
from apps.workflows.adapters import http
from apps.workflows.models import RunMode, Workflow, WorkflowRun
from apps.workflows.runner import Executor, close_current_executor
from apps.workflows.runner.calls import settled
from tests.factories.core import make_member, make_workspace
from tests.factories.workflows import make_run, make_workflow
from tests.fakes.model_server import _model_server_thread, model_server
from tests.workflows.server import EffectServer

__all__ = ["_model_server_thread", "model_server"]

BOTH = ((RunMode.INTERACTIVE, 0.0), (RunMode.BACKGROUND, 0.0))


@pytest.fixture
def acme(transactional_db: None) -> Workspace:
    """A workspace whose rows other connections see, and which may call this machine."""
    workspace = make_workspace("Acme")
    Workspace.objects.filter(pk=workspace.pk).update(allow_private_network=True)
    workspace.refresh_from_db()
    return workspace


@pytest.fixture
def person(acme: Workspace) -> User:
    """An editor of `acme`."""
    return make_member(acme, Role.EDITOR)


@pytest.fixture
async def hub() -> AsyncIterator[None]:
    """Ends the loop's connections after the test."""
    yield
    await close_current_executor()
    await close_current_hub()
    await http.close()


@pytest.fixture
async def executor(acme: Workspace, hub: None) -> AsyncIterator[Executor]:
    """An executor at work, for runs of both modes."""
    working = Executor(BOTH)
    working.start()
    yield working
    await working.stop()


Ran = Callable[..., Awaitable[WorkflowRun]]


@pytest.fixture
def ran(executor: Executor, acme: Workspace) -> Ran:
    """`await ran(document or workflow, inputs=…)`: a run that has ended, or waits."""

    async def run(what: Workflow | dict[str, Any] | None = None, **given: Any) -> WorkflowRun:
        workflow = what if isinstance(what, Workflow) else await sync_to_async(make_workflow)(acme, what)
        started = await sync_to_async(make_run)(workflow, **given)
        return await ended(started)

    return run


async def ended(run: WorkflowRun, after_seq: int = 0) -> WorkflowRun:
    """The run after it has ended, or waits."""
    assert await settled(run.pk, 15, after_seq)
    return await fresh(run)


async def fresh(run: WorkflowRun) -> WorkflowRun:
    """The run as it is in the database."""
    return await sync_to_async(WorkflowRun.objects.select_related("workflow", "version").get)(pk=run.pk)


async def told(run: WorkflowRun) -> list[tuple[str, dict[str, Any]]]:
    """Types and data of a run's events."""
    return [(event.type, event.data) for event in await current_hub().events(run.pk)]


@pytest.fixture
async def effects() -> AsyncIterator[EffectServer]:
    """A server that remembers what was done."""
    server = EffectServer()
    await server.start()
    yield server
    await server.stop()
