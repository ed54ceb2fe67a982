"""Figures by tag: what counts under which tag; tags that come late, are changed, or are too many."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone

from apps.tracing.alerting.message import condition
from apps.tracing.exceptions import InvalidMetricQuery
from apps.tracing.models import (
    CountedTags,
    Grain,
    Level,
    RollupProgress,
    RollupTag,
    TagChange,
    TagRollup,
    Trace,
)
from apps.tracing.rollups import MetricFilter, MetricQuery, Question, TimeRange, answer, tag_sql
from apps.tracing.rollups.statement import build
from apps.tracing.services import rollup
from apps.tracing.services.alert import AlertValues, create_alert
from apps.tracing.services.alert_evaluation import read_figure
from apps.tracing.services.span_draft import Piece, add_pieces
from apps.tracing.services.trace import delete_trace
from apps.tracing.services.traces import tag_traces, untag_traces
from tests.factories.core import SYSTEM, make_workspace
from tests.factories.tracing import make_row, make_span, make_trace, new_trace_id, store

pytestmark = pytest.mark.django_db

SPANS = (timedelta(hours=1), timedelta(days=1), timedelta(days=3), timedelta(days=30))


@pytest.fixture(autouse=True)
def _everything_is_settled(db, monkeypatch):
    """A test is one transaction, whose `now()` stands still: look a little ahead of it, and begin an hour before."""
    monkeypatch.setattr(rollup, "_MARGIN_S", -60)
    began = timezone.now() - timedelta(minutes=30)
    RollupProgress.objects.create(received_before=began, tagged_before=began)


def roll():
    """Add up all that is stored by now; what is stored next belongs to another window."""
    with connection.cursor() as cursor:
        # a test is one transaction, within which PostgreSQL shows the same activity again and again
        cursor.execute("SELECT pg_stat_clear_snapshot()")
    rollup.roll_up()
    now = timezone.now()
    RollupProgress.objects.update(received_before=now, tagged_before=now)


def ask(workspace, view, *metrics, by="", filters=(), span=timedelta(hours=1), limit=10):
    """The metrics of a range up to now as {value: [figures]}."""
    now = timezone.now() + timedelta(minutes=1)
    query = MetricQuery(view, metrics, by, tuple(map(MetricFilter.parse, filters)), limit).check()
    found = answer([Question(query, TimeRange.of(now - span, now, now=now))], workspace)[0]
    return {item.value: [item.sums.value(metric) for metric in metrics] for item in found.series}


def by_tag(workspace, view="observations", **kwargs):
    """How many there are by tag."""
    return {tag: count for tag, [count] in ask(workspace, view, "count", by="tag", **kwargs).items()}


def test_a_trace_counts_under_each_of_its_tags_with_all_its_steps(workspace):
    make_trace(workspace, TAGS='["vip", "beta"]')
    make_trace(workspace, TAGS='["vip"]', failed=True)
    make_trace(workspace)
    roll()
    metrics = ("count", "errors", "error_rate", "total_tokens", "cost")
    for span in SPANS:
        found = ask(workspace, "traces", *metrics, by="tag", span=span)
        assert found == {"vip": [2, 1, 0.5, 300, 0.003], "beta": [1, 0, 0, 150, 0.0015]}
        assert by_tag(workspace, span=span) == {"vip": 6, "beta": 3}
    assert ask(workspace, "traces", *metrics, filters=["tag:is:vip"]) == {"": [2, 1, 0.5, 300, 0.003]}
    assert ask(workspace, "traces", "count", filters=["tag:is:nobody"]) == {"": [0]}
    [[p50, p99, first]] = ask(
        workspace, "traces", "latency_p50", "latency_p99", "ttft_p95", filters=["tag:is:vip"]
    ).values()
    assert 1600 < p50 <= p99 <= 2100
    assert 160 < first <= 240
    # all traces are what they were
    assert ask(workspace, "traces", "count", "cost") == {"": [3, 0.0045]}


def test_a_tag_is_combined_with_every_other_dimension(workspace):
    make_trace(
        workspace, name="Support", ENVIRONMENT="live", TAGS='["vip"]', PROMPT_NAME="hello", PROMPT_VERSION="2"
    )
    make_trace(workspace, name="Sales", TAGS='["vip", "beta"]')
    roll()
    vip = ["tag:is:vip"]
    assert ask(workspace, "observations", "cost", by="model", filters=vip) == {"small-1": [0.003]}
    assert ask(workspace, "observations", "count", by="type", filters=vip)["generation"] == [2]
    assert ask(workspace, "traces", "count", by="environment", filters=vip) == {"live": [1]}
    assert ask(workspace, "traces", "count", "cost", by="agent", filters=vip) == {
        "Sales": [1, 0.0015], "Support": [1, 0.0015],
    }  # fmt: skip
    assert ask(workspace, "observations", "count", by="prompt_version", filters=vip) == {"hello@2": [1]}
    for filters, expected in (
        (["model:is:small-1"], {"vip": 2, "beta": 1}),
        (["environment:is:live"], {"vip": 1}),
        (["model:in:small-1, small-2"], {"vip": 2, "beta": 1}),
        (["type:is:retriever"], {"vip": 2, "beta": 1}),
        (["agent:is:Sales", "environment:not:live"], {"vip": 3, "beta": 3}),
        (["prompt:is:hello"], {"vip": 1}),
    ):
        assert by_tag(workspace, filters=filters) == expected


def test_several_tags_are_told_apart_and_those_beyond_the_limit_are_one(workspace):
    for tags in ('["a", "b"]', '["a"]', '["ab"]', '["c"]'):
        make_trace(workspace, TAGS=tags)
    roll()
    assert by_tag(workspace, "traces", limit=1) == {"a": 2, "": 3}
    # of the others together there are sums, but no percentiles
    one = ask(workspace, "traces", "count", "latency_p50", "ttft_p50", "cost", by="tag", limit=1)
    assert one[""] == [3, None, None, 0.0045]
    assert None not in one["a"]
    assert by_tag(workspace, "traces", filters=["tag:in:a, c"]) == {"a": 2, "c": 1}
    assert by_tag(workspace, "traces", filters=["tag:contains:B"]) == {"ab": 1, "b": 1}
    assert by_tag(workspace, "traces", filters=["tag:not:a"]) == {"ab": 1, "b": 1, "c": 1}
    # both filters are met
    assert by_tag(workspace, "traces", filters=["tag:contains:a", "tag:not:a"]) == {"ab": 1}


def test_what_has_a_tag_can_be_left_out(workspace):
    make_trace(workspace, name="Real", failed=True)
    make_trace(workspace, name="Real", TAGS='["vip"]')
    make_trace(workspace, name="Check", TAGS='["test", "vip"]')
    roll()
    real = ["tag:not:test"]
    for span in SPANS:
        assert ask(workspace, "traces", "count", "errors", "cost", filters=real, span=span) == {
            "": [2, 1, 0.003]
        }
    found = ask(workspace, "traces", "count", "latency_p50", "total_tokens", by="name", filters=real)
    assert [(name, row[0], row[2]) for name, row in found.items() if row[0]] == [("Real", 2, 300)]
    assert 1600 < found["Real"][1] <= 2100
    assert ask(workspace, "observations", "count", by="model", filters=real) == {"small-1": [2]}
    assert ask(workspace, "observations", "ttft_p50", filters=[*real, "type:is:agent"]) == {"": [None]}


@pytest.mark.parametrize("filters", [["tag:in:a, b"], ["tag:contains:a"], ["tag:is:a", "tag:not:b"]])
def test_one_tag_filters_figures_that_are_not_told_apart_by_tag(filters):
    query = MetricQuery("traces", ("count",), "model", tuple(map(MetricFilter.parse, filters)))
    with pytest.raises(InvalidMetricQuery, match="one tag"):
        query.check()


@pytest.mark.parametrize(
    ("by", "filters"), [("agent", ["tag:is:a", "type:is:tool"]), ("tag", ["model:is:x", "name:is:y"])]
)
def test_with_tags_what_a_step_is_and_what_it_belongs_to_are_not_combined(by, filters):
    query = MetricQuery("traces", ("count",), by, tuple(map(MetricFilter.parse, filters)))
    with pytest.raises(InvalidMetricQuery, match="type and model can't be combined"):
        query.check()


def test_tags_know_nothing_of_users_and_scores():
    tag = (MetricFilter("tag", "is", "vip"),)
    with pytest.raises(InvalidMetricQuery, match="combined"):
        MetricQuery("traces", ("count",), "user", tag).check()
    with pytest.raises(InvalidMetricQuery, match="no dimension"):
        MetricQuery("scores", ("count",), "", tag).check()


def test_a_page_narrows_widgets_by_tag_but_for_those_with_a_tag_of_their_own():
    extra = [MetricFilter("tag", "is", "vip"), MetricFilter("environment", "is", "live")]
    plain = MetricQuery("traces", ("count",), "model").with_filters(extra)
    assert plain.filters == tuple(extra)
    own = (
        MetricQuery("traces", ("count",), "", (MetricFilter("tag", "is", "beta"),))
        .with_filters(extra)
        .check()
    )
    assert [item.encode() for item in own.filters] == ["tag:is:beta", "environment:is:live"]
    split = MetricQuery("traces", ("count",), "tag", (MetricFilter("tag", "not", "beta"),)).with_filters(
        extra
    )
    assert len(split.check().filters) == 3
    assert MetricQuery("scores", ("count",)).with_filters(extra).filters == (extra[1],)
    # what rows of tags don't know is shown for all tags
    both = MetricQuery("observations", ("count",), "agent", (MetricFilter("type", "is", "tool"),))
    assert both.with_filters(extra).check().filters[1:] == (extra[1],)


def test_nothing_is_counted_twice_and_late_spans_join_their_hour(workspace):
    make_trace(workspace, TAGS='["vip"]')
    roll()
    roll()
    assert by_tag(workspace) == {"vip": 3}
    store(make_row(workspace, make_span(name="late", ago_s=3 * 3600, TAGS='["vip"]')))
    roll()
    assert by_tag(workspace) == {"vip": 3}
    assert by_tag(workspace, span=timedelta(days=1)) == {"vip": 4}


def test_histograms_of_a_tag_are_as_long_as_they_must_be(workspace):
    base = int((timezone.now() - timedelta(hours=2)).replace(minute=5).timestamp() * 1e9)
    for length, first in ((1, 100), (16, None), (0.001, 5000)):
        ttft = {} if first is None else {"TTFT_MS": first}
        store(make_row(workspace, make_span(base_ns=base, length_s=length, TAGS='["vip"]', **ttft)))
        roll()
    for row in TagRollup.objects.filter(workspace=workspace, grain=Grain.DAY):
        assert (row.count, sum(row.latency), sum(row.ttft)) == (3, 3, 2)
        # none is stored beyond the last: the slots of 16 and of 5 seconds
        assert (len(row.latency), len(row.ttft), row.latency[-1], row.ttft[-1]) == (57, 51, 1, 1)
    metrics = ("latency_p50", "latency_p99", "ttft_p99")
    [[p50, p99, slow]] = ask(
        workspace, "observations", *metrics, filters=["tag:is:vip"], span=timedelta(days=1)
    ).values()
    assert (800 < p50 <= 1200, 13_000 < p99 <= 16_400, 4_200 < slow <= 6_000) == (True, True, True)
    left = ask(workspace, "observations", "count", *metrics, filters=["tag:not:vip"], span=timedelta(days=1))
    assert left == {"": [0, None, None, None]}


def test_steps_count_under_tags_that_come_with_a_later_step(workspace):
    """The root of a long trace arrives last, and it alone says the tags."""
    trace_id = new_trace_id()
    call = {"OBSERVATION_TYPE": "generation", "MODEL": "small-1", "COST": "0.5", "INPUT_TOKENS": 10}
    store(make_row(workspace, make_span(trace_id, number=2, parent=1, name="first", **call)))
    roll()
    store(make_row(workspace, make_span(trace_id, number=3, parent=1, name="second", TAGS='["b"]', **call)))
    roll()
    assert ask(workspace, "traces", "cost", by="tag") == {"b": [1.0]}
    store(make_row(workspace, make_span(trace_id, name="whole", OBSERVATION_TYPE="agent", TAGS='["a", "b"]')))
    roll()
    assert ask(workspace, "traces", "count", "cost", "total_tokens", by="tag") == {
        "a": [1, 1.0, 20], "b": [1, 1.0, 20],
    }  # fmt: skip
    store(make_row(workspace, make_span(trace_id, number=4, parent=1, name="third", **call)))
    roll()
    assert by_tag(workspace) == {"a": 4, "b": 4}
    assert CountedTags.objects.get(workspace=workspace).tags == ["b", "a"]
    # earlier steps are the agent's as well, whose root says so
    assert ask(workspace, "observations", "count", by="agent", filters=["tag:is:a"]) == {"whole": [3]}


def test_tags_that_a_person_gives_later_are_counted_and_taken_ones_stay(workspace):
    trace, other = make_trace(workspace), make_trace(workspace, TAGS='["vip"]')
    roll()
    assert tag_traces(actor=SYSTEM, traces=[trace, other], tag="vip") == 1
    tag_traces(actor=SYSTEM, traces=[other], tag="beta")
    roll()
    roll()
    assert by_tag(workspace) == {"vip": 6, "beta": 3}
    assert not TagChange.objects.exists()
    untag_traces(actor=SYSTEM, traces=[trace], tag="vip")
    tag_traces(actor=SYSTEM, traces=[trace], tag="vip")
    roll()
    assert by_tag(workspace) == {"vip": 6, "beta": 3}


def test_tags_given_before_a_trace_is_added_up_are_counted_once(workspace):
    trace = make_trace(workspace)
    tag_traces(actor=SYSTEM, traces=[trace], tag="vip")
    roll()
    roll()
    assert by_tag(workspace) == {"vip": 3}


def test_a_step_that_is_written_anew_with_other_tags_counts_under_them_too(workspace):
    trace_id, span_id = new_trace_id(), "00000000000000a1"
    now = int(timezone.now().timestamp() * 1e9)

    def say(**attributes):
        piece = Piece(trace_id, span_id, span_id, None, "answer", now, now + 10**9, now, True, attributes)
        assert add_pieces(workspace_id=workspace.pk, pieces=[piece]) == []

    say(**{"langfuse.observation.output": "Hello", "langfuse.trace.tags": ["first"]})
    roll()
    assert by_tag(workspace) == {"first": 1}
    say(**{"langfuse.trace.tags": ["first", "second"]})
    roll()
    assert by_tag(workspace) == {"first": 1, "second": 1}
    assert ask(workspace, "observations", "count") == {"": [1]}


def test_what_was_stored_before_is_added_up_by_tag(workspace):
    """An upgrade: everything but the tags has been added up."""
    make_trace(workspace, TAGS='["vip"]')
    make_trace(workspace, ago_s=26 * 3600, TAGS='["vip", "old"]')
    make_trace(workspace)
    roll()
    TagRollup.objects.all().delete()
    CountedTags.objects.all().delete()
    RollupTag.objects.all().delete()
    RollupProgress.objects.update(tagged_before=None)
    before = ask(workspace, "traces", "count", "cost")
    while rollup.roll_up():
        pass
    progress = RollupProgress.objects.get()
    assert progress.tagged_before == progress.received_before
    assert by_tag(workspace, "traces", span=timedelta(days=3)) == {"vip": 2, "old": 1}
    assert ask(workspace, "traces", "count", "cost") == before


def test_while_an_upgrade_is_catching_up_new_traces_wait_their_turn(workspace, monkeypatch):
    make_trace(workspace, TAGS='["vip"]')
    roll()
    RollupProgress.objects.update(tagged_before=timezone.now() - timedelta(hours=3))
    TagRollup.objects.all().delete()
    CountedTags.objects.all().delete()
    make_trace(workspace, TAGS='["vip"]')
    monkeypatch.setattr(rollup, "PATIENCE_S", 0.0)
    rollup.roll_up()
    assert rollup._roll_window() is False
    assert (ask(workspace, "traces", "count"), by_tag(workspace)) == ({"": [2]}, {})
    monkeypatch.undo()
    rollup.roll_up()
    assert by_tag(workspace) == {"vip": 6}


def test_a_day_tells_a_bounded_number_of_tags_apart(workspace, monkeypatch):
    for number in range(12):
        make_trace(workspace, TAGS=f'["often", "request-{number:02}"]')
    with monkeypatch.context() as patch:
        limits = f"place <= {tag_sql.MAX_TAGS} AND (regular OR place_of_new <= {tag_sql.MAX_NEW_TAGS})"
        assert limits in tag_sql.ADD_TAGS
        small = tag_sql.ADD_TAGS.replace(limits, "place <= 5 AND (regular OR place_of_new <= 4)")
        patch.setattr(tag_sql, "ADD_TAGS", small)
        roll()
        found = by_tag(workspace, "traces", limit=100)
        # the most frequent one has a place; the rest is told, but not by name
        assert found == {"often": 12, "request-00": 1, "request-01": 1, "request-02": 1, "": 9}
        make_trace(workspace, TAGS='["new"]')
        # a tag that the week before knew has a place that new ones don't take
        yesterday = timezone.now().date() - timedelta(days=1)
        RollupTag.objects.create(workspace=workspace, day=yesterday, tag="regular", regular=False)
        make_trace(workspace, TAGS='["regular"]')
        roll()
    found = by_tag(workspace, "traces", limit=100)
    assert (found["regular"], found[""], "new" in found) == (1, 10, False)
    # another workspace has places of its own
    other = make_workspace("Other")
    make_trace(other, TAGS='["new"]')
    roll()
    assert by_tag(other, "traces") == {"new": 1}


def test_a_trace_counts_under_a_bounded_number_of_tags(workspace):
    many = [f"tag-{number:03}" for number in range(60)]
    trace_id = new_trace_id()
    store(make_row(workspace, make_span(trace_id, TAGS=many)))
    roll()
    store(make_row(workspace, make_span(trace_id, number=2, parent=1, TAGS=["late"])))
    roll()
    found = by_tag(workspace, limit=100)
    assert found == dict.fromkeys(many[: tag_sql.MAX_TAGS_OF_TRACE], 2)


def test_spans_without_tags_leave_no_row(workspace):
    make_trace(workspace)
    roll()
    for model in (TagRollup, CountedTags, RollupTag):
        assert not model.objects.filter(workspace=workspace).exists()


def test_deleting_and_retention(workspace):
    trace = make_trace(workspace, TAGS='["vip"]')
    roll()
    delete_trace(actor=SYSTEM, trace=trace)
    assert not CountedTags.objects.filter(workspace=workspace).exists()
    assert by_tag(workspace) == {"vip": 3}
    make_trace(workspace, TAGS='["vip"]')
    roll()
    CountedTags.objects.update(day=timezone.now().date() - timedelta(days=900))
    rollup.drop_old(now=timezone.now() + timedelta(days=200))
    assert set(TagRollup.objects.values_list("grain", flat=True)) == {Grain.DAY}
    assert not CountedTags.objects.exists()
    assert not RollupTag.objects.exists()


def test_levels_know_what_they_say(workspace):
    make_trace(workspace, name="Support", ENVIRONMENT="live", TAGS='["vip"]')
    roll()
    day = TagRollup.objects.filter(workspace=workspace, grain=Grain.DAY, tag="vip")
    assert sorted(day.filter(level=Level.NARROW).values_list("root", "environment", "type", "count")) == [
        (False, "", "", 2), (True, "live", "", 1),
    ]  # fmt: skip
    assert {row.type for row in day.filter(level=Level.TYPED)} == {"agent", "retriever", "generation"}
    assert {row.model for row in day.filter(level=Level.TYPED)} == {""}
    assert {row.model for row in day.filter(level=Level.BASE)} == {"", "small-1"}
    assert {row.name for row in day.filter(level=Level.BASE)} == {""}
    assert {(row.name, row.owner, row.type) for row in day.filter(level=Level.TRACE)} == {
        ("Support", "agent", "")
    }
    assert not day.filter(level=Level.FULL).exists()
    for level in (Level.NARROW, Level.TYPED, Level.BASE, Level.TRACE):
        rows = TagRollup.objects.filter(workspace=workspace, level=level)
        for grain in Grain:
            assert sum(row.cost for row in rows.filter(grain=grain)) == Decimal("0.0015")


@pytest.mark.parametrize(
    ("by", "filters", "columns"),
    [
        ("model", ["tag:is:vip"], ("bucket", "tag")),
        ("model", ["tag:not:vip"], ("bucket", "tag")),
        ("tag", ["model:is:small-1"], ("bucket", "part")),
        ("tag", ["agent:is:Support"], ("bucket", "part")),
    ],
)
def test_figures_of_a_tag_come_by_the_key(workspace, by, filters, columns):
    now = timezone.now()
    query = MetricQuery("traces", ("count",), by, tuple(map(MetricFilter.parse, filters))).check()
    question = Question(query, TimeRange.of(now - timedelta(days=7), now, now=now))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        statement = build(question, frozenset({"count"}), workspace.pk)
        cursor.execute("EXPLAIN " + statement.sql, statement.params)
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert not re.search("Seq Scan", plan)
    condition = re.search(r"tracing_tagrollup_pkey.*\n.*Index Cond: (.*)", plan)[1]
    assert all(name in condition for name in ("level", "grain", "root", *columns))


def test_a_trace_that_is_gone_is_no_trouble(workspace):
    trace = make_trace(workspace, TAGS='["vip"]')
    TagChange.objects.create(workspace=workspace, trace_id=trace.trace_id)
    Trace.objects.filter(pk=trace.pk).delete()
    roll()
    assert by_tag(workspace) == {}


def data_of(html):
    return json.loads(re.search(r'id="board-data" type="application/json">(.*?)</script>', html)[1])


def widget_of(data, title, chart):
    return next(item for item in data["widgets"] if (item["title"], item["chart"]) == (title, chart))


def test_the_page_is_filtered_by_a_tag_and_leads_to_the_traces_with_it(console, viewer, workspace):
    make_trace(workspace, name="Plain")
    make_trace(workspace, name="Special", TAGS='["a & b", "vip"]')
    roll()
    client = console(viewer)
    whole = client.get("/admin/analytics/?range=24h").content.decode()
    assert '<option value="a &amp; b">a &amp; b</option>' in whole
    table = widget_of(data_of(whole), "Tags", "table")
    assert [(row["name"], row["figures"][0]) for row in table["rows"]] == [("a & b", 1), ("vip", 1)]
    assert table["rows"][0]["query"] == "f=tags%3Ahas%3Aa+%26+b"
    page = client.get("/admin/analytics/?range=24h&tag=a+%26+b").content.decode()
    assert '<option value="a &amp; b" selected>' in page
    assert "The tag does not narrow users" in page
    data = data_of(page)
    number, models = widget_of(data, "Traces", "number"), widget_of(data, "Models", "table")
    assert (number["rows"][0]["figures"], number["query"]) == ([1, 0], "f=tags%3Ahas%3Aa+%26+b")
    assert [row["figures"][:2] for row in models["rows"]] == [[0.0015, 1]]
    # a bar of a chart: the traces of that time with the tag
    chart = widget_of(data, "Cost by model", "stacked")
    slot = next(at for at, value in enumerate(chart["series"][0]["values"]) if value)
    time = data["axes"][chart["axis"]]["slots"][slot]
    listed = client.get(
        f"{chart['list']}?{time}&{chart['query']}&{chart['series'][0]['query']}"
    ).content.decode()
    assert "Special" in listed
    assert "Plain" not in listed
    # one that nobody has, and what no address should hold
    for tag in ("nobody", "%00", "x" * 900):
        page = client.get(f"/admin/analytics/?tag={tag}")
        assert page.status_code == 200


def test_the_page_without_tags_offers_none_and_reads_no_more(console, viewer, workspace):
    make_trace(workspace)
    roll()
    assert 'name="tag"' not in console(viewer).get("/admin/analytics/?range=24h").content.decode()


def test_a_widget_is_filtered_and_told_apart_by_tag(console, editor, workspace):
    make_trace(workspace, TAGS='["vip", "beta"]')
    make_trace(workspace, TAGS='["vip"]')
    make_trace(workspace)
    roll()
    client = console(editor)
    url = client.post("/admin/dashboards/", {"action": "create", "name": "Tags"})["Location"].partition("?")[
        0
    ]
    form = {
        "title": "By tag", "chart": "bar", "view": "traces", "metrics": ["count"], "dimension": "tag", "limit": 5,
        "width": 6, "height": 2, "filters_field": [""], "filters_operator": ["is"], "filters_value": [""],
    }  # fmt: skip
    assert client.post(f"{url}widgets/add/", form).status_code == 302
    real = {
        "title": "Others", "chart": "number", "dimension": "", "filters_field": ["tag"], "filters_operator": ["not"],
        "filters_value": ["beta"],
    }  # fmt: skip
    assert client.post(f"{url}widgets/add/", {**form, **real}).status_code == 302
    refused = client.post(f"{url}widgets/add/", {**form, **real, "filters_operator": ["contains"]})
    assert (refused.status_code, "one tag" in refused.content.decode()) == (422, True)
    split, number = data_of(client.get(f"{url}?range=24h").content.decode())["widgets"]
    assert [(row["name"], row["figures"]) for row in split["rows"]] == [("vip", [2]), ("beta", [1])]
    assert split["rows"][1]["query"] == "f=tags%3Ahas%3Abeta"
    assert (number["rows"][0]["figures"], number["query"]) == ([2], "f=tags%3Alacks%3Abeta")
    split, number = data_of(client.get(f"{url}?range=24h&tag=beta").content.decode())["widgets"]
    assert [row["name"] for row in split["rows"]] == ["beta"]
    assert number["rows"][0]["figures"] == [2]


def test_the_api_answers_by_tag(api, viewer, workspace):
    make_trace(workspace, TAGS='["vip", "beta"]')
    make_trace(workspace)
    roll()
    client = api(viewer)
    split = client.get("/api/v1/metrics/", {"metric": ["count", "cost"], "dimension": "tag"}).json()
    assert [(item["value"], item["totals"]) for item in split["series"]] == [
        (tag, {"count": 1, "cost": 0.0015}) for tag in ("beta", "vip")
    ]
    query = {
        "view": "observations",
        "metric": "ttft_p99",
        "dimension": "model",
        "filter": "tag:is:vip",
        "step": "hour",
    }
    [series] = client.get("/api/v1/metrics/", query).json()["series"]
    assert (series["value"], len([value for value in series["points"]["ttft_p99"] if value])) == (
        "small-1",
        1,
    )
    long = {"filter": "tag:is:vip", "start": "0001-01-02T00:00:00Z", "step": "minute"}
    assert client.get("/api/v1/metrics/", long).json()["series"][0]["totals"] == {"count": 1}
    for filters in (["tag:in:a,b"], ["tag:is:a", "tag:is:b"], ["tag:has:a"]):
        refused = client.get("/api/v1/metrics/", {"filter": filters})
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_metric_query")


def test_an_alert_watches_one_tag(workspace):
    make_trace(workspace, TAGS='["vip"]', failed=True)
    make_trace(workspace)
    roll()
    values = AlertValues("Failing", "error_rate", 0.6, filters=(MetricFilter("tag", "is", "vip"),))
    alert = create_alert(actor=SYSTEM, workspace=workspace, values=values)
    now = timezone.now() + timedelta(minutes=1)
    assert read_figure(alert, now, now) == 1.0
    assert "Tag is vip" in condition(alert)
    several = (MetricFilter("tag", "in", "a, b"),)
    with pytest.raises(InvalidMetricQuery):
        create_alert(actor=SYSTEM, workspace=workspace, values=replace(values, name="Two", filters=several))
