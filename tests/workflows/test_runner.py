"""Executing runs: from the queue to their end, through stops, and the death of processes."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from apps.core.models import StreamEvent, Workspace
from apps.core.streams import TERMINAL_TYPES
from apps.workflows.models import RunMode, RunState, Workflow, WorkflowRun
from apps.workflows.runner import Executor, queue
from apps.workflows.services.run import cancel_run
from tests.factories.core import SYSTEM, make_workspace
from tests.factories.workflows import document, greeting, make_run, make_workflow, node
from tests.workflows.conftest import BOTH, Ran, ended, fresh, told
from tests.workflows.server import EffectServer

SLOW = {"delay": 30}


def calling(server: EffectServer, count: int = 1, delay: float = 0.0, **rest: Any) -> dict[str, Any]:
    """A chain of nodes that each have an effect on a server."""
    nodes = [
        node(
            f"call{n}",
            "http_request",
            {
                "method": "POST",
                "url": f"{server.url}/effect?delay={delay}",
                "body": {"type": "json", "value": {"node": f"call{n}", "run": "{{ sys.run_id }}"}},
            },
        )
        for n in range(1, count + 1)
    ]
    return document(nodes, outputs={"status": f"$.call{count}.status_code"}, **rest)


async def test_a_run_ends_with_its_outputs_in_row_and_ledger(ran: Ran) -> None:
    run = await ran(greeting(), inputs={"name": "Ada"})

    assert (run.state, run.outputs, run.error) == (RunState.SUCCEEDED, {"text": "Hello Ada"}, None)
    assert run.started_at is not None
    assert run.finished_at is not None
    assert (run.steps, run.lease_owner, run.lease_until) == (3, "", None)
    events = await told(run)
    assert events[0][0] == "run.started"
    assert events[-1][0] == "run.completed"
    assert events[-1][1]["outputs"] == {"text": "Hello Ada"}
    assert [kind for kind, _data in events if kind in TERMINAL_TYPES] == ["run.completed"]


async def test_inputs_with_characters_that_cannot_be_stored_run(ran: Ran) -> None:
    run = await ran(greeting(), inputs={"name": "A\0da \ud83d", "\0": ["\0"]})

    assert (run.state, run.outputs) == (RunState.SUCCEEDED, {"text": "Hello A\ufffdda ?"})
    assert run.inputs == {"name": "A\ufffdda ?", "\ufffd": ["\ufffd"]}


async def test_a_failed_node_fails_the_run_with_its_error(ran: Ran) -> None:
    run = await ran(document([node("bad", "json_parse", {"text": "{{ '{' }}"})], outputs={}))

    assert run.state == RunState.FAILED
    assert run.error is not None
    assert run.error["message"]
    assert run.outputs is None


async def test_a_document_that_needs_a_newer_version_fails_with_a_sentence(
    acme: Workspace, executor: Executor
) -> None:
    workflow = await sync_to_async(make_workflow)(acme)
    run = await sync_to_async(make_run)(workflow)
    broken = {"version": "flywheel/v99", "nodes": [], "edges": []}
    await sync_to_async(WorkflowRun.objects.filter(pk=run.pk).update)(document=broken, checksum="x" * 64)

    run = await ended(run)

    assert run.state == RunState.FAILED
    assert run.error is not None
    assert run.error["code"] == "document_invalid"


async def test_a_stop_reaches_a_call_in_progress_within_a_tenth_of_a_second(
    ran: Ran, acme: Workspace, executor: Executor, effects: EffectServer
) -> None:
    workflow = await sync_to_async(make_workflow)(acme, calling(effects, delay=30))
    run = await sync_to_async(make_run)(workflow)
    await effects.wait_for(1)

    asked = time.monotonic()
    await sync_to_async(cancel_run)(actor=SYSTEM, run=run, reason="Enough.")
    run = await ended(run)
    took = time.monotonic() - asked

    assert run.state == RunState.STOPPED
    events = await told(run)
    assert events[-1][0] == "run.stopped"
    assert events[-1][1]["reason"] == "Enough."
    assert took < 5  # a generous bound for a busy machine; the figure is in the docs


async def test_a_queued_run_is_stopped_without_being_executed(acme: Workspace, hub: None) -> None:
    workflow = await sync_to_async(make_workflow)(acme)
    run = await sync_to_async(make_run)(workflow)

    await sync_to_async(cancel_run)(actor=SYSTEM, run=run)

    run = await ended(run)
    assert run.state == RunState.STOPPED
    assert [kind for kind, _data in await told(run)] == ["run.stopped"]


async def test_a_run_is_handed_over_and_completed_by_another_process_without_repeating_what_was_done(
    acme: Workspace, hub: None, effects: EffectServer
) -> None:
    workflow = await sync_to_async(make_workflow)(acme, calling(effects, count=4, delay=0.15))
    run = await sync_to_async(make_run)(workflow)
    first = Executor(BOTH)
    first.start()
    await effects.wait_for(3)
    await first.stop()
    assert (await fresh(run)).state == RunState.QUEUED

    second = Executor(BOTH)
    second.start()
    try:
        run = await ended(run)
    finally:
        await second.stop()

    assert run.state == RunState.SUCCEEDED
    assert (run.takeovers, run.stalls) == (0, 0)  # handing over is no death
    assert effects.nodes() == {"call1", "call2", "call3", "call4"}
    assert effects.doubled() <= {"call3"}
    assert effects.keys_of("call3") == 1


async def test_a_run_whose_process_died_goes_on_after_its_last_completed_node(
    acme: Workspace, hub: None, effects: EffectServer
) -> None:
    workflow = await sync_to_async(make_workflow)(acme, calling(effects, count=3, delay=0.2))
    run = await sync_to_async(make_run)(workflow)
    first = Executor(BOTH)
    first.start()
    await effects.wait_for(2)
    die(first)
    await sync_to_async(expire_lease)(run)

    second = Executor(BOTH)
    second.start()
    try:
        run = await ended(run)
    finally:
        await second.stop()

    assert run.state == RunState.SUCCEEDED
    assert run.takeovers == 1
    assert effects.nodes() == {"call1", "call2", "call3"}
    assert effects.doubled() <= {"call2"}
    assert effects.keys_of("call2") == 1
    kinds = [kind for kind, _data in await told(run)]
    assert kinds.count("run.completed") == 1
    assert "run.resumed" in kinds


async def test_a_process_that_comes_back_after_its_lease_writes_nothing_more(
    acme: Workspace, hub: None, effects: EffectServer
) -> None:
    workflow = await sync_to_async(make_workflow)(acme, calling(effects, count=2, delay=0.4))
    run = await sync_to_async(make_run)(workflow)
    first, second = Executor(BOTH), Executor(BOTH)
    first.start()
    await effects.wait_for(1)
    # the first stands still as far as its lease goes, and does not know it
    await sync_to_async(expire_lease)(run)
    second.start()
    try:
        run = await ended(run)
        await asyncio.sleep(0.6)
    finally:
        await first.stop()
        await second.stop()

    assert run.state == RunState.SUCCEEDED
    events = await sync_to_async(list)(
        StreamEvent.objects.filter(stream_id=run.pk).order_by("seq").values_list("seq", "type")
    )
    assert [seq for seq, _kind in events] == list(range(1, len(events) + 1))
    assert [kind for _seq, kind in events if kind in TERMINAL_TYPES] == ["run.completed"]
    assert events[-1][1] == "run.completed"


async def test_a_run_that_keeps_ending_its_process_is_given_up(acme: Workspace, hub: None) -> None:
    workflow = await sync_to_async(make_workflow)(acme)
    run = await sync_to_async(make_run)(workflow)
    lost = {"state": RunState.RUNNING, "lease_owner": "gone", "stalls": 6, "takeovers": 6}
    await sync_to_async(WorkflowRun.objects.filter(pk=run.pk).update)(**lost)
    await sync_to_async(expire_lease)(run)
    await sync_to_async(StreamEvent.objects.create)(
        stream_id=run.pk, seq=1, type="run.started", data={"inputs": {}}
    )
    await sync_to_async(StreamEvent.objects.create)(
        stream_id=run.pk, seq=2, type="node.started", data={"node": "hello", "path": "hello", "attempt": 1}
    )
    executor = Executor(BOTH)
    executor.start()
    try:
        run = await ended(run, after_seq=2)
    finally:
        await executor.stop()

    assert run.state == RunState.FAILED
    assert run.error is not None
    assert run.error["code"] == "process_died"
    assert "7 times" in run.error["message"]
    assert run.error["details"]["nodes"] == ["hello"]


async def test_runs_under_suspicion_are_executed_fewer_at_once(acme: Workspace, hub: None) -> None:
    workflow = await sync_to_async(make_workflow)(acme)
    stalls = [0, 1, 3, 3, 3, 4, 4, 4, 4, 4, 4, 5, 6]
    for stalled in stalls:
        run = await sync_to_async(make_run)(workflow)
        lost = {"state": RunState.RUNNING, "lease_owner": "gone", "stalls": stalled}
        await sync_to_async(WorkflowRun.objects.filter(pk=run.pk).update)(**lost)
        await sync_to_async(expire_lease)(run)
    executor = Executor(BOTH)

    taken = await executor._take_lost()
    await executor.database.close()

    counts = await sync_to_async(list)(
        WorkflowRun.objects.filter(pk__in=taken).order_by("stalls").values_list("stalls", flat=True)
    )
    # each now has one more; of those with four stalls one goes beside the three with three
    assert counts == [1, 2, 4, 4, 4, 5]


# -- the queue


async def test_runs_are_taken_in_turns_of_workspaces_and_workflows(acme: Workspace, hub: None) -> None:
    other = await sync_to_async(make_workspace)("Other")
    busy, quiet, elsewhere = [
        await sync_to_async(make_workflow)(workspace, name=name)
        for workspace, name in ((acme, "busy"), (acme, "quiet"), (other, "elsewhere"))
    ]
    for _ in range(10):
        await sync_to_async(make_run)(busy)
    for workflow in (quiet, elsewhere):
        for _ in range(2):
            await sync_to_async(make_run)(workflow)

    taken = await claimed(slots=6)

    names = await sync_to_async(list)(
        WorkflowRun.objects.filter(pk__in=taken).values_list("workflow__name", flat=True)
    )
    assert sorted(names) == ["busy", "busy", "elsewhere", "elsewhere", "quiet", "quiet"]


async def test_no_more_runs_than_its_limit_are_taken_of_a_workflow(acme: Workspace, hub: None) -> None:
    limited = await sync_to_async(make_workflow)(acme, concurrency=2)
    for _ in range(5):
        await sync_to_async(make_run)(limited)

    batches = await asyncio.gather(*(claimed(slots=5) for _ in range(4)))

    assert sum(len(batch) for batch in batches) == 2
    assert await sync_to_async(limited.runs.filter(state=RunState.QUEUED).count)() == 3


async def test_a_run_is_taken_once_however_many_look(acme: Workspace, hub: None) -> None:
    workflow = await sync_to_async(make_workflow)(acme)
    runs = {(await sync_to_async(make_run)(workflow)).pk for _ in range(12)}

    batches = await asyncio.gather(*(claimed(slots=5) for _ in range(6)))

    taken = [pk for batch in batches for pk in batch]
    assert len(taken) == len(set(taken)) == 12
    assert set(taken) == runs


async def test_interactive_runs_are_left_to_web_processes_for_a_moment(acme: Workspace, hub: None) -> None:
    workflow = await sync_to_async(make_workflow)(acme)
    run = await sync_to_async(make_run)(workflow, mode=RunMode.INTERACTIVE)

    assert await claimed(slots=5) == []
    assert await claimed(slots=5, mode="interactive", age_s=60) == []
    assert await claimed(slots=5, mode="interactive") == [run.pk]


async def test_a_concurrency_limit_lets_the_queue_move_on(ran: Ran, acme: Workspace) -> None:
    workflow: Workflow = await sync_to_async(make_workflow)(acme, concurrency=1)
    runs = [await sync_to_async(make_run)(workflow) for _ in range(5)]

    done = [await ended(run) for run in runs]

    assert {run.state for run in done} == {RunState.SUCCEEDED}
    starts = [run.started_at for run in done]
    assert starts == sorted(starts, key=lambda moment: (moment is None, moment))


async def test_claiming_from_a_long_queue_reads_little(acme: Workspace, hub: None) -> None:
    workflow = await sync_to_async(make_workflow)(acme)
    run = await sync_to_async(make_run)(workflow)

    def backlog() -> None:
        with connection.cursor() as cursor:
            columns = [
                f.column for f in WorkflowRun._meta.concrete_fields if f.column not in {"id", "queued_at"}
            ]
            names = ", ".join(f'"{column}"' for column in columns)
            cursor.execute(
                f"INSERT INTO workflows_workflowrun (id, queued_at, {names}) "
                f"SELECT gen_random_uuid(), now(), {names} FROM workflows_workflowrun, generate_series(1, 3000) "
                "WHERE id = %s",
                [run.pk],
            )
            cursor.execute("ANALYZE workflows_workflowrun")

    await sync_to_async(backlog)()
    assert len(await claimed(slots=10)) == 10


def die(executor: Executor) -> None:
    """End an executor without a word, as a killed process does."""
    for task in [*executor._tasks]:
        task.cancel()
    for execution in executor._runs.values():
        execution.abandon()
    executor._runs.clear()


def expire_lease(run: WorkflowRun) -> None:
    """Let the lease of a run lie in the past."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE workflows_workflowrun SET lease_until = now() - interval '1 second' WHERE id = %s",
            [run.pk],
        )


async def claimed(*, slots: int, mode: str = "background", age_s: float = 0.0) -> list[Any]:
    """Claim with a connection of its own."""
    database = Executor(BOTH).database
    try:
        return await database.run(
            lambda c: queue.claim(c, owner="test", lease_s=15, mode=mode, slots=slots, age_s=age_s)
        )
    finally:
        await database.close()


@pytest.mark.parametrize("count", [30])
async def test_many_runs_at_once_all_end(acme: Workspace, ran: Ran, count: int) -> None:
    workflow = await sync_to_async(make_workflow)(acme)
    runs = [await sync_to_async(make_run)(workflow, inputs={"name": str(n)}) for n in range(count)]

    done = await asyncio.gather(*(ended(run) for run in runs))

    assert [run.outputs for run in done] == [{"text": f"Hello {n}"} for n in range(count)]
