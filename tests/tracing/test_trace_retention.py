"""Retention of a workspace: who sets it, and what goes when its time is over."""

from datetime import timedelta

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from apps.core.actors import Actor
from apps.core.exceptions import NotAllowed
from apps.core.models import AuditEntry
from apps.tracing.exceptions import InvalidRetention
from apps.tracing.models import (
    Comment,
    Observation,
    ObservationPayload,
    Score,
    ScoreChange,
    Trace,
    TraceRetention,
)
from apps.tracing.services.comment import add_comment
from apps.tracing.services.score import record_score
from apps.tracing.services.trace_retention import change_trace_retention, expire_traces, expired
from tests.factories.core import SYSTEM, make_workspace
from tests.factories.tracing import make_row, make_span, make_trace, new_trace_id, store

pytestmark = pytest.mark.django_db

DAY = 86400


@pytest.fixture
def kept_ten_days(workspace):
    """The workspace keeps its traces for ten days."""
    change_trace_retention(actor=SYSTEM, workspace=workspace, days=10)
    return workspace


def stored(workspace):
    """Names of the traces of a workspace."""
    return set(Trace.objects.in_workspace(workspace).values_list("name", flat=True))


def test_old_traces_go_with_all_they_hold_and_others_stay(kept_ten_days):
    workspace, other = kept_ten_days, make_workspace("Other")
    old = make_trace(workspace, name="old", ago_s=11 * DAY, INPUT="long " * 100)
    make_trace(workspace, name="young", ago_s=9 * DAY)
    make_trace(other, name="elsewhere", ago_s=11 * DAY)
    record_score(
        actor=SYSTEM, workspace=workspace, trace_id=old.trace_id, name="quality", data_type="numeric", value=1.0,
        source="api",
    )  # fmt: skip
    add_comment(actor=SYSTEM, workspace=workspace, trace_id=old.trace_id, text="Old.")
    noted = ScoreChange.objects.count()
    assert expire_traces() == 4
    assert (stored(workspace), stored(other)) == ({"young"}, {"elsewhere"})
    for model in (Observation, ObservationPayload, Score, Comment):
        assert not model.objects.in_workspace(workspace).filter(trace_id=old.trace_id).exists()
    assert ScoreChange.objects.count() == noted  # nothing is counted anew without the score
    assert expire_traces() == 0


def test_a_run_without_time_deletes_one_batch_and_the_next_goes_on_oldest_first(kept_ten_days):
    for days in (12, 14, 13):
        make_trace(kept_ten_days, name=f"{days} days", ago_s=days * DAY)
    assert expire_traces(batch=7, budget_s=0) == 8  # two traces of three observations
    assert stored(kept_ten_days) == {"12 days"}
    assert expire_traces(batch=7, budget_s=0) == 4
    assert stored(kept_ten_days) == set()


def test_a_large_trace_goes_in_pieces(kept_ten_days):
    trace = make_trace(kept_ten_days, ago_s=11 * DAY)
    left = Observation.objects.in_workspace(kept_ten_days).filter(trace_id=trace.trace_id)
    assert expire_traces(batch=2, budget_s=0) == 2
    assert [found.name for found in left] == ["chat"]
    expire_traces(batch=2)
    assert not left.all().exists()
    assert stored(kept_ten_days) == set()


def test_a_trace_that_has_not_ended_before_the_limit_stays(kept_ten_days):
    trace_id = new_trace_id()
    store(
        make_row(kept_ten_days, make_span(trace_id, number=1, ago_s=11 * DAY, name="long")),
        make_row(kept_ten_days, make_span(trace_id, number=2, parent=1, ago_s=9 * DAY)),
    )
    assert expire_traces() == 0
    assert stored(kept_ten_days) == {"long"}


def test_expired_traces_are_found_by_the_index_of_the_list(workspace):
    with connection.cursor() as cursor:
        # the table of a test has few rows, for which PostgreSQL would rather sort what another index gives
        for way in ("seqscan", "bitmapscan", "sort"):
            cursor.execute(f"SET LOCAL enable_{way} = off")
    plan = expired(workspace, timezone.now() - timedelta(days=1))[:10].explain()
    assert "tracing_trace_latest" in plan
    assert "Sort" not in plan


def test_administrators_set_it_between_a_day_and_the_limit_of_the_installation(
    workspace, owner, editor, settings
):
    settings.TRACE_RETENTION_DAYS = 30
    with pytest.raises(NotAllowed):
        change_trace_retention(actor=Actor.for_user(editor), workspace=workspace, days=5)
    for days in (0, 31, 4_000):
        with pytest.raises(InvalidRetention) as refused:
            change_trace_retention(actor=Actor.for_user(owner), workspace=workspace, days=days)
        assert list(refused.value.extra["errors"]) == ["days"]
    retention = change_trace_retention(actor=Actor.for_user(owner), workspace=workspace, days=20)
    entry = AuditEntry.objects.get(action="tracing.trace_retention.update")
    assert entry.changes == {"days": [None, 20]}
    assert retention.effective_days == 20
    settings.TRACE_RETENTION_DAYS = 7
    assert retention.effective_days == 7
    assert TraceRetention(workspace=workspace).effective_days == 7


def test_the_api_tells_and_changes_it(client, workspace, owner, viewer):
    url = reverse("trace-retention")
    client.force_login(owner)
    assert client.get(url).json() == {"days": None, "installation_days": None, "effective_days": None}
    changed = client.patch(url, {"days": 14}, content_type="application/json")
    assert changed.json() == {"days": 14, "installation_days": None, "effective_days": 14}
    assert client.patch(url, {"days": 0}, content_type="application/json").status_code == 400
    assert client.patch(url, {}, content_type="application/json").status_code == 400
    client.force_login(viewer)
    assert client.get(url).json()["days"] == 14
    assert client.patch(url, {"days": None}, content_type="application/json").status_code == 403


def test_the_page_changes_it_and_says_what_is_refused(client, workspace, owner, viewer, settings):
    settings.TRACE_RETENTION_DAYS = 30
    url = reverse("admin:tracing_retention")
    client.force_login(owner)
    refused = client.post(url, {"days": "31"})
    assert refused.status_code == 422
    assert "This installation keeps traces for 30 days" in refused.content.decode()
    assert client.post(url, {"days": "3"}).status_code == 302
    assert TraceRetention.objects.get(workspace=workspace).days == 3
    client.post(url, {"days": ""})
    assert TraceRetention.objects.get(workspace=workspace).days is None
    client.force_login(viewer)
    page = client.get(url).content.decode()
    assert "disabled" in page
    assert client.post(url, {"days": "3"}).status_code == 403
