"""kill -9 of the processes that execute runs, at random moments: every run ends, every effect is there.

An effect comes twice only where its node was in progress when a process died, and then under the same idempotency
key: nothing is done again once its completion is committed.

FLYWHEEL_KILL_RUNS and FLYWHEEL_KILLS choose the size; 200 and 10 are the full test.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.utils import timezone

from apps.core.models import StreamEvent, Workspace
from apps.core.streams import TERMINAL_TYPES
from apps.workflows.models import RunState, Workflow, WorkflowRun
from tests.factories.workflows import document, make_run, make_workflow, node
from tests.workflows.server import EffectServer

logger = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.durability

RUNS = int(os.environ.get("FLYWHEEL_KILL_RUNS", "24"))
KILLS = int(os.environ.get("FLYWHEEL_KILLS", "3"))
PROCESSES = 2
#: Nodes of the graph that have effects.
CALLS = 12


class Runners:
    """Processes `manage.py runner` on the tests' database."""

    def __init__(self) -> None:
        params = connection.settings_dict
        self._environment = {
            **os.environ,
            "DATABASE_URL": f"postgresql://{params['USER']}:{params['PASSWORD']}@{params['HOST']}:{params['PORT']}"
            f"/{params['NAME']}",
            "DJANGO_SETTINGS_MODULE": "tests.durability.settings",
            "ENCRYPTION_KEYS": "tests-only-key",
            "LOG_LEVEL": "ERROR",
        }
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """One more."""
        command = [sys.executable, "manage.py", "runner", "--slots", str(max(8, RUNS))]
        self._processes.append(subprocess.Popen(command, cwd=ROOT, env=self._environment))

    def kill_one(self) -> bool:
        """End one that executes runs, and start another in its place; False when none does now."""
        at_work = {int(owner.split(":")[1]) for owner in held_by()}
        victims = [process for process in self._processes if process.pid in at_work]
        if not victims:
            return False
        victim = random.choice(victims)
        self._processes.remove(victim)
        victim.kill()
        victim.wait()
        self.start()
        return True

    def stop(self) -> None:
        """End all."""
        for process in self._processes:
            process.kill()
            process.wait()


@pytest.fixture
async def runners(acme: Workspace) -> AsyncIterator[Runners]:
    """Two of them."""
    started = Runners()
    for _ in range(PROCESSES):
        started.start()
    yield started
    await sync_to_async(started.stop)()


def graph(server: EffectServer) -> dict[str, Any]:
    """Twenty nodes: two branches of calls with computing in between, a join, and an end."""

    def call(name: str) -> dict[str, Any]:
        body = {"type": "json", "value": {"node": name, "run": "{{ sys.run_id }}"}}
        return node(
            name, "http_request", {"method": "POST", "url": f"{server.url}/x?delay=0.1", "body": body}
        )

    nodes: list[dict[str, Any]] = []
    edges: list[tuple[str, ...]] = []
    for branch in "ab":
        before = "start"
        for number in range(1, CALLS // 2 + 1):
            name = f"{branch}{number}"
            nodes.append(call(name))
            edges.append((before, name))
            before = name
            if number % 2:
                think = f"{branch}think{number}"
                nodes.append(node(think, "template", {"template": f"{{{{ {name}.status_code }}}}"}))
                edges.append((before, think))
                before = think
        edges.append((before, "end"))
    return document(nodes, edges, outputs={"a": "$.a6.status_code", "b": "$.b6.status_code"})


async def test_every_run_ends_and_every_effect_is_there_though_processes_are_killed(
    acme: Workspace, effects: EffectServer, runners: Runners
) -> None:
    content = graph(effects)
    assert len(content["nodes"]) == 20
    workflow = await sync_to_async(make_workflow)(acme, content)
    runs: list[WorkflowRun] = []
    for _ in range(KILLS):
        runs += await start_runs(workflow, RUNS // KILLS)
        await effects.wait_for(len(effects.calls) + 1, seconds=60)
        await asyncio.sleep(random.uniform(0, 0.8))
        while not await sync_to_async(runners.kill_one)():
            runs += await start_runs(workflow, 1)
            await asyncio.sleep(0.05)
    await all_ended(workflow, seconds=120 + RUNS)

    ended = await sync_to_async(list)(WorkflowRun.objects.filter(workflow=workflow))
    assert Counter(run.state for run in ended) == {RunState.SUCCEEDED: len(runs)}
    assert {str(run.outputs) for run in ended} == {str({"a": 200, "b": 200})}
    completed = await sync_to_async(completions)([run.pk for run in runs])
    check_effects(effects, {str(run.pk) for run in runs}, completed)
    taken = sum(run.takeovers for run in ended)
    assert taken > 0
    doubled = len(effects.calls) - len(runs) * CALLS
    logger.warning("%d runs, %d kills, %d takeovers, %d effects twice", len(runs), KILLS, taken, doubled)


async def start_runs(workflow: Workflow, count: int) -> list[WorkflowRun]:
    """Queue so many runs."""
    return [await sync_to_async(make_run)(workflow) for _ in range(count)]


def held_by() -> list[str]:
    """Names of the executors that hold runs now."""
    running = WorkflowRun.objects.filter(state=RunState.RUNNING, lease_until__gt=timezone.now())
    return list(running.values_list("lease_owner", flat=True).distinct())


async def all_ended(workflow: Workflow, *, seconds: float) -> None:
    """Wait until no run is left."""
    until = time.monotonic() + seconds
    while await sync_to_async(WorkflowRun.objects.open().filter(workflow=workflow).count)():
        assert time.monotonic() < until, "some runs did not end"
        await asyncio.sleep(0.25)


def completions(ids: list[Any]) -> dict[tuple[str, str], float]:
    """When the completion of each node was committed; each run has one end, and each node one completion."""
    found: dict[tuple[str, str], float] = {}
    ends: Counter[str] = Counter()
    rows = StreamEvent.objects.filter(stream_id__in=ids).order_by("stream_id", "seq")
    for run_id, kind, data, created_at in rows.values_list("stream_id", "type", "data", "created_at"):
        if kind == "node.completed":
            key = (str(run_id), data["path"])
            assert key not in found, f"{key} was completed twice"
            found[key] = created_at.timestamp()
        ends[str(run_id)] += kind in TERMINAL_TYPES
    assert set(ends.values()) == {1}
    return found


def check_effects(effects: EffectServer, ids: set[str], completed: dict[tuple[str, str], float]) -> None:
    """Every effect is there, under one key, and none came after its node's completion was committed."""
    keys: dict[tuple[str, str], set[str]] = defaultdict(set)
    for at, key, data in effects.times():
        name = (data["run"], data["node"])
        keys[name].add(key)
        assert at <= completed[name], f"{name} was done again after it was completed"
    names = [f"{branch}{number}" for branch in "ab" for number in range(1, CALLS // 2 + 1)]
    assert set(keys) == {(run_id, name) for run_id in ids for name in names}
    assert all(len(found) == 1 and "" not in found for found in keys.values())
