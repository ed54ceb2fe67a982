"""Triggers: schedules, events, and what they make of the past."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from apps.agents.services.feedback import give_feedback
from apps.core import hooks
from apps.core.actors import Actor
from apps.core.exceptions import NotAllowed
from apps.core.models import User, Workspace
from apps.knowledge.services.base import create_base
from apps.knowledge.services.document import add_document
from apps.workflows.cron import Cron, CronError
from apps.workflows.exceptions import TriggerInvalidError
from apps.workflows.models import FiringState, RunState, Trigger, TriggerFiring, WorkflowRun
from apps.workflows.services.outcome import finish_ends, run_ended
from apps.workflows.services.trigger import create_trigger, delete_trigger, update_trigger
from apps.workflows.services.trigger_config import ScheduleSettings
from apps.workflows.services.workflow import archive_workflow
from apps.workflows.triggers.clock import Clock
from apps.workflows.triggers.schedule import chosen, fire_due
from tests.factories.agents import add_turn, make_agent
from tests.factories.agents import make_conversation as make_chat
from tests.factories.core import SYSTEM
from tests.factories.workflows import make_run, make_workflow
from tests.support.jobs import run_queued


def at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


# -- cron


@pytest.mark.parametrize(
    ("expression", "zone", "after", "expected"),
    [
        ("* * * * *", "UTC", "2026-03-01T10:00", "2026-03-01T10:01"),
        ("*/15 9-17 * * mon-fri", "UTC", "2026-03-06T17:50", "2026-03-09T09:00"),
        ("0 0 29 2 *", "UTC", "2026-03-01T00:00", "2028-02-29T00:00"),
        ("0 12 13 * 5", "UTC", "2026-03-01T00:00", "2026-03-06T12:00"),  # the 13th or a Friday
        ("30 4 * * 7", "UTC", "2026-03-02T00:00", "2026-03-08T04:30"),  # 7 is Sunday
        ("@daily", "Asia/Shanghai", "2026-03-01T10:00", "2026-03-01T16:00"),
        ("0 9 1 jan,jul *", "UTC", "2026-03-01T00:00", "2026-07-01T09:00"),
        # the clock jumps from 2:00 to 3:00: the moment comes when it has
        ("30 2 * * *", "Europe/Berlin", "2026-03-29T00:00", "2026-03-29T01:30"),
        # the clock shows 2:30 twice: the moment comes once
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T00:00", "2026-10-25T00:30"),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30", "2026-10-26T01:30"),
    ],
)
def test_the_next_moment_of_an_expression(expression: str, zone: str, after: str, expected: str) -> None:
    assert Cron.parse(expression, zone).next_after(at(after)) == at(expected)


@pytest.mark.parametrize(
    "expression",
    ["", "* * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "*/0 * * * *", "5-1 * * * *",
     "a * * * *", "0 0 31 2 *", "* * * * * *", "1,,2 * * * *", "٣ * * * *"],
)  # fmt: skip
def test_what_is_no_expression_is_said(expression: str) -> None:
    with pytest.raises(CronError):
        Cron.parse(expression)


def test_an_unknown_time_zone_is_said() -> None:
    for zone in ("Mars/Olympus", "../etc/passwd", ""):
        with pytest.raises(CronError):
            Cron.parse("* * * * *", zone)


_field = st.one_of(st.just("*"), st.integers(1, 12).map(str), st.integers(2, 10).map(lambda n: f"*/{n}"))


@given(
    fields=st.tuples(_field, _field, st.just("*"), _field, st.just("*")),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"]),
    after=st.integers(1_577_836_800, 2_051_222_400).map(lambda s: datetime.fromtimestamp(s, UTC)),
)  # fmt: skip
def test_moments_follow_each_other_and_fit(fields: tuple[str, ...], zone: str, after: datetime) -> None:
    cron = Cron.parse(" ".join(fields), zone)
    first = cron.next_after(after)
    assert first is not None
    second = cron.next_after(first)
    assert second is not None
    assert after < first < second
    local = first.astimezone(ZoneInfo(zone))
    assert local.month in cron.months
    skipped = local.utcoffset() != (local - timedelta(hours=2)).utcoffset()
    assert skipped or (local.hour in cron.hours and local.minute in cron.minutes)


# -- schedules


def schedule(workspace: Workspace, cron: str = "* * * * *", **config: Any) -> Trigger:
    return create_trigger(
        actor=SYSTEM, workflow=make_workflow(workspace), kind="schedule", config={"cron": cron, **config}
    )


def test_a_schedule_fires_once_however_often_somebody_looks(workspace: Workspace) -> None:
    trigger = schedule(workspace, inputs={"name": "{{ scheduled_for }}"})
    due = trigger.next_fire_at
    assert due is not None
    assert fire_due(due - timedelta(seconds=1)) == 0

    assert [fire_due(due), fire_due(due), fire_due(due + timedelta(seconds=5))] == [1, 0, 0]

    firing = TriggerFiring.objects.get(trigger=trigger)
    assert (firing.state, firing.scheduled_for) == (FiringState.STARTED, due)
    assert firing.run is not None
    assert (firing.run.trigger_kind, firing.run.inputs) == ("schedule", {"name": due.isoformat()})
    trigger.refresh_from_db()
    assert trigger.next_fire_at == due + timedelta(minutes=1)


async def test_a_runner_fires_in_the_second_a_schedule_is_due(acme: Workspace) -> None:
    trigger = await sync_to_async(schedule)(acme)
    soon = timezone.now() + timedelta(seconds=0.3)
    await sync_to_async(Trigger.objects.filter(pk=trigger.pk).update)(next_fire_at=soon)
    clocks = [Clock(), Clock()]
    for clock in clocks:
        clock.start()
    try:
        for _ in range(100):
            if await sync_to_async(trigger.firings.exists)():
                break
            await asyncio.sleep(0.05)
    finally:
        for clock in clocks:
            await clock.stop()
    assert await sync_to_async(trigger.firings.count)() == 1


def moments(now: datetime, *minutes: int) -> list[datetime]:
    return [now - timedelta(minutes=minute) for minute in minutes]


@pytest.mark.parametrize(
    ("missed", "came", "kept"),
    [
        ("skip", (30, 20, 10), ()),
        ("skip", (30, 20, 0), (0,)),
        ("once", (30, 20, 10), (10,)),
        ("once", (30, 20, 0), (0,)),
        ("all", (30, 20, 10), (30, 20, 10)),
        ("all", (50, 40, 30, 20, 0), (30, 20, 0)),
    ],
)
def test_missed_moments_are_left_out_or_made_up_for(
    missed: str, came: Sequence[int], kept: Sequence[int]
) -> None:
    now = at("2026-03-01T12:00")
    settings = ScheduleSettings(cron="* * * * *", missed=missed, most_missed=2 if len(came) > 3 else 10)
    started, left_out = chosen(settings, moments(now, *came), now)
    assert started == moments(now, *kept)
    assert {*started, *left_out} == set(moments(now, *came))


def test_a_schedule_that_slept_starts_one_run_and_says_what_it_left_out(workspace: Workspace) -> None:
    trigger = schedule(workspace)
    now = timezone.now() + timedelta(hours=1)
    assert fire_due(now) == 1
    states = list(trigger.firings.values_list("state", flat=True))
    assert states.count("started") == 1
    assert states.count("skipped") == 10
    trigger.refresh_from_db()
    assert trigger.next_fire_at > now


def test_what_is_off_or_archived_does_not_fire(workspace: Workspace) -> None:
    trigger, other = schedule(workspace), schedule(workspace)
    update_trigger(actor=SYSTEM, trigger=trigger, changes={"enabled": False})
    archive_workflow(actor=SYSTEM, workflow=other.workflow)
    assert fire_due(timezone.now() + timedelta(hours=1)) == 0


def test_inputs_that_do_not_fit_make_a_failed_firing_and_no_noise(workspace: Workspace) -> None:
    trigger = schedule(workspace)
    Trigger.objects.filter(pk=trigger.pk).update(
        config={"cron": "* * * * *", "inputs": {"name": "{{ 1 / 0 }}"}}
    )
    fire_due(timezone.now() + timedelta(minutes=2))
    failed = trigger.firings.filter(state=FiringState.FAILED).first()
    assert failed is not None
    assert failed.error
    assert failed.run is None


@pytest.mark.parametrize(
    ("kind", "config", "field"),
    [
        ("schedule", {"cron": "nonsense"}, "cron"),
        ("schedule", {"cron": "* * * * *", "timezone": "Mars"}, "cron"),
        ("schedule", {}, "cron"),
        ("schedule", {"cron": "* * * * *", "missed": "maybe"}, "missed"),
        ("webhook", {"methods": ["BREW"]}, "methods.0"),
        ("webhook", {"surprise": 1}, "surprise"),
        ("event", {"event": "moon_rises"}, "event"),
        ("nothing", {}, "kind"),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(
    workspace: Workspace, kind: str, config: dict[str, Any], field: str
) -> None:
    with pytest.raises(TriggerInvalidError) as caught:
        create_trigger(actor=SYSTEM, workflow=make_workflow(workspace), kind=kind, config=config)
    assert field in caught.value.extra["errors"]


def test_only_editors_make_and_delete_triggers(workspace: Workspace, viewer: User, editor: User) -> None:
    trigger = schedule(workspace)
    for act in (
        lambda: create_trigger(
            actor=Actor.for_user(viewer), workflow=trigger.workflow, kind="webhook", config={}
        ),
        lambda: update_trigger(actor=Actor.for_user(viewer), trigger=trigger, changes={"enabled": False}),
        lambda: delete_trigger(actor=Actor.for_user(viewer), trigger=trigger),
    ):
        with pytest.raises(NotAllowed):
            act()
    delete_trigger(actor=Actor.for_user(editor), trigger=trigger)
    assert not Trigger.objects.exists()


# -- events


def listening(workspace: Workspace, event: str, **config: Any) -> Trigger:
    config = {"event": event, "inputs": {"name": "$.event.name"}, **config}
    return create_trigger(actor=SYSTEM, workflow=make_workflow(workspace), kind="event", config=config)


def test_an_indexed_document_starts_what_listens(workspace: Workspace) -> None:
    trigger = listening(workspace, "document_indexed", inputs={"name": "{{ event.document }}"})
    elsewhere = listening(make_other(), "document_indexed")
    base = create_base(actor=SYSTEM, workspace=workspace, name="Docs", embedding_model=None)
    add_document(actor=SYSTEM, base=base, name="a.md", content=b"# A\n\nText.")
    run_queued()

    run = WorkflowRun.objects.get(trigger=trigger)
    assert (run.inputs, run.trigger_kind) == ({"name": "a.md"}, "event")
    assert not elsewhere.firings.exists()


def make_other() -> Workspace:
    from tests.factories.core import make_workspace

    return make_workspace("Other")


def test_feedback_starts_what_wants_it(workspace: Workspace, editor: User) -> None:
    bad = listening(workspace, "feedback_given", when="$.event.value == 0")
    good = listening(workspace, "feedback_given", when="$.event.value == 1")
    answer = add_turn(make_chat(make_agent(workspace), editor))
    give_feedback(actor=Actor.for_user(editor), message=answer, value=0, comment="Wrong.")
    assert bad.firings.count() == 1
    assert good.firings.count() == 0


def test_a_failed_run_starts_its_handler_and_the_handler_does_not_start_itself(workspace: Workspace) -> None:
    handler = listening(workspace, "run_failed", inputs={"name": "{{ event.error.message }}"})
    failed = make_run(make_workflow(workspace))
    fail(failed)
    run_ended(failed.pk)
    run_ended(failed.pk)
    own = WorkflowRun.objects.get(trigger=handler)
    assert own.inputs == {"name": "Broken."}

    fail(own)
    run_ended(own.pk)

    assert handler.firings.count() == 1


def test_a_failure_whose_process_died_is_told_by_the_sweep(workspace: Workspace) -> None:
    handler = listening(workspace, "run_failed")
    fail(make_run(make_workflow(workspace)))
    finish_ends()
    finish_ends()
    assert handler.firings.count() == 1


def test_more_firings_than_allowed_within_an_hour_are_skipped(workspace: Workspace) -> None:
    trigger = listening(workspace, "document_indexed", most_per_hour=2)
    for number in range(4):
        hooks.tell(hooks.Happening("document_indexed", workspace, f"{number}", {"document": "x"}))
    states = list(trigger.firings.values_list("state", flat=True))
    assert sorted(states) == ["skipped", "skipped", "started", "started"]


def fail(run: WorkflowRun) -> None:
    WorkflowRun.objects.filter(pk=run.pk).update(
        state=RunState.FAILED, error={"message": "Broken.", "code": "x"}, finished_at=timezone.now()
    )
