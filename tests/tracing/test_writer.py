"""The writer: exactly once, in any order, and no bad span spoils a batch."""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection

from apps.tracing.models import Observation, ObservationPayload, Trace
from apps.tracing.writer import SpanWriter, partitions
from tests.factories.tracing import make_row, make_span, new_trace_id, store

pytestmark = pytest.mark.django_db


def summary(workspace, trace_id):
    """The summary without what differs from run to run."""
    trace = Trace.objects.get(workspace=workspace, trace_id=trace_id)
    skipped = {"_state", "id", "workspace_id", "trace_id", "updated_at"}
    return {name: value for name, value in trace.__dict__.items() if name not in skipped}


def conversation(workspace, trace_id, base_ns):
    """Six spans: a root, two generations, a failed tool, and tags and a session on some of them."""
    common = {"trace_id": trace_id, "base_ns": base_ns}
    spans = [
        make_span(
            **common, number=1, name="agent", length_s=3, INPUT="question", OUTPUT="reply", TAGS='["b"]'
        ),
        make_span(
            **common,
            number=2,
            parent=1,
            start_s=0.2,
            MODEL="small",
            INPUT_TOKENS=10,
            OUTPUT_TOKENS=4,
            COST="0.1",
        ),
        make_span(
            **common, number=3, parent=1, start_s=0.1, MODEL="large", INPUT_TOKENS=7, COST="0.02", TAGS="a,b"
        ),
        make_span(**common, number=4, parent=3, start_s=0.4, name="tool", failed=True, SESSION_ID="s-1"),
        make_span(
            **common, number=5, parent=3, start_s=2, length_s=4, USER_ID="u-1", SOURCE_TYPE="agents.message"
        ),
        make_span(**common, number=6, parent=1, start_s=1, INPUT="x" * 5000, OUTPUT='{"a": 1}'),
    ]
    return [make_row(workspace, span) for span in spans]


def test_a_trace_sums_up_its_observations(workspace):
    trace_id = new_trace_id()
    base = time.time_ns() - 10**11
    assert store(*conversation(workspace, trace_id, base)) == 6
    trace = Trace.objects.get(workspace=workspace, trace_id=trace_id)
    assert trace.name == "agent"
    assert trace.status == "ok"
    assert trace.has_root
    assert (trace.observation_count, trace.error_count) == (6, 1)
    assert (trace.input_tokens, trace.output_tokens, trace.cost) == (17, 4, Decimal("0.12"))
    assert trace.latency_ms == pytest.approx(6000)
    assert (trace.input_preview, trace.output_preview) == ("question", "reply")
    assert trace.model_names == ["large", "small"]
    assert trace.tags == ["a", "b"]
    assert (trace.session_id, trace.user_id, trace.source_type) == ("s-1", "u-1", "agents.message")


def test_long_values_are_stored_apart_and_short_ones_once(workspace):
    trace_id = new_trace_id()
    store(*conversation(workspace, trace_id, time.time_ns() - 10**11))
    payload = ObservationPayload.objects.get(workspace=workspace, trace_id=trace_id)
    assert payload.span_id == f"{6:016x}"
    assert payload.input == "x" * 5000
    assert payload.output is None
    observation = Observation.objects.get(workspace=workspace, trace_id=trace_id, span_id=payload.span_id)
    assert len(observation.input_preview) == 200
    assert observation.output_preview == '{"a": 1}'


@pytest.mark.parametrize("seed", range(6))
def test_any_order_and_any_batches_give_the_same_summary(workspace, seed):
    base = time.time_ns() - 10**11
    expected_id, shuffled_id = new_trace_id(), new_trace_id()
    store(*conversation(workspace, expected_id, base))
    rows = conversation(workspace, shuffled_id, base)
    rng = random.Random(seed)
    rng.shuffle(rows)
    with SpanWriter() as writer:
        while rows:
            size = rng.randint(1, 3)
            writer.write(rows[:size])
            rows = rows[size:]
    assert summary(workspace, shuffled_id) == summary(workspace, expected_id)


def test_a_batch_sent_again_changes_nothing(workspace):
    trace_id = new_trace_id()
    rows = conversation(workspace, trace_id, time.time_ns() - 10**11)
    assert store(*rows) == 6
    before = summary(workspace, trace_id)
    assert store(*rows) == 0
    assert store(*rows[2:], *rows[:4]) == 0
    assert summary(workspace, trace_id) == before
    assert Observation.objects.filter(workspace=workspace, trace_id=trace_id).count() == 6


def test_a_span_twice_in_one_batch_counts_once(workspace):
    row = make_row(workspace, MODEL="small", INPUT_TOKENS=5)
    assert store(row, row, row) == 1
    assert Trace.objects.get(workspace=workspace, trace_id=row.trace_id).input_tokens == 5


