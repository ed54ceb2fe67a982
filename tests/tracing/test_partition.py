"""Partitions: made ahead, used by every query, dropped by retention."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, models

from apps.core.jobs import periodic_tasks
from apps.tracing import selectors
from apps.tracing.models import Observation, ObservationPayload, Trace
from apps.tracing.services import retention
from apps.tracing.writer import partitions
from tests.factories.tracing import make_row, make_span, make_trace, new_trace_id, store

pytestmark = pytest.mark.django_db


def today():
    return datetime.now(UTC).date()


def scanned(queryset):
    """Tables that a query reads."""
    found = set(re.findall(r"(?:on|using \w+ on) (tracing_observation\w*)", queryset.explain()))
    # a bitmap of an index is scanned as well
    return {name for name in found if not name.endswith("_idx")}


def test_the_coming_week_has_its_partitions():
    with connection.cursor() as cursor:
        days = partitions.existing_days(cursor)
        # a run may begin before midnight and come here after it
        cursor.execute(
            "SELECT applied FROM django_migrations WHERE app = 'tracing' AND name = '0002_span_tables'"
        )
        made = cursor.fetchone()[0].astimezone(UTC).date()
    assert {made + timedelta(days=offset) for offset in range(-1, 8)} <= days


def test_the_periodic_job_makes_days_ahead_once():
    ahead = today() + timedelta(days=30)
    made = retention.keep_partitions(today=ahead)
    assert ahead in made
    assert retention.keep_partitions(today=ahead) == []
    assert periodic_tasks["tracing.keep_partitions"].seconds == 3600


def test_the_observations_of_a_trace_are_read_from_its_own_day(workspace):
    store(*(make_row(workspace, make_span(ago_s=86400 * days)) for days in range(1, 6)))
    trace = make_trace(workspace, ago_s=86400 * 3)
    day = trace.start_time.astimezone(UTC).date()
    assert scanned(Observation.objects.of_trace(trace)) == {
        partitions.partition_name("tracing_observation", day)
    }
    observation = selectors.find_observation(trace, f"{1:016x}")
    payload = ObservationPayload.objects.of(observation)
    assert scanned(payload) == {partitions.partition_name("tracing_observationpayload", day)}


def test_a_day_that_waited_in_the_default_partition_moves_to_its_own(workspace):
    row = make_row(workspace)
    day = today() + timedelta(days=40)
    row.start_time = row.end_time = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO tracing_observation "
            "SELECT * FROM jsonb_populate_record(NULL::tracing_observation, %s::jsonb)",
            [_as_json(workspace, row)],
        )
        assert partitions.ensure(cursor, [day]) == [day]
        cursor.execute(f"SELECT count(*) FROM {partitions.partition_name('tracing_observation', day)}")
        assert cursor.fetchone() == (1,)


def _as_json(workspace, row):
    texts = dict.fromkeys(
        [field.name for field in Observation._meta.fields if isinstance(field, models.TextField)], ""
    )
    values = {
        "workspace_id": str(workspace.pk),
        "trace_id": row.trace_id,
        "span_id": 1,
        "tags": [],
    }
    times = {name: row.start_time.isoformat() for name in ("start_time", "end_time", "received_at")}
    return json.dumps({**texts, **values, **times, "name": "n", "status": "ok"})


def test_retention_drops_whole_days(workspace):
    old, kept = make_trace(workspace, ago_s=86400 * 300), make_trace(workspace, ago_s=86400)
    dropped = retention.drop_expired(days=250)
    assert old.start_time.astimezone(UTC).date() in dropped
    assert not Trace.objects.filter(pk=old.pk).exists()
    assert not Observation.objects.filter(workspace=workspace, trace_id=old.trace_id).exists()
    assert Observation.objects.filter(workspace=workspace, trace_id=kept.trace_id).count() == 3


def test_without_a_retention_everything_is_kept(workspace, settings):
    settings.TRACE_RETENTION_DAYS = 0
    trace = make_trace(workspace, ago_s=86400 * 30)
    assert retention.drop_expired() == []
    assert Trace.objects.filter(pk=trace.pk).exists()


def test_a_trace_over_midnight_is_read_whole(workspace):
    trace_id = new_trace_id()
    midnight = datetime(*(today() - timedelta(days=2)).timetuple()[:3], tzinfo=UTC)
    base = int(midnight.timestamp() * 1e9)
    store(
        make_row(workspace, make_span(trace_id, number=1, base_ns=base - 5 * 10**9, length_s=10)),
        make_row(workspace, make_span(trace_id, number=2, parent=1, base_ns=base + 2 * 10**9)),
    )
    trace = Trace.objects.get(workspace=workspace, trace_id=trace_id)
    assert Observation.objects.of_trace(trace).count() == 2
