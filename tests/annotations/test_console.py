"""The console's pages: who may come, what they show, what they write, what they cost."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.agents.models import Message
from apps.annotations.admin.panels import open_tasks_card, trace_panel
from apps.annotations.models import AnnotationQueue, Dataset, DatasetItem, Export, ItemState, QueueItem
from apps.annotations.services.annotation import Judgement, submit
from apps.annotations.services.export import create_export
from apps.annotations.services.starter import create_starter_queue
from apps.core.actors import Actor
from apps.tracing.models import Trace
from tests.factories.annotations import items_of, make_agent, make_conversation, make_dataset, make_queue
from tests.factories.core import SYSTEM

pytestmark = pytest.mark.django_db

LISTS = (
    "admin:annotations_annotationqueue_changelist",
    "admin:annotations_queueitem_changelist",
    "admin:annotations_dataset_changelist",
)


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def queue(workspace) -> AnnotationQueue:
    return make_queue(workspace, make_conversation(workspace), dataset=make_dataset(workspace, ("a?", "1")))


def desk(queue: AnnotationQueue) -> str:
    return reverse("admin:annotations_desk", args=[queue.pk])


def test_the_desk_opens_for_annotators_only(console, queue, viewer, annotator, stranger, client):
    assert console(annotator).get(desk(queue)).status_code == 200
    assert console(viewer).get(desk(queue)).status_code == 403
    assert console(stranger).get(desk(queue)).status_code == 404
    assert client.get(desk(queue)).status_code == 302


def test_the_desk_carries_what_its_script_needs(console, queue, annotator):
    item = items_of(queue)[0]

    page = console(annotator).get(f"{desk(queue)}?item={item.pk}")

    config = page.context["desk"]
    assert config["item"] == str(item.pk)
    assert config["progress"] == {"total": 1, "done": 0, "skipped": 0, "open": 1}
    assert config["api"] == f"/api/v1/annotation-queues/{queue.pk}/"
    assert 'data-label="Unsupported"' in page.content.decode()
    assert console(annotator).get(f"{desk(queue)}?item=nonsense").context["desk"]["item"] == ""


def test_lists_cost_the_same_however_long_they_are(console, workspace, editor):
    client = console(editor)
    client.get(reverse("admin:index"))

    def grow() -> None:
        dataset = make_dataset(workspace, ("a?", "1"))
        make_queue(workspace, make_conversation(workspace), dataset=dataset)
        create_export(actor=Actor.for_user(editor), dataset=dataset, file_format="openai_chat")

    def costs() -> list[int]:
        found = []
        for name in (*LISTS, "admin:annotations_export_changelist"):
            with CaptureQueriesContext(connection) as captured:
                assert client.get(reverse(name)).status_code == 200
            found.append(len(captured))
        return found

    grow()
    costs()
    before = costs()
    for _ in range(4):
        grow()
    assert costs() == before
    assert max(before) <= 20


def test_a_queue_is_created_changed_and_deleted_in_the_console(console, workspace, editor):
    client = console(editor)
    dataset = make_dataset(workspace)
    body = {
        "name": "Review",
        "instructions": "Be kind.",
        "labels": '[{"name": "Tone", "color": "blue", "key": ""}]',
        "annotators_per_item": "2",
        "corrections": str(dataset.pk),
    }

    added = client.post(reverse("admin:annotations_annotationqueue_add"), body)
    assert added.status_code == 302, added.context["adminform"].form.errors
    made = AnnotationQueue.objects.get()
    assert made.labels == [{"name": "Tone", "color": "blue", "key": "1"}]
    assert (made.annotators_per_item, made.dataset) == (2, dataset)

    change = reverse("admin:annotations_annotationqueue_change", args=[made.pk])
    assert "data-labels-editor" in client.get(change).content.decode()
    bad = client.post(change, {**body, "labels": '[{"name": "verdict"}]'})
    assert bad.status_code == 200
    assert "name of the thumb" in bad.content.decode()
    client.post(change, {**body, "name": "Renamed", "labels": "[]"})
    made.refresh_from_db()
    assert (made.name, made.labels) == ("Renamed", [])

    client.post(reverse("admin:annotations_annotationqueue_delete", args=[made.pk]), {"post": "yes"})
    assert not AnnotationQueue.objects.exists()


def test_a_taken_name_is_said_on_the_form(console, queue, editor):
    response = console(editor).post(
        reverse("admin:annotations_annotationqueue_add"),
        {"name": queue.name, "labels": "[]", "annotators_per_item": "1"},
    )
    assert response.status_code == 200
    assert "already" in response.content.decode()


def test_a_queue_is_filled_by_a_rule(console, workspace, editor, annotator):
    make_conversation(workspace, ("bad?", "bad."), feedback=0)
    make_conversation(workspace, ("good?", "good."), feedback=1)
    queue = make_queue(workspace)
    path = reverse("admin:annotations_fill", args=[queue.pk])
    rule = {"states": ["completed"], "feedback": "down", "sample_percent": "100", "limit": "50"}
    client = console(editor)

    assert console(annotator).get(path).status_code == 403
    assert client.get(path).status_code == 200
    counted = client.post(path, {**rule, "count": ""})
    assert (counted.context["matching"], counted.context["fresh"]) == (1, 1)
    assert items_of(queue) == []
    assert client.post(path, {**rule, "add": ""}).status_code == 302
    assert [item.message.content for item in items_of(queue)] == ["bad."]
    assert client.get(path).context["form"].initial["feedback"] == "down"
    assert client.post(path, {**rule, "limit": "0"}).status_code == 422


def test_ticked_conversations_are_added_to_a_queue(console, workspace, editor, viewer):
    conversations = [make_conversation(workspace), make_conversation(workspace)]
    queue = make_queue(workspace)
    path = reverse("admin:agents_conversation_changelist")
    ticked = {"action": "add_to_queue", "_selected_action": [str(one.pk) for one in conversations]}

    asked = console(editor).post(path, ticked)
    assert queue.name in asked.content.decode()
    console(editor).post(path, {**ticked, "annotation_queue": str(queue.pk)})
    assert len(items_of(queue)) == 2
    refused = console(viewer).post(path, {**ticked, "annotation_queue": str(queue.pk)})
    assert queue.name not in refused.content.decode()


def test_items_are_reopened_and_removed_from_the_list(console, queue, editor, annotator):
    item = items_of(queue)[0]
    submit(actor=Actor.for_user(annotator), item=item, judgement=Judgement(verdict="up"))
    path = reverse("admin:annotations_queueitem_changelist")

    console(annotator).post(path, {"action": "reopen_selected", "_selected_action": [str(item.pk)]})
    assert items_of(queue)[0].state == ItemState.DONE
    console(editor).post(path, {"action": "reopen_selected", "_selected_action": [str(item.pk)]})
    assert items_of(queue)[0].state == ItemState.PENDING
    console(editor).post(
        path, {"action": "delete_selected", "_selected_action": [str(item.pk)], "post": "yes"}
    )
    assert not QueueItem.objects.exists()


def test_a_dataset_page_shows_items_by_page_version_and_search(console, workspace, editor, viewer, stranger):
    dataset = make_dataset(workspace, *[(f"question {n}?", f"answer {n}") for n in range(30)])
    create_export(actor=Actor.for_user(editor), dataset=dataset, file_format="openai_chat")
    path = reverse("admin:annotations_dataset", args=[dataset.pk])
    client = console(viewer)

    first = client.get(path).context["page"]
    second = client.get(f"{path}?after={first.next_after}").context["page"]

    assert (len(first.items), len(second.items), second.next_after) == (25, 5, "")
    found = client.get(f"{path}?q=QUESTION 7").context["page"]
    assert [item.expected_output for item in found.items] == ["answer 7"]
    DatasetItem.objects.filter(expected_output="answer 0").update(expected_output="none")
    assert client.get(f"{path}?version=1").context["page"].version == 1
    assert client.get(f"{path}?version=99").context["page"].version is None
    assert not client.get(path).context["may_change"]
    assert console(editor).get(path).context["may_change"]
    assert console(stranger).get(path).status_code == 404


def test_a_dataset_page_costs_the_same_however_long_it_is(console, workspace, editor):
    dataset = make_dataset(workspace, ("a?", "1"))
    queue = make_queue(workspace, make_conversation(workspace, ("a", "b"), ("c", "d")), dataset=dataset)
    client = console(editor)
    path = reverse("admin:annotations_dataset", args=[dataset.pk])
    client.get(path)
    with CaptureQueriesContext(connection) as before:
        client.get(path)
    for item in items_of(queue):
        submit(actor=Actor.for_user(editor), item=item, judgement=Judgement(corrected_answer="Better."))
    with CaptureQueriesContext(connection) as after:
        assert len(client.get(path).context["page"].items) == 3
    assert len(after) == len(before)


def test_a_dataset_is_made_renamed_and_deleted_in_the_console(console, workspace, editor):
    client = console(editor)
    made = client.post(reverse("admin:annotations_dataset_add"), {"name": "Gold", "description": ""})
    dataset = Dataset.objects.get()
    assert made["Location"] == reverse("admin:annotations_dataset", args=[dataset.pk])
    client.post(reverse("admin:annotations_dataset_change", args=[dataset.pk]), {"name": "Silver"})
    dataset.refresh_from_db()
    assert dataset.name == "Silver"
    client.post(reverse("admin:annotations_dataset_delete", args=[dataset.pk]), {"post": "yes"})
    assert not Dataset.objects.exists()


def test_an_export_shows_its_manifest_to_editors(console, workspace, editor, annotator):
    dataset = make_dataset(workspace, ("a?", "1"), ("b?", ""))
    export = create_export(actor=Actor.for_user(editor), dataset=dataset, file_format="openai_chat")
    path = reverse("admin:annotations_export_change", args=[export.pk])

    page = console(editor).get(path).content.decode()

    assert export.sha256 in page
    assert "There is no expected output." in page
    assert console(annotator).get(path).status_code in {302, 403}
    console(editor).post(reverse("admin:annotations_export_delete", args=[export.pk]), {"post": "yes"})
    assert not Export.objects.exists()


def test_the_trace_page_shows_annotations_and_adds_to_a_queue(
    console, rf, workspace, editor, annotator, viewer
):
    conversation = make_conversation(workspace)
    answer = Message.objects.get(role="assistant")
    queue = make_queue(workspace, conversation)
    submit(
        actor=Actor.for_user(annotator),
        item=items_of(queue)[0],
        judgement=Judgement(verdict="down", labels=["Tone"], comment="Too short"),
    )
    other = make_queue(workspace, name="Second look")
    trace = Trace(
        workspace=workspace, trace_id=answer.trace_id, source_type="agents.message", source_id=str(answer.pk)
    )
    request = rf.get("/")
    request.user, request.workspace = editor, workspace

    panel = trace_panel(request, trace)
    assert "Too short" in panel
    assert "Second look" in panel
    request.user = viewer
    assert "Second look" not in trace_panel(request, trace)
    trace.source_id = "nonsense"
    assert "annotations-panel-queue" not in trace_panel(request, trace)
    trace.trace_id = "f" * 32
    assert trace_panel(request, trace) == ""

    path = reverse("admin:annotations_add_answer")
    body = {"queue": str(other.pk), "message": str(answer.pk)}
    console(viewer).post(path, body)
    assert items_of(other) == []
    response = console(editor).post(path, body)
    assert response["Location"] == reverse("admin:tracing_trace", args=[answer.trace_id])
    assert len(items_of(other)) == 1
    assert console(editor).post(path, {"queue": "x", "message": "y"}).status_code == 404


def test_the_dashboard_counts_open_tasks_for_those_who_annotate(rf, queue, annotator, viewer, workspace):
    request = rf.get("/")
    request.workspace = workspace
    request.user = viewer
    assert open_tasks_card(request) is None
    request.user = annotator
    card = open_tasks_card(request)
    assert (card.value, card.tone) == ("1", "warn")


def test_the_starter_queue_holds_the_answers_of_its_agent(workspace):
    agent = make_agent(workspace)
    make_conversation(workspace, ("a?", "a."), ("b?", "b."), agent=agent)
    make_conversation(workspace)

    queue = create_starter_queue(actor=SYSTEM, workspace=workspace, agent=agent)

    assert [item.message.content for item in items_of(queue)] == ["a.", "b."]
    assert len(queue.labels) == 5
    assert queue.dataset is not None
