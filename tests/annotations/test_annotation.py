"""Judging: annotation, scores on the trace, example in the dataset; twice is once."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from apps.annotations.exceptions import EmptyAnnotation, ItemClosed, UnknownLabel
from apps.annotations.models import Annotation, DatasetItem, ItemState
from apps.annotations.services.annotation import Judgement, submit
from apps.annotations.services.queue_item import next_item
from apps.core.actors import Actor
from apps.core.exceptions import Invalid, NotAllowed
from apps.core.models import AuditEntry
from apps.tracing.models import Score
from tests.factories.annotations import items_of, make_conversation, make_dataset, make_queue

pytestmark = pytest.mark.django_db


def scores() -> list[tuple[str, float | None, str, str]]:
    found = Score.objects.order_by("name")
    return [(score.name, score.value, score.source, score.comment) for score in found]


def test_a_judgement_becomes_annotation_scores_and_example(workspace, annotator):
    dataset = make_dataset(workspace)
    conversation = make_conversation(workspace, ("Hi", "Hello."), ("Where are backups?", "No idea."))
    queue = make_queue(workspace, conversation, dataset=dataset)
    item = items_of(queue)[1]

    annotation = submit(
        actor=Actor.for_user(annotator),
        item=item,
        judgement=Judgement(
            verdict="down",
            labels=["Tone", "Unsupported"],
            corrected_answer="In var/backups.\r\n",
            comment=" vague ",
            duration_ms=4200,
        ),
    )

    assert annotation.labels == ["Unsupported", "Tone"]
    assert (annotation.comment, annotation.duration_ms) == ("vague", 4200)
    item.refresh_from_db()
    assert (item.state, item.annotation_count, item.assignee) == (ItemState.DONE, 1, None)
    assert scores() == [
        ("Tone", 1.0, "annotation", ""),
        ("Unsupported", 1.0, "annotation", ""),
        ("verdict", 0.0, "annotation", "vague"),
    ]
    assert set(Score.objects.values_list("trace_id", "author")) == {(item.message.trace_id, annotator.pk)}
    example = DatasetItem.objects.get(dataset=dataset)
    assert example.messages == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "Where are backups?"},
    ]
    assert (example.expected_output, example.rejected_output) == ("In var/backups.", "No idea.")
    assert (example.message, example.annotator, example.annotation) == (item.message, annotator, annotation)
    assert example.trace_id == item.message.trace_id
    assert AuditEntry.objects.filter(action="annotations.annotation.submit").count() == 1


def test_submitting_twice_is_submitting_once(workspace, annotator):
    dataset = make_dataset(workspace)
    queue = make_queue(workspace, make_conversation(workspace), dataset=dataset)
    item = items_of(queue)[0]
    judgement = Judgement(verdict="down", labels=["Tone"], corrected_answer="Better.")
    actor = Actor.for_user(annotator)

    first = submit(actor=actor, item=item, judgement=judgement)
    second = submit(actor=actor, item=item, judgement=judgement)

    assert first.pk == second.pk
    assert Annotation.objects.count() == 1
    assert len(scores()) == 2
    assert DatasetItem.objects.count() == 1
    item.refresh_from_db()
    assert item.annotation_count == 1


def test_editing_replaces_what_was_said_and_takes_back_what_was_withdrawn(workspace, annotator):
    dataset = make_dataset(workspace)
    queue = make_queue(workspace, make_conversation(workspace), dataset=dataset)
    item = items_of(queue)[0]
    actor = Actor.for_user(annotator)
    submit(
        actor=actor, item=item, judgement=Judgement(verdict="down", labels=["Tone"], corrected_answer="One.")
    )

    submit(
        actor=actor,
        item=item,
        judgement=Judgement(verdict="up", labels=["Unsupported"], corrected_answer="Two."),
    )
    assert DatasetItem.objects.get().expected_output == "Two."
    assert [name for name, *_ in scores()] == ["Unsupported", "verdict"]

    submit(actor=actor, item=item, judgement=Judgement(comment="never mind"))
    assert scores() == []
    assert not DatasetItem.objects.exists()
    assert Annotation.objects.get().comment == "never mind"


def test_a_correction_that_changes_nothing_is_none(workspace, annotator):
    dataset = make_dataset(workspace)
    queue = make_queue(workspace, make_conversation(workspace, ("q", "line\nline ")), dataset=dataset)

    annotation = submit(
        actor=Actor.for_user(annotator),
        item=items_of(queue)[0],
        judgement=Judgement(verdict="up", corrected_answer="line\r\nline\n"),
    )

    assert annotation.corrected_answer == ""
    assert not DatasetItem.objects.exists()


@pytest.mark.parametrize(
    ("judgement", "error"),
    [
        (Judgement(), EmptyAnnotation),
        (Judgement(comment="  ", corrected_answer="I don't know.\n"), EmptyAnnotation),
        (Judgement(verdict="sideways"), Invalid),
        (Judgement(labels=["Unheard of"]), UnknownLabel),
    ],
)
def test_what_says_nothing_or_something_unknown_is_refused(workspace, annotator, judgement, error):
    queue = make_queue(workspace, make_conversation(workspace))

    with pytest.raises(error):
        submit(actor=Actor.for_user(annotator), item=items_of(queue)[0], judgement=judgement)
    assert not Annotation.objects.exists()
    assert items_of(queue)[0].state == ItemState.PENDING


def test_a_viewer_may_not_judge(workspace, viewer):
    queue = make_queue(workspace, make_conversation(workspace))

    with pytest.raises(NotAllowed):
        submit(actor=Actor.for_user(viewer), item=items_of(queue)[0], judgement=Judgement(verdict="up"))
    assert not Annotation.objects.exists()
    assert scores() == []


def test_an_answer_without_a_trace_is_judged_without_scores(workspace, annotator):
    queue = make_queue(workspace, make_conversation(workspace, ("q", "a"), trace_id=""))

    submit(actor=Actor.for_user(annotator), item=items_of(queue)[0], judgement=Judgement(verdict="up"))

    assert Annotation.objects.count() == 1
    assert scores() == []


def test_two_people_judge_each_item_when_the_queue_asks_for_it(workspace, annotator, editor, owner):
    queue = make_queue(workspace, make_conversation(workspace), annotators_per_item=2)
    first, second, third = (Actor.for_user(user) for user in (annotator, editor, owner))
    item = next_item(actor=first, queue=queue)
    submit(actor=first, item=item, judgement=Judgement(verdict="up"))
    item.refresh_from_db()
    assert item.state == ItemState.PENDING
    assert next_item(actor=first, queue=queue) is None

    assert next_item(actor=second, queue=queue).pk == item.pk
    submit(actor=second, item=item, judgement=Judgement(verdict="down"))

    item.refresh_from_db()
    assert (item.state, item.annotation_count) == (ItemState.DONE, 2)
    with pytest.raises(ItemClosed):
        submit(actor=third, item=item, judgement=Judgement(verdict="up"))
    assert sorted(value for _name, value, *_ in scores()) == [0.0, 1.0]


def test_the_database_refuses_a_second_annotation_and_an_empty_one(workspace, annotator):
    item = items_of(make_queue(workspace, make_conversation(workspace)))[0]
    values = {"workspace": workspace, "item": item, "annotator": annotator}
    Annotation.objects.create(**values, verdict="up")

    for broken in ({"verdict": "down"}, {"annotator": None}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Annotation.objects.create(**{**values, **broken})
