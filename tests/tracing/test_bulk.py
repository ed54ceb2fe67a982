"""Actions on chosen rows and on everything that matches: at once, as a job, stopped, killed and taken up again."""

from datetime import timedelta

import pytest
from django import forms
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.core import jobs
from apps.core.actors import Actor
from apps.core.exceptions import NotAllowed
from apps.core.models import AuditEntry, Job, Membership
from apps.tracing import actions, bulk
from apps.tracing.exceptions import InvalidSelection
from apps.tracing.explorer import Condition, Search
from apps.tracing.models import (
    Comment,
    Observation,
    ObservationPayload,
    Score,
    ScoreConfig,
    Trace,
    TraceExport,
)
from apps.tracing.selection import KINDS, Selection
from apps.tracing.services import bulk as service
from apps.tracing.services.comment import add_comment
from tests.factories.core import SYSTEM
from tests.factories.tracing import make_trace
from tests.support.jobs import run_queued

pytestmark = pytest.mark.django_db

LIST = "/admin/observations/"
TRACE_LIST = "/admin/traces/"
THIRD = "0000000000000003"


@pytest.fixture
def trace(workspace):
    return make_trace(workspace, USER_ID="ada", SESSION_ID="s-1", TAGS='["vip"]', ENVIRONMENT="live")


@pytest.fixture
def registry(monkeypatch):
    """An empty registry of actions."""
    monkeypatch.setattr(bulk, "_actions", bulk.Registry("test"))
    return bulk


def select(list_name, *conditions, chosen=(), **options):
    kind = KINDS[list_name]
    parsed = tuple(Condition.parse(text, kind.fields) for text in conditions)
    return Selection(Search(kind, conditions=parsed, **options), chosen)


def act(user, workspace, name, selection, /, **values):
    action = bulk.find(name, selection.kind.name)
    return service.act(
        actor=Actor.for_user(user), workspace=workspace, name=name, action=action, selection=selection, values=values
    )  # fmt: skip


def entries():
    return list(AuditEntry.objects.filter(action__startswith="tracing.bulk").order_by("created_at"))


def told(entry):
    return {name: after for name, (_before, after) in entry.changes.items()}


def test_chosen_rows_are_tagged_scored_bookmarked_and_deleted(console, editor, workspace, trace):
    client, other = console(editor), make_trace(workspace, name="other")

    def do(url, key, **values):
        return client.post(url, {"chosen": key, **values}, follow=True).content.decode()

    key = trace.trace_id
    assert "1 trace was tagged." in do(TRACE_LIST, key, action="tag", tag=" new ")
    assert "0 traces were tagged." in do(TRACE_LIST, key, action="tag", tag="new")
    do(TRACE_LIST, key, action="bookmark")
    trace.refresh_from_db()
    assert (trace.tags, trace.bookmarked) == (["new", "vip"], True)
    assert "taken from 1 trace." in do(LIST, f"{key}:{THIRD}", action="untag", tag="vip")
    assert "1 bookmark was removed." in do(TRACE_LIST, key, action="unmark")
    trace.refresh_from_db()
    assert (trace.tags, trace.bookmarked) == (["new"], False)
    step = f"{key}:{THIRD}"
    assert "1 row was scored." in do(LIST, step, action="score", name="quality", value="0.5")
    assert "1 row was scored." in do(LIST, step, action="score", name="mood", value="bad")
    assert "1 row was scored." in do(LIST, step, action="score", name="mood", value="good")
    scores = Score.objects.order_by("name").values_list(
        "name", "value", "string_value", "observation_id", "author"
    )
    assert list(scores) == [("mood", None, "good", THIRD, editor.pk), ("quality", 0.5, "", THIRD, editor.pk)]
    assert "Name of the score: This field is required." in do(LIST, step, action="score", value="1")
    assert "Tag: This field is required." in do(TRACE_LIST, key, action="tag", tag=" ")
    add_comment(actor=SYSTEM, workspace=workspace, trace_id=key, text="gone soon")
    assert "1 trace was deleted." in do(TRACE_LIST, key, action="delete")
    assert list(Trace.objects.in_workspace(workspace)) == [other]
    for model, left in ((Observation, 3), (ObservationPayload, 1), (Score, 0), (Comment, 0)):
        assert model.objects.in_workspace(workspace).count() == left


