"""Traces into queues and datasets: agents' answers and what others send, judged, corrected and learned from."""

from __future__ import annotations

import json

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.agents.models import Message
from apps.annotations.exceptions import SubjectGone
from apps.annotations.exporters import Report, get, write_lines
from apps.annotations.models import Annotation, AnnotationQueue, Dataset, DatasetItem, QueueItem
from apps.annotations.selectors import desk_item
from apps.annotations.services.annotation import Judgement, submit
from apps.annotations.services.queue_item import add_traces as add_to_queue
from apps.annotations.services.queue_item import next_item, skip
from apps.annotations.services.trace_example import add_traces as add_to_dataset
from apps.core.actors import Actor
from apps.core.models import AuditEntry
from apps.tracing.models import Observation, Score, Trace
from apps.tracing.selection import Selected
from apps.tracing.services.trace import delete_trace
from tests.factories.annotations import items_of, make_conversation, make_dataset, make_queue
from tests.factories.core import SYSTEM
from tests.factories.tracing import make_row, make_span, make_trace, new_trace_id, store

pytestmark = pytest.mark.django_db

STEP = "0000000000000001"
TOOL = {
    "type": "function",
    "function": {"name": "look_up", "description": "Finds.", "parameters": {"type": "object"}},
}
CHAT = [
    {"role": "system", "content": "Be brief."},
    {"role": "developer", "content": "Say please."},
    {"role": "user", "content": [{"type": "text", "text": "Where is it?"}]},
    {"role": "assistant", "content": None, "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "look.up", "arguments": '{"q": "it"}'}}]},
    {"role": "tool", "tool_call_id": "c1", "content": "Under the bed."},
]  # fmt: skip


def foreign(workspace, given, got, *, name="chat", **attributes):
    """A trace of one step that somebody else's instrumentation wrote."""
    values = [value if isinstance(value, str) else json.dumps(value) for value in (given, got)]
    trace_id = new_trace_id()
    span = make_span(
        trace_id=trace_id, name=name, OBSERVATION_TYPE="generation", MODEL="m-1", INPUT=values[0], OUTPUT=values[1]
    )  # fmt: skip
    store(make_row(workspace, span))
    trace = Trace.objects.get(workspace=workspace, trace_id=trace_id)
    if attributes:
        Observation.objects.of_trace(trace).update(attributes=attributes)
    return trace


def rows(*traces, step=""):
    return [Selected(trace, step) for trace in traces]


def of_answer(conversation):
    """The trace that an agent's answer left."""
    message = Message.objects.get(conversation=conversation, role="assistant")
    trace = make_trace(conversation.workspace, SOURCE_TYPE="agents.message", SOURCE_ID=str(message.pk))
    Message.objects.filter(pk=message.pk).update(trace_id=trace.trace_id)
    return trace


@pytest.fixture
def chat(workspace):
    answer = {"role": "assistant", "content": "Under the bed, please."}
    return foreign(workspace, {"messages": CHAT, "tools": [TOOL]}, answer)


def test_a_foreign_chat_becomes_an_example_once(workspace, chat):
    dataset = make_dataset(workspace)
    assert add_to_dataset(actor=SYSTEM, dataset=dataset, rows=rows(chat, chat)) == 1
    assert add_to_dataset(actor=SYSTEM, dataset=dataset, rows=rows(chat)) == 0
    item = DatasetItem.objects.get(dataset=dataset)
    assert item.messages == [
        {"role": "system", "content": "Be brief.\n\nSay please."},
        {"role": "user", "content": "Where is it?"},
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": '{"q": "it"}'}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "Under the bed."},
    ]  # fmt: skip
    assert item.tools == [TOOL]
    assert (item.expected_output, item.trace_id, item.observation_id) == (
        "Under the bed, please.",
        chat.trace_id,
        "",
    )
    assert item.metadata == {"trace_name": "chat", "step": "chat", "model": "m-1"}
    report = Report()
    assert len(list(write_lines(get("openai_chat"), DatasetItem.objects.current().examples(), report))) == 1
    # the step is another example than the trace
    assert add_to_dataset(actor=SYSTEM, dataset=dataset, rows=rows(chat, step=STEP), with_output=False) == 1
    step = DatasetItem.objects.get(dataset=dataset, observation_id=STEP)
    assert step.expected_output == ""
    entries = AuditEntry.objects.filter(action="annotations.dataset.add_traces")
    assert [entry.changes["items"] for entry in entries] == [[None, 1], [None, 1]]


@pytest.mark.parametrize(
    ("given", "got", "found"),
    [
        ("What is it?", "It is this.", ("chat", [{"role": "user", "content": "What is it?"}], "It is this.")),
        (
            '[{"role": "user", "content": "Hi"}]',
            '"Hello"',
            ("chat", [{"role": "user", "content": "Hi"}], "Hello"),
        ),
        (
            {"question": "Why?", "k": 3},
            {"answer": 42},
            ("json", {"question": "Why?", "k": 3}, {"answer": 42}),
        ),
        ([1, 2.50], "x", ("json", [1, 2.5], "x")),
        # nobody asks anything: trainers could not read it as a conversation
        (
            [{"role": "system", "content": "Go."}],
            "ok",
            ("json", [{"role": "system", "content": "Go."}], "ok"),
        ),
        (
            "Find it",
            {"role": "assistant", "content": "", "tool_calls": [CHAT[3]["tool_calls"][0]]},
            (
                "json",
                "Find it",
                {"role": "assistant", "content": "", "tool_calls": [CHAT[3]["tool_calls"][0]]},
            ),
        ),
    ],
)
def test_any_input_becomes_an_example_of_its_kind(workspace, given, got, found):
    dataset = make_dataset(workspace)
    assert add_to_dataset(actor=SYSTEM, dataset=dataset, rows=rows(foreign(workspace, given, got))) == 1
    item = DatasetItem.objects.get(dataset=dataset)
    content = (item.messages, item.expected_output) if item.shape == "chat" else (item.input, item.expected)
    assert (item.shape, *content) == found


def test_what_holds_nothing_or_does_not_fit_is_passed_over(workspace, chat):
    dataset = make_dataset(workspace)
    Dataset.objects.filter(pk=dataset.pk).update(input_schema={"type": "object", "required": ["question"]})
    found = rows(
        foreign(workspace, {"question": "Why?"}, "x"),
        foreign(workspace, {"other": 1}, "x"),
        foreign(workspace, "", "nothing was asked"),
    )
    assert add_to_dataset(actor=SYSTEM, dataset=dataset, rows=found) == 1
    assert DatasetItem.objects.get(dataset=dataset).input == {"question": "Why?"}


def test_an_agent_s_trace_is_its_answer_in_queue_and_dataset(workspace):
    conversation = make_conversation(workspace, ("Where are backups?", "No idea."))
    trace = of_answer(conversation)
    queue, dataset = make_queue(workspace, conversation), make_dataset(workspace)
    (item,) = items_of(queue)
    # the answer is there already: the trace is no second item
    assert add_to_queue(actor=SYSTEM, queue=queue, rows=rows(trace)) == 0
    assert add_to_dataset(actor=SYSTEM, dataset=dataset, rows=rows(trace)) == 1
    example = DatasetItem.objects.get(dataset=dataset)
    assert (example.message_id, example.trace_id) == (item.message_id, trace.trace_id)
    assert (example.messages[-1]["content"], example.expected_output) == ("Where are backups?", "No idea.")
    other = make_queue(workspace)
    assert add_to_queue(actor=SYSTEM, queue=other, rows=rows(trace)) == 1
    assert items_of(other)[0].message_id == item.message_id


def test_a_foreign_trace_is_judged_scored_and_corrected(workspace, annotator, chat):
    dataset = make_dataset(workspace)
    queue = make_queue(workspace, dataset=dataset)
    assert add_to_queue(actor=SYSTEM, queue=queue, rows=[*rows(chat), *rows(chat, step=STEP)]) == 2
    assert add_to_queue(actor=SYSTEM, queue=queue, rows=rows(chat)) == 0
    actor = Actor.for_user(annotator)
    whole = next_item(actor=actor, queue=queue)
    assert (whole.trace_id, whole.observation_id, whole.message_id) == (chat.trace_id, "", None)
    submit(actor=actor, item=whole, judgement=Judgement(verdict="down", corrected_answer="Under the bed."))
    step = next_item(actor=actor, queue=queue)
    submit(
        actor=actor,
        item=step,
        judgement=Judgement(labels=["Tone"], corrected_answer="Under the bed, please. "),
    )
    found = Score.objects.order_by("name").values_list("name", "value", "trace_id", "observation_id")
    assert list(found) == [("Tone", 1.0, chat.trace_id, STEP), ("verdict", 0.0, chat.trace_id, "")]
    # a correction that equals the answer is none
    example = DatasetItem.objects.get(dataset=dataset)
    assert (example.expected_output, example.rejected_output) == ("Under the bed.", "Under the bed, please.")
    assert (example.messages[0]["role"], example.tools, example.trace_id) == ("system", [TOOL], chat.trace_id)
    submit(actor=actor, item=step, judgement=Judgement(verdict="up"))
    assert set(Score.objects.values_list("name", "observation_id")) == {("verdict", ""), ("verdict", STEP)}


def test_the_desk_shows_a_trace_as_a_conversation(api, annotator, workspace, chat):
    queue = make_queue(workspace)
    add_to_queue(actor=SYSTEM, queue=queue, rows=rows(chat, step=STEP))
    base = f"/api/v1/annotation-queues/{queue.pk}/"
    client = api(annotator)
    item = client.post(f"{base}next/", {}, format="json").json()
    assert [line["role"] for line in item["messages"]] == [
        "system", "system", "user", "assistant", "tool", "assistant",
    ]  # fmt: skip
    assert item["messages"][3]["content"] == '`look.up({"q": "it"})`'
    judged = next(line for line in item["messages"] if line["id"] == item["message"])
    assert (judged["content"], judged["model_name"]) == ("Under the bed, please.", "m-1")
    assert item["conversation_url"] == f"/admin/traces/{chat.trace_id}/#{STEP}"
    assert (item["agent"], item["title"], item["source"], item["gone"]) == ("chat", "chat", "trace", False)
    response = client.post(f"{base}items/{item['id']}/submit/", {"verdict": "up"}, format="json")
    assert response.status_code == 200, response.content
    (listed,) = client.get(f"{base}items/").json()["results"]
    assert (listed["trace_id"], listed["observation_id"], listed["message"]) == (chat.trace_id, STEP, None)


def test_an_item_whose_trace_is_gone_can_only_be_skipped(workspace, annotator, chat):
    queue = make_queue(workspace)
    add_to_queue(actor=SYSTEM, queue=queue, rows=rows(chat))
    delete_trace(actor=SYSTEM, trace=chat)
    actor = Actor.for_user(annotator)
    item = next_item(actor=actor, queue=queue)
    desk = desk_item(item, annotator)
    assert (desk.conversation, desk.exchange) == (None, None)
    with pytest.raises(SubjectGone):
        submit(actor=actor, item=item, judgement=Judgement(verdict="up"))
    skip(actor=actor, item=item)
    assert not Annotation.objects.exists()


def test_an_item_asks_about_one_thing(workspace, chat):
    conversation = make_conversation(workspace)
    queue = make_queue(workspace, conversation)
    (item,) = items_of(queue)
    for changes in ({"trace_id": chat.trace_id}, {"message": None, "conversation": None}):
        with pytest.raises(IntegrityError), transaction.atomic():
            QueueItem.objects.filter(pk=item.pk).update(**changes)


def test_the_api_takes_traces(api, editor, viewer, stranger, workspace, chat):
    queue, dataset = make_queue(workspace), make_dataset(workspace)
    named = {"traces": [{"trace_id": chat.trace_id}, {"trace_id": chat.trace_id, "observation_id": STEP}]}
    client = api(editor)
    for url in (f"/api/v1/annotation-queues/{queue.pk}/items/", f"/api/v1/datasets/{dataset.pk}/traces/"):
        for expected in (2, 0):
            response = client.post(url, named, format="json")
            assert (response.status_code, response.json()) == (201, {"added": expected})
        assert client.post(url, {"traces": [{"trace_id": "0" * 32}]}, format="json").status_code == 404
        assert client.post(url, {"traces": [{"trace_id": "x"}]}, format="json").status_code in {400, 422}
        assert api(viewer).post(url, named, format="json").status_code == 403


def test_the_actions_of_a_list_choose_or_make_queue_and_dataset(console, editor, annotator, workspace, chat):
    client, address = console(editor), "/admin/traces/"
    dataset = make_dataset(workspace, name="Gold")
    dialog = client.get(f"{address}?fragment=bulk&action=dataset&n=1").content.decode()
    assert "Gold" in dialog
    assert "checked" in dialog
    foreign(workspace, "Hi", "Hello", name="other")

    def do(**values):
        return client.post(address, {"scope": "all", **values}, follow=True).content.decode()

    data = {"action": "dataset", "target": str(dataset.pk), "with_output": "on"}
    assert "2 examples were added." in do(**data)
    html = do(**data)
    assert "0 examples were added." in html
    assert "The others are in the dataset already" in html
    assert "Choose a dataset, or name a new one." in do(action="dataset")
    assert "2 items were added to the queue." in do(action="annotation_queue", name="Fresh")
    queue = AnnotationQueue.objects.get(name="Fresh")
    assert queue.items.count() == 2
    entry = AuditEntry.objects.get(action="tracing.bulk.annotation_queue")
    assert entry.changes["values"][1]["target"] == str(queue.pk)
    page = f"/admin/traces/{chat.trace_id}/bulk/"
    assert "0 items were added" in client.post(
        page, {"action": "annotation_queue", "target": str(queue.pk)}, follow=True
    ).content.decode()  # fmt: skip
    other = console(annotator)
    assert other.get(f"{address}?fragment=bulk&action=dataset&n=1").status_code == 403
    assert 'data-bulk-pick="dataset"' not in other.get(page).content.decode()


def test_pages_show_traces_in_queues(console, editor, annotator, workspace, chat):
    queue = make_queue(workspace, make_conversation(workspace, ("Hello?", "Yes.")))
    add_to_queue(actor=SYSTEM, queue=queue, rows=rows(chat))
    client = console(editor)
    url = "/admin/annotations/queueitem/"

    def queries():
        with CaptureQueriesContext(connection) as captured:
            html = client.get(url).content.decode()
        return len(captured), html

    queries()
    before, html = queries()
    for text in ("Hello?", "Where is it?", "Under the bed, please."):
        assert text in html
    for number in range(3):
        add_to_queue(actor=SYSTEM, queue=queue, rows=rows(foreign(workspace, f"Q{number}", "A")))
    assert queries()[0] == before
    item = QueueItem.objects.get(trace_id=chat.trace_id)
    submit(
        actor=Actor.for_user(annotator), item=item, judgement=Judgement(verdict="up", comment="Well said.")
    )
    assert "Well said." in client.get(f"/admin/traces/{chat.trace_id}/").content.decode()


def test_many_traces_need_few_queries(workspace):
    queue, dataset = make_queue(workspace), make_dataset(workspace)

    def queries(count):
        traces = [foreign(workspace, f"Q{number}", "A" * 300) for number in range(count)]
        with CaptureQueriesContext(connection) as captured:
            assert add_to_queue(actor=SYSTEM, queue=queue, rows=rows(*traces)) == count
            assert add_to_dataset(actor=SYSTEM, dataset=dataset, rows=rows(*traces)) == count
        return len(captured)

    queries(1)
    assert queries(1) == queries(4)
