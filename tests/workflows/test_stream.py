"""Runs over HTTP and websockets: waiting for them, following them, and coming back to them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient

from apps.agents.models import Conversation, Message
from apps.core.access import Role
from apps.core.actors import Actor
from apps.core.models import Job, User, Workspace
from apps.workflows.models import RunState, RunWait, WorkflowRun
from apps.workflows.services.answering import give_answer
from apps.workflows.services.outcome import run_ended
from tests.agents.conftest import connect_as
from tests.factories.core import make_api_key, make_member
from tests.factories.workflows import asking, document, greeting, make_workflow, node
from tests.support.jobs import run_queued
from tests.workflows.conftest import ended, fresh
from tests.workflows.server import EffectServer

Post = Callable[..., Awaitable[Any]]


@pytest.fixture
async def post(acme: Workspace, person: User, hub: None) -> Post:
    """`await post(path, body)` with a key of `person`."""
    key = await sync_to_async(make_api_key)(acme, person)

    async def send(path: str, body: Any = None, method: str = "post", **headers: str) -> Any:
        client = AsyncClient()
        given = {"Authorization": f"Bearer {key}", **headers}
        return await getattr(client, method)(
            path, data=json.dumps(body or {}), content_type="application/json", headers=given
        )

    return send


@pytest.fixture
async def get(acme: Workspace, person: User, hub: None) -> Post:
    """`await get(path)`."""
    key = await sync_to_async(make_api_key)(acme, person)

    async def send(path: str, **headers: str) -> Any:
        return await AsyncClient().get(path, headers={"Authorization": f"Bearer {key}", **headers})

    return send


async def frames(response: Any) -> list[tuple[int, str, dict[str, Any]]]:
    """Id, type and data of the events of a response."""
    text = b"".join([part async for part in response.streaming_content]).decode()
    found = []
    for block in text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if fields:
            found.append((int(fields.get("id", 0)), fields["event"], json.loads(fields["data"])))
    return found


async def start(acme: Workspace, content: dict[str, Any] | None = None) -> str:
    workflow = await sync_to_async(make_workflow)(acme, content)
    return f"/api/v1/workflows/{workflow.pk}/run"


async def test_a_blocking_call_answers_with_the_result(acme: Workspace, post: Post) -> None:
    response = await post(await start(acme), {"inputs": {"name": "Ada"}})
    assert response.status_code == 200
    assert (response.json()["state"], response.json()["outputs"]) == ("succeeded", {"text": "Hello Ada"})


async def test_a_blocking_call_that_waits_too_long_gets_the_run_as_it_stands(
    acme: Workspace, post: Post, effects: EffectServer
) -> None:
    slow = node("slow", "http_request", {"method": "POST", "url": f"{effects.url}/x?delay=20"})
    response = await post(await start(acme, document([slow], outputs={})), {"timeout_s": 1})
    assert (response.status_code, response.json()["state"]) == (202, "running")
    run = await sync_to_async(WorkflowRun.objects.get)(pk=response.json()["id"])
    await post(f"/api/v1/runs/{run.pk}/cancel/")
    assert (await ended(run)).state == RunState.STOPPED


async def test_a_blocking_call_of_a_run_that_asks_gets_what_it_waits_for(
    acme: Workspace, post: Post, get: Post
) -> None:
    response = await post(await start(acme, asking()))
    assert (response.status_code, response.json()["state"]) == (202, "waiting")
    waits = (await get(f"/api/v1/run-waits/?run={response.json()['id']}")).json()["results"]
    answered = await post(f"/api/v1/run-waits/{waits[0]['id']}/answer/", {"action": "approved"})
    assert (answered.status_code, answered.json()["state"]) == (200, "answered")
    again = await post(f"/api/v1/run-waits/{waits[0]['id']}/answer/", {"action": "rejected"})
    assert (again.status_code, again.json()["code"]) == (409, "wait_closed")


async def test_a_streaming_call_sends_events_and_resumes_after_any_of_them(
    acme: Workspace, post: Post, get: Post
) -> None:
    response = await post(await start(acme), {"response": "streaming", "inputs": {"name": "Ada"}})
    events = await frames(response)
    assert events[0][1] == "run.created"
    run_id = events[0][2]["run_id"]
    numbers = [number for number, _kind, _data in events[1:]]
    assert numbers == list(range(1, len(numbers) + 1))
    assert events[-1][1] == "run.completed"

    for after in (0, 2, numbers[-2]):
        rest = await frames(await get(f"/api/v1/runs/{run_id}/events", **{"Last-Event-ID": str(after)}))
        assert rest == events[after + 1 :]


async def test_the_end_of_a_forgotten_run_is_still_told(acme: Workspace, post: Post, get: Post) -> None:
    run_id = (await post(await start(acme))).json()["id"]
    await sync_to_async(WorkflowRun.objects.filter(pk=run_id).update)(ledger_kept=False)
    events = await frames(await get(f"/api/v1/runs/{run_id}/events"))
    assert [(kind, data["id"]) for _n, kind, data in events] == [("run.completed", run_id)]


async def test_an_async_call_is_told_of_the_end_at_its_address(
    acme: Workspace, post: Post, effects: EffectServer, executor: Any
) -> None:
    body = {"response": "async", "callback_url": f"{effects.url}/done"}
    response = await post(await start(acme), body)
    assert response.status_code == 202
    run = await sync_to_async(WorkflowRun.objects.get)(pk=response.json()["id"])
    await ended(run)
    await sync_to_async(run_ended)(run.pk)
    await sync_to_async(run_ended)(run.pk)
    assert await sync_to_async(Job.objects.filter(task="workflows.deliver_callback").count)() == 1

    await sync_to_async(run_queued)()

    [(path, key, told)] = effects.calls
    assert (path, key, told["run"]["id"], told["run"]["state"]) == (
        "/done",
        str(run.pk),
        str(run.pk),
        "succeeded",
    )
    assert (await fresh(run)).callback_state == "delivered"


async def test_a_callback_never_reaches_private_addresses_unless_allowed(
    acme: Workspace, post: Post, effects: EffectServer, executor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.workflows.services.callback.PAUSES", ())
    await sync_to_async(Workspace.objects.filter(pk=acme.pk).update)(allow_private_network=False)
    body = {"response": "async", "callback_url": f"{effects.url}/done"}
    run = await sync_to_async(WorkflowRun.objects.get)(pk=(await post(await start(acme), body)).json()["id"])
    await ended(run)
    await sync_to_async(run_ended)(run.pk)
    await sync_to_async(run_queued)()
    assert effects.calls == []
    assert (await fresh(run)).callback_state == "failed"


async def test_a_start_sent_twice_starts_once(acme: Workspace, post: Post) -> None:
    at = await start(acme)
    ids = {(await post(at, {"inputs": {}}, **{"Idempotency-Key": "k"})).json()["id"] for _ in range(2)}
    assert len(ids) == 1


@pytest.mark.parametrize(
    "body",
    [{"inputs": 3}, {"response": "loud"}, {"version": 99}, {"callback_url": "ftp://x"}, {"timeout_s": 0}],
)
async def test_bad_starts_are_refused(acme: Workspace, post: Post, body: dict[str, Any]) -> None:
    assert (await post(await start(acme), body)).status_code in {400, 404, 422}
    assert not await sync_to_async(WorkflowRun.objects.exists)()


async def test_a_workflow_of_somebody_else_does_not_exist(post: Post, acme: Workspace) -> None:
    assert (await post(f"/api/v1/workflows/{uuid4()}/run")).status_code == 404


# -- chatflows


CHAT = document(
    [
        node("count", "variable_assigner", {
            "items": [{"target": "$.conversation.turns", "operation": "add", "value": 1}]
        }),
        node("answer", "answer", {"answer": "{{ sys.query }} {{ conversation.turns }} {{ sys.dialogue_count }}"}),
    ],
    kind="chatflow",
    variables={"conversation": [{"name": "turns", "type": "number", "default": 0}]},
)  # fmt: skip


async def test_a_conversation_keeps_what_was_said_and_its_variables(acme: Workspace, post: Post) -> None:
    at = await start(acme, CHAT)
    first = (await post(at, {"query": "Hi"})).json()
    assert first["outputs"]["answer"] == "Hi 1 1", first
    conversation = first["conversation_id"]
    second = (await post(at, {"query": "Again", "conversation_id": conversation})).json()
    assert second["outputs"]["answer"] == "Again 2 2"

    said = await sync_to_async(list)(
        Message.objects.filter(conversation_id=conversation).in_order().values_list("role", "content")
    )
    assert said == [
        ("user", "Hi"), ("assistant", "Hi 1 1"), ("user", "Again"), ("assistant", "Again 2 2"),
    ]  # fmt: skip
    kept = await sync_to_async(Conversation.objects.get)(pk=conversation)
    assert kept.variables == {"turns": 2}


async def test_somebody_elses_conversation_does_not_exist(acme: Workspace, post: Post) -> None:
    at = await start(acme, CHAT)
    mine = (await post(at, {"query": "Hi"})).json()["conversation_id"]
    other = await sync_to_async(make_member)(acme, Role.EDITOR)
    key = await sync_to_async(make_api_key)(acme, other)
    response = await AsyncClient().post(
        at, data=json.dumps({"query": "Hi", "conversation_id": mine}), content_type="application/json",
        headers={"Authorization": f"Bearer {key}"},
    )  # fmt: skip
    assert response.status_code == 404


# -- the websocket


async def until_ended(socket: Any) -> list[dict[str, Any]]:
    got: list[dict[str, Any]] = []
    while not got or got[-1]["type"] != "ended":
        got.append(await socket.receive_json_from(timeout=10))
    return got


async def test_the_socket_tells_where_a_run_stands_and_what_happens(
    acme: Workspace, person: User, post: Post
) -> None:
    run_id = (await post(await start(acme, asking()))).json()["id"]
    socket = await sync_to_async(connect_as)(person, f"/ws/runs/{run_id}/")
    assert (await socket.connect(timeout=5))[0]
    ready = await socket.receive_json_from(timeout=5)
    assert (ready["type"], ready["run"]["state"], len(ready["waits"])) == ("ready", "waiting", 1)

    wait = await sync_to_async(RunWait.objects.select_related("run__workflow", "workspace").get)(
        run_id=run_id
    )
    await sync_to_async(give_answer)(actor=Actor.for_user(person), wait=wait, action="approved", values={})
    events = await until_ended(socket)

    assert [event["seq"] for event in events[:-1]] == list(range(1, len(events)))
    assert [event["type"] for event in events][-2:] == ["run.completed", "ended"]
    assert events[-1]["run"]["outputs"] == {"decision": "approved"}
    await socket.disconnect()

    later = await sync_to_async(connect_as)(person, f"/ws/runs/{run_id}/?after=3")
    await later.connect(timeout=5)
    await later.receive_json_from(timeout=5)
    assert await until_ended(later) == events[3:]
    await later.disconnect()


async def test_the_socket_stops_a_run(acme: Workspace, person: User, post: Post) -> None:
    run_id = (await post(await start(acme, asking()))).json()["id"]
    socket = await sync_to_async(connect_as)(person, f"/ws/runs/{run_id}/")
    await socket.connect(timeout=5)
    await socket.receive_json_from(timeout=5)
    await socket.send_to(text_data="nonsense")
    while (got := await socket.receive_json_from(timeout=5))["type"] != "error":
        assert got["seq"]
    await socket.send_json_to({"type": "stop", "reason": "Enough."})
    events = await until_ended(socket)
    assert events[-1]["run"]["state"] == "stopped"
    await socket.disconnect()


async def test_strangers_and_visitors_are_turned_away(acme: Workspace, person: User, post: Post) -> None:
    run_id = (await post(await start(acme, greeting()))).json()["id"]
    stranger = await sync_to_async(make_stranger)()
    for user, code in ((None, 4401), (stranger, 4404)):
        socket = await sync_to_async(connect_as)(user, f"/ws/runs/{run_id}/")
        await socket.connect(timeout=5)
        assert (await socket.receive_output(timeout=5))["code"] == code


def make_stranger() -> User:
    from tests.factories.core import make_workspace

    return make_member(make_workspace("Elsewhere"), Role.OWNER)


async def test_a_list_hears_which_of_its_runs_changed(acme: Workspace, person: User, post: Post) -> None:
    path = await start(acme, asking())
    first, other = [(await post(path)).json()["id"] for _ in range(2)]
    gone = str(uuid4())
    socket = await sync_to_async(connect_as)(person, f"/ws/runs/?ids={first},{other},{gone},nonsense")
    assert (await socket.connect(timeout=5))[0]
    assert await socket.receive_json_from(timeout=5) == {"type": "ready", "runs": 2}
    assert await socket.receive_json_from(timeout=5) == {"type": "changed", "runs": [gone]}

    wait = await sync_to_async(RunWait.objects.select_related("run__workflow", "workspace").get)(run_id=first)
    await sync_to_async(give_answer)(actor=Actor.for_user(person), wait=wait, action="approved", values={})
    while (await fresh(wait.run)).state != RunState.SUCCEEDED:
        assert await socket.receive_json_from(timeout=5) == {"type": "changed", "runs": [first]}
    await socket.disconnect()

    for user, answer in ((None, None), (await sync_to_async(make_stranger)(), {"type": "ready", "runs": 0})):
        socket = await sync_to_async(connect_as)(user, f"/ws/runs/?ids={other}")
        await socket.connect(timeout=5)
        if answer is None:
            assert (await socket.receive_output(timeout=5))["code"] == 4401
        else:
            assert await socket.receive_json_from(timeout=5) == answer
            await socket.disconnect()
