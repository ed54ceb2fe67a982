"""Rollups: added up once, late spans included; and the page that reads them."""

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

from apps.tracing.models import Grain, Measure, Rollup, RollupProgress, UserRollup
from apps.tracing.rollups import DashboardFilter, quantiles, read_dashboard
from apps.tracing.rollups.histogram import LAST_SLOT, SLOT_SQL, upper_bound
from apps.tracing.services import rollup
from apps.tracing.services.score import record_score
from apps.tracing.writer.connection import connect
from tests.factories.tracing import make_row, make_span, make_trace, store

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


def counts(workspace, grain=Grain.HOUR):
    rows = Rollup.objects.filter(workspace=workspace, grain=grain, measure=Measure.LATENCY)
    found = {}
    for row in rows:
        key = (row.type, row.model, row.name)
        found[key] = found.get(key, 0) + row.count
    return found


def test_observations_are_added_up_by_kind_at_every_grain(workspace):
    make_trace(workspace, USER_ID="ada")
    make_trace(workspace, USER_ID="ada", failed=True)
    roll()
    expected = {("agent", "", "answer"): 2, ("retriever", "", ""): 2, ("generation", "small-1", ""): 2}
    assert counts(workspace) == counts(workspace, Grain.MINUTE) == counts(workspace, Grain.DAY) == expected
    calls = Rollup.objects.filter(
        workspace=workspace, grain=Grain.DAY, measure=Measure.LATENCY, model="small-1"
    )
    assert sum(row.input_tokens for row in calls) == 240
    assert sum(row.cost for row in calls) == Decimal("0.003")
    first = Rollup.objects.get(workspace=workspace, grain=Grain.DAY, measure=Measure.TTFT)
    assert (first.count, first.errors) == (2, 0)
    assert upper_bound(first.slot - 1) < 200 <= upper_bound(first.slot)
    person = UserRollup.objects.get(workspace=workspace, grain=Grain.DAY)
    assert (person.user_id, person.traces, person.errors) == ("ada", 2, 1)


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
    assert counts(workspace) == {**before, ("tool", "", "late"): 1}
    assert ("tool", "", "late") not in counts(workspace, Grain.MINUTE)
    late = Rollup.objects.get(workspace=workspace, grain=Grain.HOUR, type="tool")
    assert timezone.now() - late.bucket > timedelta(hours=2)


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
    slots = {}
    with_bounds = [
        next(slot for slot in range(LAST_SLOT + 1) if value <= upper_bound(slot)) for value in values
    ]
    for slot in with_bounds:
        slots[slot] = slots.get(slot, 0) + 1
    ordered = sorted(values)
    for share, found in zip((0.5, 0.95), quantiles(slots, (0.5, 0.95)), strict=True):
        true = ordered[max(-(-len(ordered) * int(share * 100) // 100) - 1, 0)]
        assert true / 1.2 - 1 <= found <= max(true * 1.2, 1)
    assert quantiles({}, (0.5,)) == [None]


@pytest.mark.parametrize("ms", [0, 0.5, 1, 1.01, 2, 1000, 123456.7, 1e12])
def test_the_database_puts_a_duration_into_the_same_slot(ms):
    with connection.cursor() as cursor:
        cursor.execute("SELECT " + SLOT_SQL % {"ms": f"({ms})::double precision"})
        slot = cursor.fetchone()[0]
    assert slot == LAST_SLOT or (
        ms <= upper_bound(slot) * 1.000001 and (not slot or ms > upper_bound(slot - 1))
    )


@pytest.mark.parametrize("hours", [1, 6, 24, 24 * 7, 24 * 30, 24 * 365])
def test_a_chart_has_a_bounded_number_of_points(hours):
    now = timezone.now()
    filters = DashboardFilter(now - timedelta(hours=hours), now)
    assert 5 <= len(filters.times()) <= 75
    assert filters.times()[0] <= filters.start
    assert filters.times()[-1] <= filters.end


def test_the_dashboard_sums_what_the_rollups_hold(viewer, stranger, workspace, system):
    trace = make_trace(workspace, ENVIRONMENT="live", USER_ID="ada")
    make_trace(workspace, failed=True)
    record_score(
        actor=system, workspace=workspace, trace_id=trace.trace_id, name="quality", data_type="numeric", value=0.5,
        source="api",
    )  # fmt: skip
    roll()
    now = timezone.now() + timedelta(minutes=1)
    for span in (timedelta(hours=1), timedelta(days=2), timedelta(days=30)):
        board = read_dashboard(DashboardFilter(now - span, now), user=viewer, workspace=workspace)
        assert (board.traces.count, board.traces.errors, board.calls.count) == (2, 1, 2)
        assert sum(point.traces.count for point in board.points) == 2
        assert [group.value for group in board.models] == ["small-1"]
        assert 1600 < board.traces.percentiles()[0] <= 2100
        assert [(score.name, score.mean) for score in board.scores] == [("quality", 0.5)]
        assert board.environments == ["live"]
    live = read_dashboard(
        DashboardFilter(now - timedelta(days=1), now, "live"), user=viewer, workspace=workspace
    )
    assert live.traces.count == 1
    assert [person.user_id for person in live.users] == ["ada"]
    assert read_dashboard(DashboardFilter(now, now), user=stranger, workspace=workspace) is None


def test_the_page_shows_figures_and_leads_to_the_lists(console, viewer, workspace):
    make_trace(workspace, name="Reply & more", USER_ID="ada", ENVIRONMENT="live")
    roll()
    client = console(viewer)
    html = client.get(f"{PAGE}?range=24h").content.decode()
    data = json.loads(re.search(r'id="analytics-data" type="application/json">(.*?)</script>', html)[1])
    assert [chart["unit"] for chart in data["charts"]][:3] == ["count", "duration", "cost"]
    assert sum(data["charts"][0]["series"][0]["values"]) == 1
    assert "Reply &amp; more" in html
    link = next(
        link for link, n in zip(data["links"], data["charts"][0]["series"][0]["values"], strict=True) if n
    )
    assert "Reply &amp; more" in client.get(link).content.decode()
    assert "f=user_id%3Ais%3Aada" in html
    for query in (
        "range=custom&start=2030-01-01T00:00",
        "range=custom",
        "range=custom&end=2020-01-01",
        "range=x",
    ):
        assert client.get(f"{PAGE}?{query}&environment=live%00").status_code == 200


def test_the_page_reads_only_rollups(console, viewer, workspace):
    make_trace(workspace)
    roll()
    client = console(viewer)
    client.get(PAGE)
    with CaptureQueriesContext(connection) as captured:
        client.get(PAGE)
    sql = "\n".join(query["sql"] for query in captured)
    assert not re.search(r'(FROM|JOIN) "?tracing_(trace|observation)\b', sql)
    assert len(captured) <= 18


def test_figures_come_by_the_key_of_the_rollups(workspace):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            "EXPLAIN SELECT slot, sum(count) FROM tracing_rollup WHERE workspace_id = %s AND grain = 60 "
            "AND bucket >= now() - interval '1 day' GROUP BY slot",
            [workspace.pk],
        )
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "tracing_rollup_pkey" in plan
    assert "grain = 60" in plan