def test_writers_at_the_same_time_store_each_span_once(workspace):
    base = time.time_ns() - 10**11
    ids = [new_trace_id() for _ in range(20)]
    rows = [row for trace_id in ids for row in conversation(workspace, trace_id, base)]

    def write(seed):
        shuffled = rows[:]
        random.Random(seed).shuffle(shuffled)
        with SpanWriter() as writer:
            return sum(writer.write(shuffled[at : at + 17]).stored for at in range(0, len(shuffled), 17))

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(write, range(4))) == len(rows)
    counts = Trace.objects.filter(workspace=workspace).values_list(
        "observation_count", "input_tokens", "error_count"
    )
    assert list(counts) == [(6, 17, 1)] * 20


def test_the_first_root_names_the_trace(workspace):
    trace_id = new_trace_id()
    base = time.time_ns() - 10**11
    common = {"trace_id": trace_id, "base_ns": base}
    store(
        make_row(workspace, make_span(**common, number=2, parent=1, start_s=0.5, name="child", failed=True))
    )
    assert summary(workspace, trace_id)["name"] == "child"
    assert summary(workspace, trace_id)["status"] == "error"
    store(make_row(workspace, make_span(**common, number=9, start_s=2, name="later root")))
    assert summary(workspace, trace_id)["name"] == "later root"
    store(make_row(workspace, make_span(**common, number=1, name="root")))
    assert summary(workspace, trace_id)["name"] == "root"
    assert summary(workspace, trace_id)["status"] == "ok"
    assert summary(workspace, trace_id)["error_count"] == 1


def test_the_same_trace_id_in_two_workspaces_stays_apart(workspace, stranger):
    from apps.core.models import Workspace

    other = Workspace.objects.exclude(pk=workspace.pk).get(memberships__user=stranger)
    span = make_span(INPUT="mine")
    assert store(make_row(workspace, span), make_row(other, span)) == 2
    assert Trace.objects.filter(trace_id=span.trace_id).count() == 2


def test_a_row_the_database_refuses_is_isolated(workspace):
    rows = [make_row(workspace) for _ in range(9)]
    bad = make_row(workspace)
    bad.name = "nul \0 in the name"
    with SpanWriter() as writer:
        result = writer.write([*rows[:4], bad, *rows[4:]])
    assert result.stored == 9
    assert [row for row, _reason in result.rejected] == [bad]


def test_a_row_that_no_column_can_hold_is_isolated(workspace):
    rows = [make_row(workspace) for _ in range(5)]
    rows[1].trace_id, rows[3].input_tokens = "no hex", 2**40
    with SpanWriter() as writer:
        result = writer.write(rows)
    assert result.stored == 3
    assert {id(row) for row, _reason in result.rejected} == {id(rows[1]), id(rows[3])}


def test_batches_with_stored_rows_and_without_follow_each_other(workspace):
    """One writer: new rows, some of them again with others, new ones again; each counts once, with its payload."""
    trace_id = new_trace_id()
    rows = conversation(workspace, trace_id, time.time_ns() - 10**11)
    with SpanWriter() as writer:
        assert [writer.write(part).stored for part in (rows[:3], rows[1:5], rows[4:], rows)] == [3, 2, 1, 0]
    assert Trace.objects.get(workspace=workspace, trace_id=trace_id).observation_count == 6
    assert ObservationPayload.objects.filter(workspace=workspace, trace_id=trace_id).count() == 1


def test_a_cut_connection_is_opened_again(workspace):
    with SpanWriter() as writer:
        writer.write([make_row(workspace)])
        pid = writer._connection.info.backend_pid
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
        assert writer.write([make_row(workspace)]).stored == 1


def test_an_old_day_gets_its_partition_and_a_very_old_one_the_default(workspace):
    span = make_span(ago_s=86400 * 45)
    ancient = make_span(ago_s=86400 * 365 * 20)
    assert store(make_row(workspace, span), make_row(workspace, ancient)) == 2
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tableoid::regclass::text FROM tracing_observation "
            "WHERE workspace_id = %s ORDER BY start_time",
            [workspace.pk],
        )
        places = [row[0] for row in cursor.fetchall()]
    day = (datetime.now(UTC) - timedelta(days=45)).date()
    assert places == ["tracing_observation_default", partitions.partition_name("tracing_observation", day)]


def test_twenty_megabytes_are_stored_whole(workspace):
    text = "0123456789" * 2_000_000
    row = make_row(workspace, INPUT=text)
    store(row)
    payload = ObservationPayload.objects.get(workspace=workspace, trace_id=row.trace_id)
    assert payload.input == text