def test_a_score_must_fit_its_definition(console, editor, workspace, trace):
    ScoreConfig.objects.create(
        workspace=workspace, name="stars", data_type="numeric", min_value=1, max_value=5
    )
    client, key = console(editor), trace.trace_id
    dialog = client.get(f"{TRACE_LIST}?fragment=bulk&action=score&n=1").content.decode()
    assert "Defined in this workspace: stars." in dialog
    for value, said in (("6", "highest value"), ("4", "1 row was scored")):
        data = {"chosen": key, "action": "score", "name": "stars", "value": value}
        assert said in client.post(TRACE_LIST, data, follow=True).content.decode()
    assert Score.objects.get().config.name == "stars"


def test_everything_that_matches_is_meant_up_to_the_moment_of_the_question(console, editor, workspace, trace):
    client = console(editor)
    address = f"{TRACE_LIST}?f=environment:is:live"
    make_trace(workspace, name="elsewhere", ENVIRONMENT="test")
    dialog = client.get(f"{address}&fragment=bulk&action=delete&scope=all").content.decode()
    assert "1 row: everything that matches the filters." in dialog
    assert "There is no way back." in dialog
    until = dialog.partition('name="until" value="')[2].partition('"')[0]
    late = make_trace(workspace, name="late", ago_s=-1, ENVIRONMENT="live")
    data = {"action": "delete", "scope": "all", "until": until}
    assert "1 trace was deleted." in client.post(address, data, follow=True).content.decode()
    assert sorted(Trace.objects.in_workspace(workspace).values_list("name", flat=True)) == [
        "elsewhere",
        "late",
    ]
    assert Trace.objects.filter(pk=late.pk).exists()
    (entry,) = entries()
    assert (entry.action, entry.actor_id) == ("tracing.bulk.delete", editor.pk)
    said = told(entry)
    assert (said["conditions"], said["rows"], said["changed"]) == (["environment:is:live"], 1, 1)
    assert said["end"] == until


def test_many_rows_are_a_job_with_one_entry(editor, workspace, monkeypatch):
    monkeypatch.setattr(service, "INLINE_ROWS", 2)
    monkeypatch.setattr(service, "STEP", 2)
    traces = [make_trace(workspace, name=f"t{number}") for number in range(5)]
    outcome = act(editor, workspace, "tag", select("traces"), tag="x")
    assert "5 rows" in outcome.sentence
    assert not Trace.objects.filter(tags__contains=["x"]).exists()
    (job,) = run_queued()
    assert (job.pk, job.state, job.done, job.total) == (outcome.job.pk, "succeeded", 5, 5)
    assert job.message == "5 traces were tagged."
    assert Trace.objects.filter(tags__contains=["x"]).count() == len(traces)
    (entry,) = entries()
    assert (told(entry)["rows"], told(entry)["changed"]) == (5, 5)
    monkeypatch.setattr(service, "MAX_ROWS", 4)
    with pytest.raises(InvalidSelection):
        act(editor, workspace, "tag", select("traces"), tag="y")


@pytest.fixture
def counting(registry, workspace, monkeypatch):
    """An action that notes each step it was done to, over four of them in a job of two steps."""
    monkeypatch.setattr(service, "INLINE_ROWS", 1)
    monkeypatch.setattr(service, "STEP", 2)
    seen = []

    def run(_actor, _workspace, rows, values):
        hook = values.get("hook")
        seen.extend((row.trace.name, row.observation_id) for row in rows)
        if hook and len(seen) > 2:
            hooks[hook]()
        return len(rows)

    hooks = {}
    told_ = actions.tell("%d done")
    registry.register("count", bulk.BulkAction("Count", ("change", Trace), run, told_))
    make_trace(workspace, name="a")
    make_trace(workspace, name="b", ago_s=120)
    return seen, hooks


def steps():
    return select("observations", "type:not:agent")


