"""Which observations have a search index, and the slices of a day that runs."""

from copy import copy
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from apps.tracing import terms
from apps.tracing.explorer import OBSERVATIONS, Condition, Search, read_page, steps
from apps.tracing.models import Observation
from apps.tracing.services import sealing
from apps.tracing.writer.coverage import Coverage, Slice, read_coverage
from tests.factories.tracing import make_trace

DAY = date(2026, 3, 10)


def at(hour, minute=0, day=10):
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


def test_a_slice_is_known_by_the_name_of_its_index():
    for one in (Slice(at(9, 30), at(14, 5)), Slice(at(0), at(0, day=11))):
        assert Slice.named(DAY, one.name) == one
    assert Slice(at(0), at(0, day=11)).name == "tracing_observation_p20260310_search_0000_2400"
    assert Slice.named(DAY, "tracing_observation_p20260310_search") is None


def test_a_stretch_is_cut_where_an_index_ends():
    coverage = Coverage({DAY: (Slice(at(0), at(9)), Slice(at(9), at(11)))})
    parts = coverage.parts(at(6, day=8), at(15))
    assert [(part.start, part.end, part.indexed) for part in parts] == [
        (at(6, day=8), at(0), True),
        (at(0), at(9), True),
        (at(9), at(11), True),
        (at(11), at(15), False),
    ]


def test_what_no_index_answers_is_one_part():
    days = {DAY - timedelta(days=1): (), DAY: (), DAY + timedelta(days=1): ()}
    parts = Coverage(days).parts(at(6, day=9), at(15, day=12))
    assert [(part.start, part.end, part.indexed) for part in parts] == [
        (at(6, day=9), at(0, day=12), False),
        (at(0, day=12), at(15, day=12), True),
    ]


@given(st.data())
def test_parts_are_the_whole_stretch(data):
    minutes = st.integers(0, 3 * 1440)
    days = data.draw(st.sets(st.sampled_from([DAY + timedelta(days=n) for n in range(-1, 3)])))
    plain = {}
    for day in days:
        cuts = sorted(data.draw(st.sets(st.integers(0, 1440), max_size=4)))
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        times = [midnight + timedelta(minutes=cut) for cut in cuts]
        plain[day] = tuple(Slice(*pair) for pair in zip(times[::2], times[1::2], strict=False))
    start, end = sorted(at(0) + timedelta(minutes=data.draw(minutes)) for _ in range(2))
    parts = Coverage(plain).parts(start, end)
    edges = [part.start for part in parts] + [parts[-1].end] if parts else [start, end]
    assert edges[0] == start
    assert edges[-1] == end
    assert edges == sorted(set(edges)) or start == end
    for part in parts:
        if part.indexed:
            assert not any(
                day in plain
                and not any(one.start <= part.start and part.end <= one.end for one in plain[day])
                for day in {part.start.date()}
            )


@pytest.fixture
def small_slices(monkeypatch):
    monkeypatch.setattr(sealing, "SLICE_BYTES", 1)
    monkeypatch.setattr(sealing, "SLICE_SHARE", 0)


def later(row, number, after):
    found = copy(row)
    found.span_id, found.name, found.metadata = f"{number:016x}", "late", None
    found.start_time = found.end_time = row.start_time + after
    return found


def write_until_grown(row, after):
    """Write rows until the day's table has grown: what earlier tests have left free in it is filled first."""
    with connection.cursor() as cursor:

        def size():
            cursor.execute(f"SELECT pg_relation_size('tracing_observation_p{row.start_time:%Y%m%d}')")
            return cursor.fetchone()[0]

        began = size()
        for first in range(100, 100_000, 100):
            Observation.objects.bulk_create(
                later(row, number, after + timedelta(milliseconds=number))
                for number in range(first, first + 100)
            )
            if size() > began:
                return
    raise AssertionError("the table never grew")


