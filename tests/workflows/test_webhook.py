"""The webhook door: who gets in, what comes of it, and nothing twice."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient, Client

from apps.core.http.signing import sign
from apps.core.models import Workspace
from apps.workflows.models import RunMode, Trigger, TriggerFiring, WorkflowRun
from apps.workflows.services.trigger import create_trigger, renew_secret, update_trigger
from tests.factories.core import SYSTEM
from tests.factories.workflows import document, make_workflow, node

INPUTS = {"name": "{{ body.who }}"}


def hook(workspace: Workspace, content: dict[str, Any] | None = None, **config: Any) -> Trigger:
    config = {"inputs": INPUTS, **config}
    return create_trigger(
        actor=SYSTEM, workflow=make_workflow(workspace, content), kind="webhook", config=config
    )


def headers(trigger: Trigger, body: bytes, *, at: float | None = None, secret: str = "") -> dict[str, str]:
    stamp = str(int(time.time() if at is None else at))
    assert trigger.secret is not None
    signed = sign(secret or trigger.secret.reveal(), stamp, body)
    return {"X-Flywheel-Timestamp": stamp, "X-Flywheel-Signature": signed}


def send(trigger: Trigger, content: Any, *, method: str = "post", **given: Any) -> Any:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    sent = given.pop("headers", None)
    return getattr(Client(), method)(
        f"/hooks/{trigger.token}/",
        data=body,
        content_type=given.pop("content_type", "application/json"),
        headers=headers(trigger, body, **given) if sent is None else sent,
    )


@pytest.fixture
def trigger(acme: Workspace) -> Trigger:
    return hook(acme)


def test_a_signed_call_starts_a_run_and_answers_at_once(trigger: Trigger) -> None:
    response = send(trigger, {"who": "Ada"})

    assert response.status_code == 202
    run = WorkflowRun.objects.get(pk=response.json()["run_id"])
    assert (run.inputs, run.mode, run.trigger) == ({"name": "Ada"}, RunMode.BACKGROUND, trigger)
    assert "authorization" not in run.system["event"]["headers"]


@pytest.mark.parametrize("spoiled", ["body", "secret", "missing", "garbage"])
def test_a_call_without_a_valid_signature_starts_nothing(trigger: Trigger, spoiled: str) -> None:
    body = b'{"who": "Ada"}'
    given = headers(trigger, body, secret="wrong" if spoiled == "secret" else "")
    if spoiled == "missing":
        given = {}
    if spoiled == "garbage":
        given["X-Flywheel-Signature"] = "sha256=\u00e9"
    response = send(trigger, b'{"who": "Eve"}' if spoiled == "body" else body, headers=given)

    assert response.status_code == 401
    assert response.json()["code"] == "signature_invalid"
    assert not WorkflowRun.objects.exists()


def test_the_same_call_again_is_refused(trigger: Trigger) -> None:
    body = b'{"who": "Ada"}'
    given = headers(trigger, body)
    assert send(trigger, body, headers=given).status_code == 202
    again = send(trigger, body, headers=given)
    assert (again.status_code, again.json()["code"]) == (409, "replayed")
    assert WorkflowRun.objects.count() == 1


@pytest.mark.parametrize("seconds", [-400, 400])
def test_an_old_or_early_call_is_refused(trigger: Trigger, seconds: int) -> None:
    response = send(trigger, {"who": "Ada"}, at=time.time() + seconds)
    assert (response.status_code, response.json()["code"]) == (409, "replayed")


def test_a_renewed_secret_kills_the_old_one(trigger: Trigger) -> None:
    assert trigger.secret is not None
    old = trigger.secret.reveal()
    new = renew_secret(actor=SYSTEM, trigger=trigger)
    assert send(trigger, {"who": "Ada"}, secret=old).status_code == 401
    assert send(trigger, {"who": "Ada"}, secret=new).status_code == 202


def test_what_is_too_large_or_no_json_is_refused(acme: Workspace) -> None:
    trigger = hook(acme, max_bytes=100)
    assert send(trigger, {"who": "x" * 200}).status_code == 413
    assert send(trigger, b"{not json").status_code == 422
    assert not WorkflowRun.objects.exists()


def test_only_the_methods_of_the_trigger_are_taken(acme: Workspace) -> None:
    trigger = hook(acme, methods=["PUT"])
    assert send(trigger, {"who": "Ada"}).status_code == 405
    assert send(trigger, {"who": "Ada"}, method="put").status_code == 202


def test_without_a_signature_a_delivery_number_keeps_calls_apart(acme: Workspace) -> None:
    trigger = hook(acme, signature="none")
    for number, expected in (("1", 202), ("1", 409), ("2", 202)):
        response = send(trigger, {"who": "Ada"}, headers={"X-Flywheel-Delivery": number})
        assert response.status_code == expected
    assert [send(trigger, {"who": "Ada"}, headers={}).status_code for _ in range(2)] == [202, 202]


def test_forms_and_plain_text_are_read(acme: Workspace) -> None:
    trigger = hook(acme, signature="none")
    response = send(trigger, b"who=Ada&x=1", headers={}, content_type="application/x-www-form-urlencoded")
    assert WorkflowRun.objects.get(pk=response.json()["run_id"]).inputs == {"name": "Ada"}


def test_an_unknown_or_switched_off_address_is_a_404(trigger: Trigger) -> None:
    assert Client().post("/hooks/nothing-here/").status_code == 404
    update_trigger(actor=SYSTEM, trigger=trigger, changes={"enabled": False})
    assert send(trigger, {"who": "Ada"}).status_code == 404


def test_inputs_that_can_not_be_made_are_said(acme: Workspace) -> None:
    trigger = hook(acme, inputs={"name": "{{ body.who.who.who | int(1, 2, 3) }}"})
    assert send(trigger, {"who": "Ada"}).status_code == 422
    assert TriggerFiring.objects.get(trigger=trigger).state == "failed"


async def test_a_synchronous_webhook_answers_with_the_result(acme: Workspace, hub: None) -> None:
    trigger = await sync_to_async(hook)(
        acme, response="sync", status=201, body={"said": "$.outputs.text", "run": "$.run.id"}
    )
    body = b'{"who": "Ada"}'
    response = await AsyncClient().post(
        f"/hooks/{trigger.token}/", data=body, content_type="application/json", headers=headers(trigger, body)
    )
    assert response.status_code == 201
    assert response.json()["said"] == "Hello Ada"


async def test_a_synchronous_webhook_says_when_the_run_failed(acme: Workspace, hub: None) -> None:
    content = document([node("bad", "json_parse", {"text": "{{ '{' }}"})], outputs={})
    trigger = await sync_to_async(hook)(acme, content, response="sync", inputs={})
    response = await AsyncClient().post(
        f"/hooks/{trigger.token}/",
        data=b"{}",
        content_type="application/json",
        headers=headers(trigger, b"{}"),
    )
    assert response.status_code == 502
    assert response.json()["state"] == "failed"
