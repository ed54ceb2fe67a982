"""Runs: who starts, stops and repeats them, what they wait for, and what is kept of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from apps.core.actors import Actor
from apps.core.exceptions import Invalid, NotAllowed
from apps.core.models import StreamEvent, User, Workspace
from apps.providers.drivers import pool
from apps.tracing import export
from apps.tracing.links import resolve
from apps.tracing.models import Observation, Trace
from apps.workflows.exceptions import LedgerGoneError, NotPublishableError, RunEndedError, WaitClosedError
from apps.workflows.models import RunMode, RunState, RunWait, TriggerKind, WaitState, Workflow, WorkflowRun
from apps.workflows.runner import Executor
from apps.workflows.selectors import run_graph_state
from apps.workflows.services.answering import give_answer
from apps.workflows.services.debug import try_node
from apps.workflows.services.retention import forget_old_runs
from apps.workflows.services.run import cancel_run, rerun, start_run
from apps.workflows.services.run_wait import answer_wait, expire_waits
from tests.factories.agents import make_chat_model
from tests.factories.core import SYSTEM
from tests.factories.workflows import asking, document, greeting, make_run, make_workflow, node
from tests.workflows.conftest import BOTH, Ran, ended, fresh, told
from tests.workflows.server import EffectServer


def test_viewers_run_what_is_published_and_not_the_draft(workspace: Workspace, viewer: User) -> None:
    workflow = make_workflow(workspace)
    run = start_run(actor=Actor.for_user(viewer), workflow=workflow, inputs={"name": "x"})
    assert (run.user, run.state, run.mode) == (viewer, RunState.QUEUED, RunMode.BACKGROUND)
    with pytest.raises(NotAllowed):
        start_run(actor=Actor.for_user(viewer), workflow=workflow, draft=True)


def test_people_stop_their_own_runs_and_editors_all(
    workspace: Workspace, viewer: User, annotator: User, editor: User
) -> None:
    workflow = make_workflow(workspace)
    run = start_run(actor=Actor.for_user(viewer), workflow=workflow)
    with pytest.raises(NotAllowed):
        cancel_run(actor=Actor.for_user(annotator), run=run)
    assert cancel_run(actor=Actor.for_user(viewer), run=run).state == RunState.STOPPED
    other = start_run(actor=Actor.for_user(viewer), workflow=workflow)
    assert cancel_run(actor=Actor.for_user(editor), run=other).state == RunState.STOPPED


def test_a_draft_with_errors_does_not_run(workspace: Workspace) -> None:
    content = greeting()
    content["edges"].append({"source": "start", "target": "nowhere"})
    workflow = make_workflow(workspace, content, published=False)
    with pytest.raises(NotPublishableError):
        start_run(actor=SYSTEM, workflow=workflow, draft=True)


@pytest.mark.parametrize("url", ["ftp://x", "file:///etc/passwd", "http://", "x" * 3_000])
def test_a_callback_address_must_be_one(workspace: Workspace, url: str) -> None:
    from apps.workflows.services.run import Origin

    with pytest.raises(Invalid):
        start_run(actor=SYSTEM, workflow=make_workflow(workspace), origin=Origin(callback_url=url))


# -- waits


async def test_a_run_waits_and_goes_on_with_the_answer_on_another_process(
    acme: Workspace, hub: None, person: User
) -> None:
    workflow = await sync_to_async(make_workflow)(acme, asking())
    run = await sync_to_async(make_run)(workflow)
    first = Executor(BOTH)
    first.start()
    run = await ended(run)
    await first.stop()
    assert run.state == RunState.WAITING
    assert first.busy == 0
    wait = await sync_to_async(RunWait.objects.select_related("run__workflow", "workspace").get)(run=run)
    assert (wait.kind, wait.path, wait.state) == ("approval", "ask", WaitState.OPEN)
    seen = len(await told(run))

    await sync_to_async(give_answer)(actor=Actor.for_user(person), wait=wait, action="approved", values={})
    second = Executor(BOTH)
    second.start()
    try:
        run = await ended(run, after_seq=seen)
    finally:
        await second.stop()

    assert (run.state, run.outputs) == (RunState.SUCCEEDED, {"decision": "approved"})
    with pytest.raises(WaitClosedError):
        await sync_to_async(answer_wait)(actor=SYSTEM, wait=wait, answer={"action": "rejected"})


async def test_a_node_may_ask_again_and_each_answer_is_taken_once(ran: Ran, person: User) -> None:
    run = await ran(asking(approvals=2))
    events = len(await told(run))
    for turn in range(2):
        wait = await sync_to_async(RunWait.objects.open().select_related("run__workflow", "workspace").get)(
            run=run
        )
        await sync_to_async(answer_wait)(
            actor=SYSTEM, wait=wait, answer={"action": "approved", "by": {"id": str(turn), "name": str(turn)}}
        )
        run = await ended(run, after_seq=events)
        events = len(await told(run)) + 2

    assert (run.state, run.outputs) == (RunState.SUCCEEDED, {"decision": "approved"})
    assert await sync_to_async(run.waits.filter(state=WaitState.ANSWERED).count)() == 2


async def test_a_branch_waits_while_another_runs_and_may_be_answered_meanwhile(
    ran: Ran, acme: Workspace, effects: EffectServer, executor: Executor
) -> None:
    slow = node("slow", "http_request", {"method": "POST", "url": f"{effects.url}/x?delay=1.0"})
    content = document(
        [node("ask", "approval", {"content": "?"}), slow],
        [("start", "ask"), ("start", "slow"), ("ask", "end", "approved"), ("ask", "end", "rejected"), ("slow", "end")],
        outputs={"decision": "$.ask.decision"},
    )  # fmt: skip
    workflow = await sync_to_async(make_workflow)(acme, content)
    run = await sync_to_async(make_run)(workflow)
    await effects.wait_for(1)
    wait = await appears(RunWait.objects.open().filter(run=run))
    assert (await fresh(run)).state == RunState.RUNNING

    await sync_to_async(answer_wait)(actor=SYSTEM, wait=wait, answer={"action": "approved"})
    run = await ended(run)

    assert (run.state, run.outputs) == (RunState.SUCCEEDED, {"decision": "approved"})
    assert "run.waiting" not in [kind for kind, _data in await told(run)]


async def test_a_wait_that_nobody_answers_in_time_goes_on_without(ran: Ran) -> None:
    run = await ran(asking(answer_within_s=60))
    assert await sync_to_async(expire_waits)() == 0
    past = timezone.now() - timedelta(seconds=1)
    await sync_to_async(RunWait.objects.filter(run=run).update)(expires_at=past)

    assert await sync_to_async(expire_waits)() == 1
    run = await ended(run, after_seq=len(await told(run)))

    assert (run.state, run.outputs) == (RunState.SUCCEEDED, {"decision": "timeout"})
    assert await sync_to_async(run.waits.get)() is not None


async def test_a_waiting_run_is_stopped_at_once_and_its_form_closes(ran: Ran) -> None:
    run = await ran(asking())
    await sync_to_async(cancel_run)(actor=SYSTEM, run=run)
    assert (await fresh(run)).state == RunState.STOPPED
    assert (await sync_to_async(run.waits.get)()).state == WaitState.CANCELLED


# -- again


async def test_a_run_is_repeated_from_a_node_with_edited_values(ran: Ran) -> None:
    content = document(
        [
            node("first", "template", {"template": "one"}),
            node("second", "template", {"template": "{{ first.output }} two"}),
            node("third", "template", {"template": "{{ second.output }} three"}),
        ],
        outputs={"text": "$.third.output"},
    )
    run = await ran(content)
    assert run.outputs == {"text": "one two three"}

    again = await sync_to_async(rerun)(
        actor=SYSTEM, run=run, from_path="third", edited={"second.output": "ONE TWO"}
    )
    again = await ended(again)

    assert (again.outputs, again.rerun_of_id, again.trigger_kind) == (
        {"text": "ONE TWO three"}, run.pk, TriggerKind.RERUN,
    )  # fmt: skip
    state = await sync_to_async(run_graph_state)(again)
    assert {path: each.reused for path, each in state.nodes.items()} == {
        "start": True, "first": True, "second": True, "third": False, "end": False,
    }  # fmt: skip


async def test_a_failed_run_goes_on_from_the_node_that_failed(ran: Ran, effects: EffectServer) -> None:
    def calling(name: str, url: str) -> dict[str, Any]:
        body = {"type": "json", "value": {"node": name}}
        config = {"method": "POST", "url": url, "body": body, "fail_on_status": True}
        return node(name, "http_request", config)

    content = document(
        [
            calling("good", f"{effects.url}/good"),
            calling("flaky", effects.url + "/flaky?status={{ start.status }}"),
        ],
        inputs=[{"name": "status", "type": "number"}],
        outputs={"status": "$.flaky.status_code"},
    )
    run = await ran(content, inputs={"status": 500})
    assert run.state == RunState.FAILED

    again = await sync_to_async(rerun)(
        actor=SYSTEM, run=run, from_path="flaky", edited={"inputs.status": 200}
    )
    again = await ended(again)

    assert (again.state, again.outputs) == (RunState.SUCCEEDED, {"status": 200})
    assert [data["node"] for _path, _key, data in effects.calls] == ["good", "flaky", "flaky"]


async def test_what_can_not_be_repeated_says_why(ran: Ran, acme: Workspace) -> None:
    run = await ran(greeting())
    with pytest.raises(Invalid):
        await sync_to_async(rerun)(actor=SYSTEM, run=run, from_path="hello", edited={"nobody.output": 1})
    waiting = await ran(asking())
    with pytest.raises(RunEndedError):
        await sync_to_async(rerun)(actor=SYSTEM, run=waiting, from_path="ask")
    await sync_to_async(WorkflowRun.objects.filter(pk=run.pk).update)(ledger_kept=False)
    with pytest.raises(LedgerGoneError):
        await sync_to_async(rerun)(actor=SYSTEM, run=await fresh(run), from_path="hello")


async def test_a_node_is_tried_alone_with_given_values(
    acme: Workspace, executor: Executor, person: User
) -> None:
    content = document(
        [
            node("fetch", "http_request", {"method": "GET", "url": "http://nowhere.invalid/"}),
            node("say", "template", {"template": "{{ fetch.status_code }} {{ start.name }}"}),
        ],
        inputs=[{"name": "name", "type": "text"}],
        outputs={"text": "$.say.output"},
    )
    workflow = await sync_to_async(make_workflow)(acme, content)

    run = await sync_to_async(try_node)(
        actor=Actor.for_user(person),
        workflow=workflow,
        node_id="say",
        values={"fetch": {"status_code": 200}},
        inputs={"name": "Ada"},
    )
    run = await ended(run)

    assert (run.state, run.outputs) == (RunState.SUCCEEDED, {"output": "200 Ada"})
    assert run.trigger_kind == TriggerKind.DEBUG


# -- what is kept


async def test_old_ledgers_are_forgotten_and_rows_stay(ran: Ran) -> None:
    run = await ran(greeting())
    kept = await ran(greeting())
    # a wish that no date can hold
    forever = Workflow.objects.filter(pk=kept.workflow_id)
    await sync_to_async(forever.update)(keep_runs_days=2_147_483_647)
    old = timezone.now() - timedelta(days=400)
    await sync_to_async(WorkflowRun.objects.filter(pk=run.pk).update)(finished_at=old)
    recently = timezone.now() - timedelta(days=2)
    await sync_to_async(WorkflowRun.objects.filter(pk=kept.pk).update)(finished_at=recently)

    assert await sync_to_async(forget_old_runs)() == 1

    assert not await sync_to_async(StreamEvent.objects.filter(stream_id=run.pk).exists)()
    assert await sync_to_async(StreamEvent.objects.filter(stream_id=kept.pk).exists)()
    run = await fresh(run)
    assert (run.ledger_kept, run.outputs) == (False, {"text": "Hello World"})


async def test_a_run_is_one_trace_with_a_span_per_node(ran: Ran) -> None:
    run = await ran(greeting(), inputs={"name": "Ada"})
    await sync_to_async(export.flush)()

    run = await fresh(run)
    trace = await sync_to_async(Trace.objects.get)(trace_id=run.trace_id)
    assert (trace.source_type, trace.source_id) == ("workflows.run", str(run.pk))
    link = await sync_to_async(resolve)("workflows.run", str(run.pk))
    assert link is not None
    assert str(run.pk) in link.url
    spans = await sync_to_async(list)(
        Observation.objects.filter(trace_id=run.trace_id).values_list("type", "name")
    )
    assert ("workflow", run.workflow.name) in spans
    assert {name for kind, name in spans if kind == "node"} == {"start", "hello", "end"}


async def test_a_models_call_is_a_span_below_its_node_and_counts_for_the_run(
    ran: Ran, acme: Workspace, model_server: Any
) -> None:
    await sync_to_async(make_chat_model)(acme, model_server.base_url, "echo")
    content = document(
        [node("say", "llm", {"model": "echo", "prompt": [{"role": "user", "text": "Hi there"}]})],
        outputs={"text": "$.say.text"},
    )
    run = await ran(content)
    await sync_to_async(export.flush)()
    await pool.close()

    assert (run.state, run.outputs) == (RunState.SUCCEEDED, {"text": "Hi there"}), run.error
    assert run.input_tokens > 0
    assert run.output_tokens > 0
    assert run.cost > 0
    spans = await sync_to_async(list)(
        Observation.objects.filter(trace_id=run.trace_id).values("type", "name", "span_id", "parent_id")
    )
    call = next(span for span in spans if span["type"] == "generation")
    say = next(span for span in spans if span["name"] == "say")
    assert call["parent_id"] == say["span_id"]
    trace = await sync_to_async(Trace.objects.get)(trace_id=run.trace_id)
    assert trace.input_tokens == run.input_tokens
    kinds = [kind for kind, _data in await told(run)]
    assert "node.delta" in kinds


async def test_secrets_do_not_reach_spans(ran: Ran, effects: EffectServer) -> None:
    secret = {"name": "TOKEN", "type": "secret", "value": "s3cr3t-value"}
    call = node(
        "call",
        "http_request",
        {"method": "POST", "url": f"{effects.url}/x", "headers": [{"name": "X-Token", "value": "{{ env.TOKEN }}"}]},
    )  # fmt: skip
    run = await ran(document([call], outputs={}, variables={"environment": [secret]}))
    await sync_to_async(export.flush)()
    assert run.state == RunState.SUCCEEDED, run.error

    rows = await sync_to_async(list)(
        Observation.objects.filter(trace_id=(await fresh(run)).trace_id).values()
    )
    assert rows
    assert "s3cr3t-value" not in str(rows)


async def appears(queryset: Any) -> Any:
    """The first row, as soon as there is one."""
    import asyncio

    for _ in range(200):
        found = await sync_to_async(queryset.select_related("run__workflow", "workspace").first)()
        if found is not None:
            return found
        await asyncio.sleep(0.05)
    raise AssertionError("It did not appear.")
