"""Events of older SDKs: pieces that become one observation each, whatever their order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apps.core.models import User, Workspace
from apps.interop.langfuse import ids
from apps.tracing.models import MaskingRule, Observation, SpanDraft, Trace
from apps.tracing.selectors import list_observations, read_payload
from apps.tracing.services.rollup import roll_up
from apps.tracing.services.span_draft import drop_old_drafts, write_due
from tests.factories.core import make_api_key

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def client(workspace: Workspace, editor: User) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {make_api_key(workspace, editor)}")
    return client


class Sdk:
    """Sends events about one trace, as SDKs of line 2 do."""

    def __init__(self, client: APIClient) -> None:
        self.client, self.trace = client, str(uuid4())
        self.began = datetime.now(UTC) - timedelta(minutes=5)

    def at(self, seconds: float) -> str:
        return (self.began + timedelta(seconds=seconds)).isoformat()

    def event(self, kind: str, **body: Any) -> dict[str, Any]:
        given = {"id": self.trace} if kind == "trace-create" else {"traceId": self.trace}
        return {"id": str(uuid4()), "type": kind, "timestamp": self.at(0), "body": {**given, **body}}

    def send(self, *events: dict[str, Any]) -> dict[str, Any]:
        response = self.client.post("/api/public/ingestion", {"batch": list(events)})
        assert response.status_code == 207
        answer: dict[str, Any] = response.json()
        return answer

    def trace_row(self) -> Trace:
        return Trace.objects.get(trace_id=ids.trace_id(self.trace))

    def steps(self) -> dict[str, Observation]:
        return {step.name: step for step in list_observations(self.trace_row())}


@pytest.fixture
def sdk(client: APIClient) -> Sdk:
    return Sdk(client)


def everything(sdk: Sdk) -> list[dict[str, Any]]:
    """A trace with a generation inside a span, in the order an SDK makes the events."""
    return [
        sdk.event("trace-create", name="question", userId="ada", sessionId="s-1", tags=["old"], timestamp=sdk.at(0)),
        sdk.event("span-create", id="outer", name="search", startTime=sdk.at(1), input={"q": "Where?"}),
        sdk.event(
            "generation-create", id="inner", parentObservationId="outer", name="answer", startTime=sdk.at(2),
            model="small-1", modelParameters={"temperature": 0}, input="Where?", metadata={"a": 1},
        ),
        sdk.event(
            "generation-update", id="inner", endTime=sdk.at(3), output="Here. " * 100, metadata={"b": 2},
            usage={"promptTokens": 11, "completionTokens": 7, "totalCost": 0.5},
        ),
        sdk.event("event-create", id="note", name="noted", startTime=sdk.at(3), level="WARNING"),
        sdk.event("span-update", id="outer", endTime=sdk.at(4), statusMessage="found"),
        sdk.event("trace-create", output="Here.", metadata={"kind": "test"}),
    ]  # fmt: skip


@pytest.mark.parametrize("cut", [0, 1, 3, 4])
def test_pieces_become_one_observation_each_wherever_batches_are_cut(sdk: Sdk, cut: int) -> None:
    events = everything(sdk)
    for batch in (events[:cut], events[cut:], events):
        assert sdk.send(*batch)["errors"] == []
    trace = sdk.trace_row()
    assert (trace.name, trace.user_id, trace.session_id, trace.tags) == ("question", "ada", "s-1", ["old"])
    assert (trace.observation_count, trace.has_root, trace.input_tokens, trace.output_tokens) == (
        4,
        True,
        11,
        7,
    )
    assert (float(trace.cost), trace.status, trace.output_preview) == (0.5, "ok", "Here.")
    steps = sdk.steps()
    assert {name: step.type for name, step in steps.items()} == {
        "question": "span",
        "search": "span",
        "answer": "generation",
        "noted": "event",
    }
    assert steps["search"].parent_id == steps["noted"].parent_id == steps["question"].span_id
    assert steps["answer"].parent_id == steps["search"].span_id
    answer = Observation.objects.get(span_id=steps["answer"].span_id)
    assert answer.latency_ms == 1000
    assert answer.metadata == {"a": 1, "b": 2}
    assert (answer.model, answer.usage) == ("small-1", {"input": 11, "output": 7})
    assert read_payload(answer).output == "Here. " * 100
    assert steps["question"].latency_ms == 4000
    assert steps["search"].status_message == "found"


def test_an_open_step_and_a_quiet_root_are_written_in_time(sdk: Sdk) -> None:
    sdk.send(
        sdk.event("trace-create", name="question", userId="ada"),
        sdk.event("span-create", id="1", name="open"),
    )
    assert not Trace.objects.exists()
    now = timezone.now()
    SpanDraft.objects.update(due_at=now)
    assert write_due() == 2
    assert sdk.trace_row().observation_count == 2
    sdk.send(sdk.event("span-update", id="1", endTime=sdk.at(60), level="ERROR"))
    trace = sdk.trace_row()
    assert (trace.observation_count, trace.error_count) == (2, 1)
    SpanDraft.objects.update(due_at=None, updated_at=now - timedelta(days=8))
    assert drop_old_drafts() == 2


def test_what_changes_later_is_counted_once(sdk: Sdk) -> None:
    sdk.send(*everything(sdk))
    Observation.objects.update(received_at=timezone.now() - timedelta(minutes=1))
    roll_up()
    received = set(Observation.objects.values_list("received_at", flat=True))
    sdk.send(
        sdk.event("generation-update", id="inner", level="ERROR"), sdk.event("trace-create", userId="eva")
    )
    trace = sdk.trace_row()
    assert (trace.observation_count, trace.error_count, trace.user_id) == (4, 1, "eva")
    assert (trace.input_tokens, float(trace.cost)) == (11, 0.5)
    assert set(Observation.objects.values_list("received_at", flat=True)) == received


def test_bad_events_are_named_and_spare_the_others(sdk: Sdk, workspace: Workspace) -> None:
    wrong = [
        sdk.event("span-create", name="no id"),
        sdk.event("span-create", id="2", startTime="yesterday"),
        sdk.event("span-create", id="3", startTime="2100-01-01T00:00:00Z"),
        sdk.event("span-create", id="4", startTime="1969-01-01T00:00:00Z"),
        {"id": "5", "type": "trace-create", "body": {}},
    ]
    odd = [
        sdk.event(
            "event-create", id="6", name="\0nul\0", input="\0", metadata=["\0", 2**70, {"x": float(10**300)}]
        ),
        sdk.event(
            "generation-create", id="7", endTime=sdk.at(1), usage={"input": "many", "unit": "CHARACTERS"}
        ),
        sdk.event(
            "generation-create", id="8", endTime=sdk.at(1), usage="x", level=7, model=["a"], version={"a": 1}
        ),
        sdk.event("span-create", id="9", endTime=sdk.at(-100), startTime=sdk.at(100)),
    ]
    answer = sdk.send(*wrong, *odd)
    assert [entry["id"] for entry in answer["errors"]] == [event["id"] for event in wrong]
    assert Observation.objects.in_workspace(workspace).count() == len(odd)


def test_masked_before_even_a_draft_is_kept(sdk: Sdk, workspace: Workspace) -> None:
    from apps.tracing.masking.current import current_masks

    MaskingRule.objects.create(workspace=workspace, name="mail", kind="email")
    current_masks.forget()
    sdk.send(
        sdk.event("span-create", id="1", name="mail", endTime=sdk.at(1), input={"to": "ada@example.org"})
    )
    assert not SpanDraft.objects.filter(body__contains="ada@").exists()
    assert "ada@" not in Observation.objects.get(name="mail").input_preview
    MaskingRule.objects.all().delete()
    current_masks.forget()