@pytest.mark.django_db
def test_a_running_day_is_indexed_in_slices_as_it_grows(viewer, workspace, small_slices, monkeypatch):
    """At noon the morning gets an index; later only what has come since; and the day's own replaces them all."""
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    noon, night = midnight + timedelta(hours=12), midnight + timedelta(hours=21)
    began = (timezone.now() - midnight).total_seconds()

    def slices():
        with connection.cursor() as cursor:
            return [
                (one.start - midnight, one.end - midnight)
                for one in read_coverage(cursor).plain.get(midnight.date(), ())
            ]

    trace = make_trace(workspace, ago_s=began - 3600 * 8, name="early", metadata={"note": "far" * 100})
    row = Observation.objects.of_trace(trace).get(span_id="0000000000000001")
    sealing.seal(now=noon)
    hours = [timedelta(hours=0), timedelta(hours=11, minutes=55), timedelta(hours=20, minutes=55)]
    assert slices() == [(hours[0], hours[1])]
    sealing.seal(now=noon + timedelta(minutes=10))  # nothing has come
    assert len(slices()) == 1
    # by this connection: the index that it has built in its transaction keeps others from writing
    write_until_grown(row, timedelta(hours=5))
    sealing.seal(now=night)
    assert slices() == [(hours[0], hours[1]), (hours[1], hours[2])]
    monkeypatch.setattr(steps, "LOOKED_AT", 2)
    for text in ("name:is:early", "metadata.note:contains:ARFAR"):
        condition = Condition.parse(text, OBSERVATIONS.fields)
        search = Search(OBSERVATIONS, start=midnight, end=night, conditions=(condition,))
        found = read_page(search, user=viewer, workspace=workspace)
        assert [row.name for row in found.rows] == ["early"], text
    assert midnight.date() in sealing.seal(now=midnight + timedelta(days=1, hours=1))
    assert slices() == []


@pytest.mark.django_db
def test_a_search_in_a_slice_goes_by_its_index(workspace, small_slices):
    # a day that no other test writes to: an index that is built beside rows just changed is not used at once
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=5)
    trace = make_trace(workspace)
    row = Observation.objects.of_trace(trace).get(span_id="0000000000000001")
    after = midnight + timedelta(hours=1) - row.start_time
    Observation.objects.bulk_create(
        later(row, number, after + timedelta(seconds=number)) for number in range(100, 500)
    )
    noon = midnight + timedelta(hours=12)
    sealing.seal(now=noon)
    found = Observation.objects.in_workspace(workspace).filter(
        terms.OBSERVATIONS.has_value(workspace.pk, "name", ["nothing"]),
        start_time__gte=midnight,
        start_time__lt=noon - timedelta(hours=1),
    )
    sql, params = found.query.sql_with_params()
    with connection.cursor() as cursor, steps.without("indexscan", "seqscan"):
        cursor.execute(f"ANALYZE tracing_observation_p{midnight:%Y%m%d}")
        cursor.execute(f"EXPLAIN {sql}", params)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert Slice(midnight, noon - sealing.LAG).name in plan, plan


@pytest.mark.django_db
def test_buckets_on_a_side_of_a_figure_hold_all_that_is_there(workspace):
    """Whatever two figures are: where one is more, less or the same, its numbers are among the other's."""
    sample = [
        -3.0, 0.0, 1e-12, 0.0004, 0.0031, 0.9999, 1.0, 1.1, 7.99, 8.0, 8.01, 255.0, 256.0, 257.5, 3990.0, 9000.0,
        90000.4, 1e6, 2.0**31, 2.0**40, 2.0**40 + 1, 1e14,
    ]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT a, b, direction, "
            "ARRAY[tracing_figure(%s, 1, tracing_bucket(a)), tracing_octave(%s, 1, tracing_bucket(a))] "
            "&& tracing_figures(%s, 1, b, direction) "
            "FROM unnest(%s::float8[]) a, unnest(%s::float8[]) b, generate_series(-1, 1) direction",
            [workspace.pk, workspace.pk, workspace.pk, sample, sample],
        )
        for figure, limit, direction, found in cursor.fetchall():
            holds = {-1: figure <= limit, 0: figure == limit, 1: figure >= limit}[direction]
            assert found or not holds, (figure, limit, direction)
            far = figure * 2 < limit if direction > 0 else figure > limit * 2
            if far and direction and min(figure, limit) > 1e-9 and max(figure, limit) < 2.0**40:
                assert not found, (figure, limit, direction)
