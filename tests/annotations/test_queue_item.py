"""Filling queues and handing items out: nobody gets what somebody else has."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.agents.models import Message
from apps.annotations.exceptions import ItemClosed, ItemTaken
from apps.annotations.filters import Feedback, ItemFilter
from apps.annotations.models import ItemState, QueueItem
from apps.annotations.services import queue_item as service
from apps.annotations.services.annotation import Judgement, submit
from apps.core.access import Role
from apps.core.actors import Actor
from apps.core.exceptions import Invalid, NotAllowed, NotFound
from tests.factories.annotations import items_of, make_agent, make_conversation, make_queue
from tests.factories.core import SYSTEM, make_member, make_workspace

pytestmark = pytest.mark.django_db


def expire(item: QueueItem) -> None:
    QueueItem.objects.filter(pk=item.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def test_a_whole_conversation_adds_its_answers_once_and_in_order(workspace, editor):
    conversation = make_conversation(workspace, ("a?", "a."), ("b?", "b."))
    queue = make_queue(workspace)
    actor = Actor.for_user(editor)

    first = service.add_conversations(actor=actor, queue=queue, conversations=[conversation.pk])
    again = service.add_conversations(actor=actor, queue=queue, conversations=[conversation.pk])

    assert (first, again) == (2, 0)
    items = items_of(queue)
    assert [item.message.content for item in items] == ["a.", "b."]
    assert [item.position for item in items] == [1, 2]
    assert all(item.pk.version == 7 for item in items)
    assert {item.workspace_id for item in items} == {workspace.pk}


def test_a_single_answer_is_added_and_a_question_is_refused(workspace, editor):
    make_conversation(workspace, ("a?", "a."))
    question, answer = (Message.objects.get(role=role) for role in ("user", "assistant"))
    queue = make_queue(workspace)
    actor = Actor.for_user(editor)

    assert service.add_messages(actor=actor, queue=queue, messages=[answer.pk]) == 1
    with pytest.raises(NotFound):
        service.add_messages(actor=actor, queue=queue, messages=[answer.pk, question.pk])
    assert len(items_of(queue)) == 1


def test_what_belongs_to_another_workspace_is_not_found(workspace, editor):
    foreign = make_conversation(make_workspace(), ("a?", "a."))
    queue = make_queue(workspace)

    with pytest.raises(NotFound):
        service.add_conversations(actor=Actor.for_user(editor), queue=queue, conversations=[foreign.pk])
    with pytest.raises(NotFound):
        service.add_messages(
            actor=Actor.for_user(editor), queue=queue, messages=[Message.objects.get(role="assistant").pk]
        )


def test_an_annotator_may_not_fill_a_queue(workspace, annotator):
    conversation = make_conversation(workspace)
    queue = make_queue(workspace)

    with pytest.raises(NotAllowed):
        service.add_conversations(
            actor=Actor.for_user(annotator), queue=queue, conversations=[conversation.pk]
        )
    assert items_of(queue) == []


def test_a_rule_picks_by_agent_state_feedback_and_source(workspace, editor):
    agent = make_agent(workspace)
    bad = make_conversation(workspace, ("bad?", "bad."), agent=agent, feedback=0)
    make_conversation(workspace, ("good?", "good."), agent=agent, feedback=1)
    make_conversation(workspace, ("broken?", ""), agent=agent, state="failed", feedback=0)
    make_conversation(workspace, ("stopped?", "stop"), agent=agent, state="stopped", feedback=0)
    make_conversation(workspace, ("other?", "other."), feedback=0)

    def picked(**rule: object) -> list[str]:
        answers = ItemFilter.parse({"agent": agent.pk, **rule}).messages(workspace, editor)
        return sorted(answers.values_list("content", flat=True))

    assert picked() == ["bad.", "good."]
    assert picked(feedback=Feedback.DOWN) == ["bad."]
    assert picked(feedback=Feedback.UP) == ["good."]
    assert picked(feedback=Feedback.NONE) == []
    assert picked(states=["stopped", "failed"]) == ["stop"]
    assert picked(sources=["share"]) == []
    assert picked(limit=1) == ["good."]
    assert picked(since=bad.created_at.isoformat(), until=bad.created_at.isoformat()) == []


def test_sampling_takes_the_same_share_each_time(workspace):
    make_conversation(workspace, *[(f"q{n}?", f"a{n}.") for n in range(60)])
    everything = ItemFilter().messages(workspace, None).count()
    half = ItemFilter(sample_percent=50)

    first = set(half.messages(workspace, None).values_list("pk", flat=True))

    assert everything == 60
    assert 12 <= len(first) <= 48
    assert first == set(half.messages(workspace, None).values_list("pk", flat=True))


@pytest.mark.parametrize("rule", [{"sample_percent": 0}, {"states": []}, {"colour": "red"}, {"limit": 10**6}])
def test_a_wrong_rule_names_its_field(rule):
    with pytest.raises(Invalid) as caught:
        ItemFilter.parse(rule)
    assert next(iter(rule)) in str(caught.value.detail)


def test_filling_by_rule_is_one_insert_however_many(workspace, editor):
    make_conversation(workspace, *[(f"q{n}?", f"a{n}.") for n in range(40)])
    queue = make_queue(workspace)

    with CaptureQueriesContext(
        connection,
    ) as queries:
        added = service.add_matching(actor=Actor.for_user(editor), queue=queue, rule=ItemFilter(limit=30))

    assert added == 30
    inserts = [query for query in queries if "INSERT INTO annotations_queueitem" in query["sql"]]
    assert len(inserts) == 1
    assert len(queries) < 20
    queue.refresh_from_db()
    assert queue.filter == {"limit": 30}
    newest = [item.message.content for item in items_of(queue)]
    assert newest == [f"a{n}." for n in range(10, 40)]


def test_items_come_in_order_and_a_reload_gets_the_same_one(workspace, annotator):
    queue = make_queue(workspace, make_conversation(workspace, ("a?", "a."), ("b?", "b.")))
    actor = Actor.for_user(annotator)

    first = service.next_item(actor=actor, queue=queue)
    reloaded = service.next_item(actor=actor, queue=queue)
    ahead = service.next_item(actor=actor, queue=queue, passing=[first.pk])
    after = service.next_item(actor=actor, queue=queue, passing=[first.pk, ahead.pk])

    assert [first.pk, ahead.pk] == [item.pk for item in items_of(queue)]
    assert reloaded.pk == first.pk
    assert after is None
    assert first.state == ItemState.ASSIGNED
    assert first.assignee == annotator


def test_an_abandoned_item_goes_to_the_next_person(workspace, annotator, editor):
    queue = make_queue(workspace, make_conversation(workspace))
    mine = service.next_item(actor=Actor.for_user(annotator), queue=queue)
    assert service.next_item(actor=Actor.for_user(editor), queue=queue) is None

    expire(mine)
    theirs = service.next_item(actor=Actor.for_user(editor), queue=queue)

    assert theirs.pk == mine.pk
    assert service.keep(actor=Actor.for_user(annotator), queue=queue, items=[mine.pk]) == []
    with pytest.raises(ItemTaken):
        submit(actor=Actor.for_user(annotator), item=mine, judgement=Judgement(verdict="up"))
    with pytest.raises(ItemTaken):
        service.skip(actor=Actor.for_user(annotator), item=mine)


def test_a_heartbeat_keeps_an_item(workspace, annotator):
    queue = make_queue(workspace, make_conversation(workspace))
    item = service.next_item(actor=Actor.for_user(annotator), queue=queue)
    expire(item)

    assert service.keep(actor=Actor.for_user(annotator), queue=queue, items=[item.pk, uuid4()]) == [item.pk]
    item.refresh_from_db()
    assert item.lease_until > timezone.now() + timedelta(minutes=2)


def test_a_released_item_is_free_at_once(workspace, annotator, editor):
    queue = make_queue(workspace, make_conversation(workspace))
    item = service.next_item(actor=Actor.for_user(annotator), queue=queue)

    assert service.release(actor=Actor.for_user(editor), queue=queue, items=[item.pk]) == 0
    assert service.release(actor=Actor.for_user(annotator), queue=queue, items=[item.pk]) == 1
    assert service.next_item(actor=Actor.for_user(editor), queue=queue).pk == item.pk


def test_a_skipped_item_stays_out_until_it_is_reopened(workspace, annotator, editor):
    queue = make_queue(workspace, make_conversation(workspace))
    item = service.next_item(actor=Actor.for_user(annotator), queue=queue)

    skipped = service.skip(actor=Actor.for_user(annotator), item=item, reason="Not my language")

    assert (skipped.state, skipped.skip_reason, skipped.assignee) == ("skipped", "Not my language", None)
    assert service.next_item(actor=Actor.for_user(editor), queue=queue) is None
    service.reopen(actor=Actor.for_user(annotator), item=item)
    assert service.next_item(actor=Actor.for_user(editor), queue=queue).skip_reason == ""


def test_a_finished_item_is_reopened_by_editors_only_and_is_not_skipped(workspace, annotator, editor):
    queue = make_queue(workspace, make_conversation(workspace))
    item = service.next_item(actor=Actor.for_user(annotator), queue=queue)
    submit(actor=Actor.for_user(annotator), item=item, judgement=Judgement(verdict="up"))

    with pytest.raises(ItemClosed):
        service.skip(actor=Actor.for_user(annotator), item=item)
    with pytest.raises(NotAllowed):
        service.reopen(actor=Actor.for_user(annotator), item=item)
    assert service.reopen(actor=Actor.for_user(editor), item=item).state == ItemState.PENDING
    assert service.next_item(actor=Actor.for_user(annotator), queue=queue) is None
    assert service.next_item(actor=Actor.for_user(editor), queue=queue).pk == item.pk


def test_viewers_and_the_system_do_not_annotate(workspace, viewer):
    queue = make_queue(workspace, make_conversation(workspace))

    with pytest.raises(NotAllowed):
        service.next_item(actor=Actor.for_user(viewer), queue=queue)
    with pytest.raises(NotAllowed):
        service.next_item(actor=SYSTEM, queue=queue)
    assert items_of(queue)[0].state == ItemState.PENDING


@pytest.mark.django_db(transaction=True)
def test_people_who_ask_at_the_same_moment_never_get_the_same_item():
    workspace = make_workspace()
    people = [Actor.for_user(make_member(workspace, Role.ANNOTATOR)) for _ in range(4)]
    rounds = 25
    turns = [(f"q{n}?", f"a{n}.") for n in range(len(people) * rounds)]
    queue = make_queue(workspace, make_conversation(workspace, *turns))
    together = threading.Barrier(len(people))

    def walk(actor: Actor) -> list[UUID]:
        got: list[UUID] = []
        try:
            for _ in range(rounds):
                together.wait(timeout=20)
                item = service.next_item(actor=actor, queue=queue, passing=got)
                assert item is not None
                got.append(item.pk)
        finally:
            connections.close_all()
        return got

    with ThreadPoolExecutor(len(people)) as pool:
        taken = [pk for got in pool.map(walk, people) for pk in got]

    assert len(taken) == len(people) * rounds
    assert len(set(taken)) == len(taken)
    assert not QueueItem.objects.filter(state=ItemState.PENDING).exists()


@pytest.mark.django_db(transaction=True)
def test_an_expired_item_goes_to_exactly_one_of_those_who_race_for_it():
    workspace = make_workspace()
    people = [Actor.for_user(make_member(workspace, Role.ANNOTATOR)) for _ in range(3)]
    queue = make_queue(workspace, make_conversation(workspace))
    together = threading.Barrier(2)

    def take(actor: Actor) -> bool:
        try:
            together.wait(timeout=20)
            return service.next_item(actor=actor, queue=queue) is not None
        finally:
            connections.close_all()

    item = service.next_item(actor=people[0], queue=queue)
    for _ in range(15):
        expire(item)
        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(take, people[1:])) == [False, True]