def test_a_killed_worker_s_successor_goes_on_behind_the_last_step(editor, workspace, counting):
    class Killed(BaseException):
        pass

    def die():
        raise Killed

    seen, hooks = counting
    hooks["die"] = die
    job = act(editor, workspace, "count", steps(), hook="die").job
    with pytest.raises(Killed):
        jobs.run_job(job.pk)
    job.refresh_from_db()
    assert (job.state, job.done, job.args["changed"]) == ("running", 2, 2)
    # what the killed step wrote is gone with its transaction; here that is the list
    del seen[2:]
    hooks["die"] = lambda: None
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert jobs.run_job(job.pk)
    job.refresh_from_db()
    assert (job.state, job.done, job.message) == ("succeeded", 4, "4 done")
    assert seen == [(name, f"{span:016x}") for name in ("a", "b") for span in (3, 2)]
    (entry,) = entries()
    assert (told(entry)["rows"], told(entry)["changed"]) == (4, 4)


def test_a_stopped_job_says_how_far_it_came(editor, workspace, counting):
    seen, hooks = counting
    job = act(editor, workspace, "count", steps(), hook="stop").job
    hooks["stop"] = lambda: Job.objects.filter(pk=job.pk).update(cancel_requested=True)
    run_queued()
    job.refresh_from_db()
    assert (job.state, job.done, len(seen)) == ("cancelled", 4, 4)
    (entry,) = entries()
    assert (told(entry)["rows"], told(entry)["ended_early"]) == (4, True)


def test_a_job_of_somebody_who_lost_the_role_does_nothing(editor, workspace, counting):
    seen, _hooks = counting
    job = act(editor, workspace, "count", steps()).job
    Membership.objects.filter(user=editor).delete()
    run_queued()
    job.refresh_from_db()
    assert job.state == "failed"
    assert seen == []


def test_a_viewer_may_do_nothing_to_rows_and_a_stranger_finds_none(
    console, viewer, stranger, workspace, trace
):
    client, other = console(viewer), console(stranger)
    for name in ("tag", "bookmark", "delete", "score", "export"):
        data = {
            "chosen": trace.trace_id,
            "action": name,
            "tag": "x",
            "name": "x",
            "value": "1",
            "format": "csv",
        }
        assert client.post(TRACE_LIST, data).status_code == 403
        assert client.get(f"{TRACE_LIST}?fragment=bulk&action={name}&n=1").status_code == 403
        if name != "export":
            html = other.post(TRACE_LIST, data, follow=True).content.decode()
            assert "No row is chosen, or none matches any more." in html
    assert "Your role in the workspace allows no action here." in client.get(TRACE_LIST).content.decode()
    assert (
        "Choose some rows"
        in other.post(TRACE_LIST, {"action": "tag", "tag": "x"}, follow=True).content.decode()
    )
    assert client.post(TRACE_LIST, {"action": "nope"}).status_code == 404
    trace.refresh_from_db()
    assert (trace.tags, trace.bookmarked) == (["vip"], False)
    with pytest.raises(NotAllowed):
        act(viewer, workspace, "tag", select("traces"), tag="x")


def test_an_annotator_may_tag_but_not_delete(console, annotator, workspace, trace):
    html = console(annotator).get(TRACE_LIST).content.decode()
    assert 'data-bulk-pick="tag"' in html
    assert 'data-bulk-pick="delete"' not in html
    assert "data-bulk-export" not in html


def test_higher_apps_add_actions_with_fields(console, editor, workspace, trace, registry):
    seen = []

    def run(actor, _workspace, rows, values):
        seen.extend((actor.user, row.trace.pk, row.observation_id, values["queue"]) for row in rows)
        return len(rows)

    registry.register(
        "queue",
        bulk.BulkAction(
            "Add to the queue", ("change", Trace), run, lambda changed, rows: f"{changed} of {rows}.",
            fields=lambda *_: {"queue": forms.ChoiceField(label="Queue", choices=[("1", "First")])},
            lists=("observations",),
        ),
    )  # fmt: skip
    client = console(editor)
    assert "Add to the queue" in client.get(LIST).content.decode()
    assert "Add to the queue" not in client.get(TRACE_LIST).content.decode()
    assert "First" in client.get(f"{LIST}?fragment=bulk&action=queue&n=1").content.decode()
    data = {"chosen": f"{trace.trace_id}:0000000000000001", "action": "queue", "queue": "1"}
    assert "1 of 1." in client.post(LIST, data, follow=True).content.decode()
    assert seen == [(editor, trace.pk, "0000000000000001", "1")]
    assert "Select a valid choice" in client.post(LIST, {**data, "queue": "2"}, follow=True).content.decode()
    assert client.post(TRACE_LIST, {**data, "chosen": trace.trace_id}).status_code == 404


