"""Rollups: added up once, late spans included; what can be asked of them; and the page that reads them."""

import json
import re
import threading
import time
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from apps.tracing.dashboards import built_in
from apps.tracing.exceptions import InvalidMetricQuery
from apps.tracing.models import Grain, Level, Rollup, RollupProgress, Score, SessionRollup, UserRollup
from apps.tracing.rollups import MetricFilter, MetricQuery, Question, TimeRange, answer, read_metrics
from apps.tracing.rollups.histogram import LAST_SLOT, SLOT_SQL, SLOTS, quantiles, upper_bound
from apps.tracing.services import rollup
from apps.tracing.services.score import delete_score, record_score
from apps.tracing.writer.connection import connect
from tests.factories.tracing import make_row, make_span, make_trace, new_trace_id, store

pytestmark = pytest.mark.django_db

PAGE = "/admin/analytics/"


@pytest.fixture(autouse=True)
def _everything_is_settled(db, monkeypatch):
    """A test is one transaction, whose `now()` stands still: look a little ahead of it, and begin an hour before."""
    monkeypatch.setattr(rollup, "_MARGIN_S", -60)
    RollupProgress.objects.create(received_before=timezone.now() - timedelta(minutes=30))


def roll():
    """Add up all that is stored by now: a writer of an earlier test may still be at work, and is waited for."""
    moment = timezone.now()
    for _ in range(200):
        with connection.cursor() as cursor:
            # a test is one transaction, within which PostgreSQL shows the same activity again and again
            cursor.execute("SELECT pg_stat_clear_snapshot()")
        rollup.roll_up()
        if RollupProgress.objects.get().received_before >= moment:
            return
        time.sleep(0.02)
    raise AssertionError("what was stored did not settle")


def counts(workspace, grain=Grain.HOUR, level=Level.FULL):
    found = {}
    for row in Rollup.objects.filter(workspace=workspace, grain=grain, level=level):
        key = (row.type, row.model, row.name, row.owner)
        found[key] = found.get(key, 0) + row.count
    return found


def ask(workspace, view, *metrics, by="", filters=(), span=timedelta(hours=1), limit=10):
    """The metrics of a range up to now as {value: [figures]}."""
    now = timezone.now() + timedelta(minutes=1)
    query = MetricQuery(view, metrics, by, tuple(map(MetricFilter.parse, filters)), limit).check()
    found = answer([Question(query, TimeRange.of(now - span, now, now=now))], workspace)[0]
    return {item.value: [item.sums.value(metric) for metric in metrics] for item in found.series}


def test_observations_are_added_up_by_kind_at_every_grain(workspace):
    make_trace(workspace, USER_ID="ada", SESSION_ID="s1")
    make_trace(workspace, USER_ID="ada", failed=True)
    roll()
    whose = ("answer", "agent")
    expected = {
        ("agent", "", *whose): 2, ("retriever", "", *whose): 2, ("generation", "small-1", *whose): 2,
    }  # fmt: skip
    assert counts(workspace) == counts(workspace, Grain.MINUTE) == counts(workspace, Grain.DAY) == expected
    coarse = {(kind, model, "", ""): number for (kind, model, *_rest), number in expected.items()}
    assert counts(workspace, level=Level.BASE) == counts(workspace, Grain.QUARTER, Level.BASE) == coarse
    calls = Rollup.objects.get(workspace=workspace, grain=Grain.DAY, level=Level.FULL, model="small-1")
    assert (calls.input_tokens, calls.cost, calls.root) == (240, Decimal("0.003"), False)
    assert len(calls.latency) == len(calls.ttft) == SLOTS
    slot = calls.ttft.index(2)
    assert upper_bound(slot - 1) < 200 <= upper_bound(slot)
    # the user is the trace's: its other steps don't name one
    person = UserRollup.objects.get(workspace=workspace, grain=Grain.DAY)
    assert (person.user_id, person.traces, person.errors, person.tokens) == ("ada", 2, 1, 300)
    session = SessionRollup.objects.get(workspace=workspace, grain=Grain.DAY)
    assert (session.session_id, session.traces, session.cost) == ("s1", 1, Decimal("0.0015"))


def test_nothing_is_counted_twice_and_late_spans_join_their_hour(workspace, monkeypatch):
    monkeypatch.setattr(rollup, "KEPT_MINUTES", timedelta(hours=1))
    make_trace(workspace)
    roll()
    before = counts(workspace)
    roll()
    assert counts(workspace) == before
    RollupProgress.objects.update(received_before=timezone.now())
    store(make_row(workspace, make_span(name="late", ago_s=3 * 3600, OBSERVATION_TYPE="tool")))
    roll()
    late = ("tool", "", "late", "")
    assert counts(workspace) == {**before, late: 1}
    assert late not in counts(workspace, Grain.MINUTE)
    row = Rollup.objects.get(workspace=workspace, grain=Grain.HOUR, level=Level.FULL, type="tool")
    assert timezone.now() - row.bucket > timedelta(hours=2)