def test_a_list_is_exported_from_its_page(console, editor, workspace, trace):
    client = console(editor)
    dialog = client.get(f"{TRACE_LIST}?fragment=bulk&action=export&scope=all").content.decode()
    for text in (
        "Everything that matches the filters.",
        "Parquet",
        'value="trace_id"',
        "Their sessions, added up",
    ):
        assert text in dialog
    data = {
        "action": "export", "scope": "all", "rows": "traces", "format": "csv", "columns": ["name", "cost"],
        "payloads": "on",
    }  # fmt: skip
    html = client.post(f"{TRACE_LIST}?f=name:is:answer", data, follow=True).content.decode()
    assert "The file is being written." in html
    export = TraceExport.objects.get()
    assert (export.columns, export.format) == (["name", "cost", "input", "output"], "csv")
    assert export.selection["conditions"] == ["name:is:answer"]
    chosen = {"action": "export", "chosen": f"{trace.trace_id}:{THIRD}", "format": "jsonl"}
    client.post(LIST, chosen)
    assert TraceExport.objects.filter(selection__chosen=[f"{trace.trace_id}:{THIRD}"]).exists()


def test_the_list_of_sessions_is_exported_too(console, editor, viewer, workspace, trace):
    html = console(editor).get("/admin/sessions/?range=30d&q=s-").content.decode()
    action = html.partition('method="post" action="/admin/traces/')[2].partition('"')[0].replace("&amp;", "&")
    assert action == "?range=30d&f=session_id%3Acontains%3As-"
    data = {"scope": "all", "action": "export", "rows": "sessions", "format": "csv"}
    console(editor).post(f"{TRACE_LIST}{action}", data)
    run_queued()
    export = TraceExport.objects.get()
    assert (export.list_name, export.row_count) == ("sessions", 1)
    assert 'value="sessions"' not in console(viewer).get("/admin/sessions/").content.decode()


def test_the_trace_page_offers_the_same_actions(console, editor, viewer, stranger, workspace, trace):
    client, page = console(editor), f"/admin/traces/{trace.trace_id}/"
    url = f"{page}bulk/"
    assert url in client.get(page).content.decode()
    assert 'data-bulk-pick="export"' in client.get(url).content.decode()
    step = f"{url}?observation={THIRD}"
    menus = [client.get(address).content.decode() for address in (url, step)]
    assert ['data-bulk-pick="tag"' in menu for menu in menus] == [True, False]
    assert "1 row." in client.get(f"{step}&action=score").content.decode()
    assert client.post(step, {"action": "score", "name": "q", "value": "1"})["Location"] == page
    assert Score.objects.get().observation_id == THIRD
    assert client.get(f"{url}?observation=00000000000000ff").status_code == 404
    assert client.post(url, {"action": "delete"})["Location"] == TRACE_LIST
    assert client.get(url).status_code == console(stranger).get(url).status_code == 404


def test_actions_on_many_rows_need_few_queries(editor, workspace):
    tags = iter("abc")

    def queries():
        with CaptureQueriesContext(connection) as captured:
            for name, values in (
                ("tag", {"tag": next(tags)}), ("score", {"name": "q", "value": "1"}), ("bookmark", {})
            ):  # fmt: skip
                act(editor, workspace, name, select("observations"), **values)
        return len(captured)

    make_trace(workspace)
    queries()
    before = queries()
    for _ in range(3):
        make_trace(workspace)
    assert queries() == before