def test_rows_of_an_hour_go_on_being_added_to(workspace):
    """The second half of an hour is merged into its row, histograms included."""
    base = int((timezone.now() - timedelta(hours=2)).replace(minute=5).timestamp() * 1e9)
    for length in (1, 4, 4):
        store(
            make_row(workspace, make_span(base_ns=base, name="step", length_s=length, TTFT_MS=length * 100))
        )
        roll()
        RollupProgress.objects.update(received_before=timezone.now())
    row = Rollup.objects.get(workspace=workspace, grain=Grain.HOUR, level=Level.FULL)
    assert (row.count, sum(row.latency), sum(row.ttft)) == (3, 3, 3)
    assert max(row.latency) == max(row.ttft) == 2


def test_what_an_open_writer_will_commit_is_waited_for(workspace):
    with connect() as writer, writer.transaction():
        writer.execute("SELECT now()")
        began = writer.execute(
            "SELECT xact_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"
        ).fetchone()[0]
        rollup.roll_up()
        assert RollupProgress.objects.get().received_before <= began


@pytest.mark.django_db(transaction=True)
def test_two_processes_do_not_add_up_the_same(workspace):
    make_trace(workspace)
    threads = [threading.Thread(target=_roll_and_close) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    roll()
    assert sum(counts(workspace).values()) == 3


def _roll_and_close():
    try:
        rollup.roll_up()
    finally:
        connection.close()


def test_fine_rows_are_dropped_and_days_kept(workspace):
    make_trace(workspace)
    roll()
    rollup.drop_old(now=timezone.now() + timedelta(days=200))
    grains = set(Rollup.objects.filter(workspace=workspace).values_list("grain", flat=True))
    assert grains == {Grain.DAY}


@given(st.lists(st.floats(0.01, 1e6), min_size=1, max_size=200))
def test_quantiles_are_near_the_true_ones(values):
    slots = [0] * SLOTS
    for value in values:
        slots[next(slot for slot in range(SLOTS) if value <= upper_bound(slot))] += 1
    ordered = sorted(values)
    for share, found in zip((0.5, 0.95), quantiles(slots, (0.5, 0.95)), strict=True):
        true = ordered[max(-(-len(ordered) * int(share * 100) // 100) - 1, 0)]
        assert true / 1.2 - 1 <= found <= max(true * 1.2, 1)
    assert quantiles([], (0.5,)) == [None]


def test_the_database_puts_a_duration_into_the_same_slot():
    for ms in (0, 0.5, 1, 1.01, 2, 1000, 123456.7, 1e12):
        with connection.cursor() as cursor:
            cursor.execute("SELECT " + SLOT_SQL % {"ms": f"({ms})::double precision"})
            slot = cursor.fetchone()[0]
        assert slot == LAST_SLOT or (
            ms <= upper_bound(slot) * 1.000001 and (not slot or ms > upper_bound(slot - 1))
        )


@given(
    hours=st.floats(0.1, 24 * 800), ago=st.floats(0, 24 * 400), step=st.none() | st.floats(1, 60 * 24 * 40)
)
def test_a_range_has_a_bounded_number_of_whole_points(hours, ago, step):
    now = timezone.now()
    end = now - timedelta(hours=ago)
    length = None if step is None else timedelta(minutes=int(step))
    span = TimeRange.of(end - timedelta(hours=hours), end, now=now, step=length)
    times = span.times()
    assert 1 <= len(times) <= (75 if step is None else 1_001)
    assert times[0] <= end - timedelta(hours=hours) <= times[0] + span.step
    assert times[-1] < end <= times[-1] + span.step
    assert span.step % timedelta(minutes=span.grain) == timedelta(0)
    for kind in (span.coarse(), span.whole(), span.coarse().whole()):
        assert kind.first <= times[0]
        assert (kind.step or timedelta(days=1)) % timedelta(minutes=kind.grain) == timedelta(0)


def test_traces_and_steps_are_told_apart(workspace):
    make_trace(workspace, name="Support", ENVIRONMENT="live", USER_ID="ada")
    make_trace(workspace, name="Support", failed=True)
    make_trace(workspace, name="Sales")
    roll()
    assert ask(workspace, "traces", "count", "errors", "succeeded", "error_rate", "total_tokens", "cost") == {
        "": [3, 1, 2, pytest.approx(1 / 3), 450, 0.0045]
    }
    assert ask(workspace, "observations", "count", "errors") == {"": [9, 1]}
    assert ask(workspace, "traces", "count", "cost", by="name") == {
        "Support": [2, 0.003], "Sales": [1, 0.0015],
    }  # fmt: skip
    assert ask(workspace, "traces", "count", by="agent", filters=["environment:is:live"]) == {"Support": [1]}
    # figures of root steps and of all steps are read apart, and belong together
    whole = ask(workspace, "traces", "count", "latency_p50", "cost", "total_tokens", by="name")
    assert [(value, row[0], row[2:]) for value, row in whole.items()] == [
        ("Support", 2, [0.003, 300]), ("Sales", 1, [0.0015, 150]),
    ]  # fmt: skip
    assert 1600 < whole["Sales"][1] <= 2100
    assert ask(workspace, "traces", "count", by="workflow") == {}
    assert ask(workspace, "observations", "count", by="type", filters=["agent:is:Sales", "type:not:agent"]) == {
        "generation": [1], "retriever": [1],
    }  # fmt: skip
    # those beyond the limit are one series without a name
    assert ask(workspace, "traces", "count", by="name", limit=1) == {"Support": [2], "": [1]}
    assert ask(workspace, "traces", "count", by="user") == {"ada": [1]}
    [p50] = ask(workspace, "traces", "latency_p50")[""]
    assert 1600 < p50 <= 2100
    [first] = ask(workspace, "observations", "ttft_p95", filters=["type:in:generation, tool"])[""]
    assert 160 < first <= 240
    for span in (timedelta(days=1), timedelta(days=3), timedelta(days=30), timedelta(days=300)):
        assert ask(workspace, "traces", "count", by="name", span=span) == {"Support": [2], "Sales": [1]}
        assert ask(workspace, "traces", "count", by="user", span=span) == {"ada": [1]}


def test_prompt_versions_and_sources_are_dimensions(workspace):
    prompt = {"PROMPT_NAME": "greeting", "OBSERVATION_TYPE": "generation"}
    trace_id = new_trace_id()
    store(
        make_row(
            workspace,
            make_span(trace_id, name="chat", SOURCE_TYPE="workflows.run", OBSERVATION_TYPE="workflow"),
        ),
        make_row(workspace, make_span(trace_id, number=2, parent=1, PROMPT_VERSION="3", **prompt)),
        make_row(workspace, make_span(trace_id, number=3, parent=1, PROMPT_VERSION="4", **prompt)),
        make_row(
            workspace, make_span(trace_id, number=4, parent=1, PROMPT_VERSION="4", failed=True, **prompt)
        ),
    )
    roll()
    assert ask(workspace, "observations", "count", "errors", by="prompt_version") == {
        "greeting@4": [2, 1], "greeting@3": [1, 0],
    }  # fmt: skip
    assert ask(workspace, "observations", "count", by="prompt", filters=["prompt_version:is:greeting@3"]) == {
        "greeting": [1]
    }
    assert ask(workspace, "observations", "count", by="workflow", filters=["prompt:contains:EET"]) == {
        "chat": [3]
    }


def test_scores_follow_what_becomes_of_them(workspace, system):
    trace = make_trace(workspace, name="Support", ENVIRONMENT="live", SOURCE_TYPE="agents.message")

    def score(name="quality", ref="a", **value):
        return record_score(
            actor=system,
            workspace=workspace,
            trace_id=trace.trace_id,
            name=name,
            source="api",
            author_ref=ref,
            **value,
        )

    first = score(data_type="numeric", value=0.5)
    score(data_type="numeric", value=1.0, ref="b")
    for ref, tone in (("a", "kind"), ("b", "kind"), ("c", "rude")):
        score(name="tone", data_type="categorical", string_value=tone, ref=ref)
    score(name="done", data_type="boolean", value=1)
    roll()
    means = ask(workspace, "scores", "mean", "count", by="score")
    assert means == {"tone": [None, 3], "quality": [0.75, 2], "done": [1.0, 1]}
    tone = {"filters": ["score:is:tone"]}
    shares = ask(workspace, "scores", "share", by="category", **tone)
    assert shares == {"kind": [pytest.approx(2 / 3)], "rude": [pytest.approx(1 / 3)]}
    assert ask(workspace, "scores", "share", filters=["score:is:tone", "category:is:rude"]) == {
        "": [pytest.approx(1 / 3)]
    }
    assert ask(workspace, "scores", "count", by="agent", filters=["environment:is:live"])["Support"] == [6]
    score(data_type="numeric", value=0.0, ref="b")
    delete_score(actor=system, score=first)
    roll()
    for span in (timedelta(hours=1), timedelta(days=1), timedelta(days=3), timedelta(days=30)):
        assert ask(workspace, "scores", "mean", filters=["score:is:quality"], span=span) == {"": [0.0]}
    # whoever deletes them, and however many at once
    Score.objects.filter(workspace=workspace).delete()
    roll()
    assert ask(workspace, "scores", "count") == {"": [0]}


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (MetricQuery("runs", ("count",)), "traces, observations"),
        (MetricQuery("traces", ()), "1 to"),
        (MetricQuery("traces", ("count", "count")), "different"),
        (MetricQuery("traces", ("mean",)), "no metric"),
        (MetricQuery("scores", ("cost",)), "no metric"),
        (MetricQuery("observations", ("count",), "user"), "no dimension"),
        (MetricQuery("traces", ("latency_p50",), "user"), "Of users"),
        (MetricQuery("traces", ("count",), "user", (MetricFilter("model", "is", "x"),)), "combined"),
        (MetricQuery("traces", ("count",), "", (MetricFilter("model", "like", "x"),)), "comparison"),
        (MetricQuery("traces", ("count",), "", (MetricFilter("model", "is", "\0"),)), "needs a value"),
        (MetricQuery("traces", ("count",), limit=0), "limit"),
    ],
)
def test_what_can_not_be_answered_is_refused_with_a_sentence(query, words):
    with pytest.raises(InvalidMetricQuery, match=words):
        query.check()


def test_strangers_read_nothing(stranger, workspace):
    question = Question(
        MetricQuery("traces", ("count",)), TimeRange.exact(*[timezone.now()] * 2, now=timezone.now())
    )
    assert read_metrics([question], user=stranger, workspace=workspace) is None


def data_of(html):
    return json.loads(re.search(r'id="board-data" type="application/json">(.*?)</script>', html)[1])


def test_the_page_shows_figures_and_leads_to_the_lists(console, viewer, workspace):
    make_trace(workspace, name="Reply & more", USER_ID="ada", ENVIRONMENT="live")
    roll()
    client = console(viewer)
    data = data_of(client.get(f"{PAGE}?range=24h").content.decode())
    number, table = data["widgets"][0], data["widgets"][-3]
    assert number["rows"][0]["figures"] == [1, 0]
    assert (table["rows"][0]["name"], table["rows"][0]["query"]) == ("ada", "f=user_id%3Ais%3Aada")
    chart = next(widget for widget in data["widgets"] if widget["chart"] == "stacked")
    assert sum(chart["series"][0]["values"]) == 1
    slot = chart["series"][0]["values"].index(1)
    address = f"{chart['list']}?{data['axes'][chart['axis']]['slots'][slot]}"
    assert "Reply &amp; more" in client.get(address).content.decode()
    assert "Reply &amp; more" not in client.get(f"{address}&{chart['series'][1]['query']}").content.decode()
    for query in (
        "range=custom&start=2030-01-01T00:00",
        "range=custom",
        "range=custom&end=2020-01-01",
        "range=custom&start=0001-01-01T00:00",
        "range=custom&start=0001-01-01T00:00&end=0001-01-02T00:00",
        "range=custom&start=2026-01-01T00:00&end=9999-12-31T23:59",
        "range=x",
    ):
        assert client.get(f"{PAGE}?{query}&environment=live%00").status_code == 200


def test_the_page_reads_only_rollups_and_each_shape_once(console, viewer, workspace):
    make_trace(workspace)
    roll()
    client = console(viewer)
    client.get(PAGE)
    with CaptureQueriesContext(connection) as captured:
        client.get(PAGE)
    sql = "\n".join(query["sql"] for query in captured)
    assert not re.search(r'(FROM|JOIN) "?tracing_(trace|observation|score)\b', sql)
    figures = [
        query for query in captured if re.search(r"FROM tracing_\w+rollup|FROM tracing_rollup", query["sql"])
    ]
    assert (len(figures), len(built_in().widgets)) == (14, 24)
    assert len(captured) <= 30


def test_figures_come_by_the_key_of_the_rollups(workspace):
    question = Question(
        MetricQuery("traces", ("count",)), TimeRange.exact(*[timezone.now()] * 2, now=timezone.now())
    )
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        from apps.tracing.rollups.statement import build

        statement = build(question, frozenset({"count"}), workspace.pk)
        cursor.execute("EXPLAIN " + statement.sql, statement.params)
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert re.search(r"Index Scan.*tracing_rollup_pkey", plan)
    condition = re.search(r"Index Cond: (.*)", plan)[1]
    assert all(name in condition for name in ("level", "grain", "root", "bucket"))
