"""Alerts: their states, their evaluation, who is told, and the pages and the API."""

import json
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.core import mail as outbox
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from apps.core.access import Role
from apps.core.actors import Actor
from apps.core.exceptions import NotAllowed
from apps.core.http.signing import sign
from apps.core.models import AuditEntry
from apps.tracing.alerting import Rule, Status, advance
from apps.tracing.exceptions import InvalidAlert, InvalidMetricQuery
from apps.tracing.models import Alert, AlertEvent, AlertState, EventKind, NoData, Operator, RollupProgress
from apps.tracing.rollups import MetricFilter
from apps.tracing.services import rollup
from apps.tracing.services.alert import (
    AlertValues,
    create_alert,
    delete_alert,
    mute_alert,
    test_alert,
    update_alert,
)
from apps.tracing.services.alert_delivery import WAITS, deliver_alerts
from apps.tracing.services.alert_evaluation import drop_old_events, evaluate_alerts
from tests.factories.core import make_member
from tests.factories.tracing import make_trace

pytestmark = pytest.mark.django_db

API = "/api/v1/alerts/"
LIST = "/admin/tracing/alert/"
START = datetime(2026, 1, 1, tzinfo=UTC)
MANY = AlertValues(
    "Many", "count", 2.0, operator=Operator.GTE, filters=(MetricFilter("name", "is", "answer"),)
)
test_alert.__test__ = False  # a service, not a test


# -- states ----------------------------------------------------------------------------------------------------------

figures = st.lists(st.tuples(st.none() | st.sampled_from([0.0, 5.0, 10.0]), st.booleans()), max_size=40)
rules = st.builds(
    Rule,
    operator=st.sampled_from(Operator.values),
    threshold=st.just(5.0),
    evaluations=st.integers(1, 4),
    no_data=st.sampled_from(NoData.values),
    renotify=st.none() | st.sampled_from([timedelta(minutes=3), timedelta(minutes=30)]),
)


def walk(rule, looks):
    """Each look as (value, muted, status before, step, time)."""
    status, found = Status(AlertState.OK, 0, START), []
    for minute, (value, muted) in enumerate(looks):
        now = START + timedelta(minutes=minute)
        step = advance(status, value, rule, now, muted=muted)
        found.append((value, muted, status, step, now))
        status = step.status
    return found


def passed(rule, value):
    if value is None:
        return False
    return {"gt": value > 5, "gte": value >= 5, "lt": value < 5, "lte": value <= 5}[rule.operator]


@given(rules, figures)
def test_it_fires_after_so_many_times_in_a_row_and_never_before(rule, looks):
    row = 0
    for value, _muted, before, step, _now in walk(rule, looks):
        if value is not None or rule.no_data != NoData.KEEP:
            row = row + 1 if passed(rule, value) else 0
        if step.status.state == AlertState.FIRING and before.state != AlertState.FIRING:
            assert row >= rule.evaluations
        if value is not None and row >= rule.evaluations:
            assert step.status.state == AlertState.FIRING
        if value is not None and not row:
            assert step.status.state == AlertState.OK


@given(rules, figures)
def test_every_event_is_a_change_or_a_reminder_that_is_due(rule, looks):
    for _value, muted, before, step, now in walk(rule, looks):
        changed = before.state != step.status.state
        assert (step.status.since == now) == changed or now == START
        if step.event in {EventKind.FIRING, EventKind.RESOLVED}:
            assert changed
        if step.event == EventKind.STILL_FIRING or (step.event == EventKind.NO_DATA and not changed):
            assert not muted
            assert before.told_at is None or now - before.told_at >= rule.renotify
        if changed and step.status.state in {AlertState.FIRING, AlertState.NO_DATA}:
            assert step.event is not None
        if muted and step.event:
            assert step.silent
        if value_keeps(rule, _value):
            assert step.status == before


def value_keeps(rule, value):
    return value is None and rule.no_data == NoData.KEEP


@given(rules, figures)
def test_whoever_is_told_of_trouble_is_told_of_its_end_once(rule, looks):
    told = False
    for _value, muted, before, step, _now in walk(rule, looks):
        heard = step.event is not None and not step.silent
        if heard and step.event == EventKind.RESOLVED:
            assert told
            told = False
        elif heard:
            told = True
        elif step.event == EventKind.RESOLVED and muted:
            told = False
        assert told == (step.status.told_at is not None)
        if before.state == AlertState.OK:
            assert step.event != EventKind.RESOLVED


def test_who_was_muted_is_told_when_that_is_over():
    rule = Rule(Operator.GT, 5.0)
    steps = [
        (step.event, step.silent)
        for *_rest, step, _now in walk(rule, [(9.0, True), (9.0, True), (9.0, False)])
    ]
    assert steps == [(EventKind.FIRING, True), (None, False), (EventKind.STILL_FIRING, False)]


# -- evaluation ------------------------------------------------------------------------------------------------------


@pytest.fixture
def roll(workspace, monkeypatch):
    """Add up what is stored."""
    monkeypatch.setattr(rollup, "_MARGIN_S", -60)
    RollupProgress.objects.create(received_before=timezone.now() - timedelta(minutes=2))
    return rollup.roll_up


def make_alert(workspace, system, **values):
    return create_alert(actor=system, workspace=workspace, values=AlertValues(**{**_values(MANY), **values}))


def _values(values):
    return {name: getattr(values, name) for name in values.__slots__}


def kinds(alert):
    return [event.kind for event in alert.events.order_by("number")]


def test_it_looks_at_the_window_and_writes_down_what_changes(workspace, system, roll):
    alert = make_alert(workspace, system, emails=["ops@example.org"])
    make_trace(workspace, name="answer")
    make_trace(workspace, name="other")
    roll()
    now = timezone.now()
    assert evaluate_alerts(now=now) == 1
    # a second process, or the same one again, has nothing to do
    assert evaluate_alerts(now=now) == evaluate_alerts(now=now + timedelta(seconds=20)) == 0
    alert.refresh_from_db()
    assert (alert.state, alert.value, kinds(alert)) == ("ok", 1.0, [])
    RollupProgress.objects.update(received_before=timezone.now())
    make_trace(workspace, name="answer")
    roll()
    assert evaluate_alerts(now=now + timedelta(seconds=60)) == 1
    alert.refresh_from_db()
    assert (alert.state, kinds(alert)) == ("firing", ["firing"])
    event = alert.events.get()
    assert (event.value, event.deliveries, event.due_at is not None) == (
        2.0,
        {"email": {"state": "waiting"}},
        True,
    )
    # the traces leave the window of 15 minutes; what arrives is added up all the time
    later = now + timedelta(minutes=30)
    RollupProgress.objects.update(received_before=later)
    assert evaluate_alerts(now=later) == 1
    alert.refresh_from_db()
    assert (alert.state, alert.value, kinds(alert)) == ("ok", 0.0, ["firing", "resolved"])


def test_nothing_is_concluded_from_figures_that_are_behind(workspace, system, roll):
    alert = make_alert(workspace, system, operator="lt", threshold=5.0)
    RollupProgress.objects.update(received_before=timezone.now() - timedelta(hours=1))
    assert evaluate_alerts() == 0
    alert.refresh_from_db()
    assert alert.evaluated_at is None


def test_without_data_it_does_what_it_was_told(workspace, system, roll):
    keep = make_alert(workspace, system, name="keep", metric="latency_p95", threshold=1.0)
    tell = make_alert(workspace, system, name="tell", metric="error_rate", threshold=0.5, no_data="alert")
    muted = make_alert(workspace, system, name="muted", metric="latency_p50", threshold=1.0, no_data="alert")
    mute_alert(actor=system, alert=muted, until=timezone.now() + timedelta(hours=1))
    off = make_alert(workspace, system, name="off", enabled=False)
    roll()
    assert evaluate_alerts() == 3
    assert [kinds(alert) for alert in (keep, tell, muted, off)] == [[], ["no_data"], ["no_data"], []]
    assert [muted.events.get().muted, muted.events.get().due_at] == [True, None]


def test_one_event_can_not_be_written_twice(workspace, system):
    alert = make_alert(workspace, system)
    values = {"workspace": workspace, "alert": alert, "number": 1, "kind": "firing", "at": timezone.now()}
    AlertEvent.objects.create(**values)
    with pytest.raises(IntegrityError), transaction.atomic():
        AlertEvent.objects.create(**values)


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_write_one_event(workspace, system):
    RollupProgress.objects.update_or_create(id=1, defaults={"received_before": timezone.now()})
    alert = make_alert(workspace, system, operator="lt", threshold=5.0)
    looked = []

    def work():
        try:
            looked.append(evaluate_alerts())
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (sum(looked), kinds(alert)) == (1, ["firing"])


def test_old_events_are_dropped(workspace, system):
    alert = make_alert(workspace, system, emails=["ops@example.org"])
    test_alert(actor=system, alert=alert)
    later = timezone.now() + timedelta(days=100)
    assert drop_old_events(now=later) == 0, "it was not told yet"
    AlertEvent.objects.update(due_at=None)
    assert drop_old_events(now=later) == 1


# -- telling people --------------------------------------------------------------------------------------------------


@contextmanager
def hook(*answers):
    """A webhook that answers in turn with these states; gives its address and what it got."""
    got, left = [], list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((dict(self.headers), body))
            self.send_response(left.pop(0) if left else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook?token=s3cret", got
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def open_network(workspace):
    workspace.allow_private_network = True
    workspace.save(update_fields=["allow_private_network"])


def test_webhook_and_mail_tell_the_same_event(workspace, system, open_network, settings):
    settings.MAIL_URL = "smtp://mail.example.org"
    with hook(500) as (url, got):
        alert = make_alert(
            workspace, system, description="Look at the queue.", emails=["ops@example.org"], webhook_url=url,
            webhook_secret="k3y",
        )  # fmt: skip
        event = test_alert(actor=system, alert=alert)
        now = timezone.now() + timedelta(seconds=1)
        assert deliver_alerts(now=now) == 1
        event.refresh_from_db()
        assert [event.deliveries[name]["state"] for name in ("webhook", "email")] == ["waiting", "sent"]
        assert "500" in event.deliveries["webhook"]["error"]
        assert deliver_alerts(now=now) == 0, "it waits before it tries again"
        assert deliver_alerts(now=now + WAITS[0]) == 1
    event.refresh_from_db()
    assert (event.deliveries["webhook"]["state"], event.due_at, event.attempts) == ("sent", None, 2)
    first, second = got
    assert first[0]["X-Flywheel-Event"] == second[0]["X-Flywheel-Event"] == str(event.pk)
    for headers, body in got:
        assert headers["X-Flywheel-Signature"] == sign("k3y", headers["X-Flywheel-Timestamp"], body)
    document = json.loads(second[1])
    assert (document["kind"], document["alert"]["name"], document["alert"]["threshold"]) == (
        "test",
        "Many",
        2.0,
    )
    [message] = outbox.outbox
    assert message.bcc == ["ops@example.org"]
    assert "Look at the queue." in message.body
    assert f"/admin/tracing/alert/{alert.pk}/" in message.body


def test_what_can_not_be_reached_is_given_up_with_its_reason(workspace, system):
    alert = make_alert(workspace, system, webhook_url="http://127.0.0.1:9/hook", emails=["ops@example.org"])
    event, now = test_alert(actor=system, alert=alert), timezone.now() + timedelta(seconds=1)
    for wait in (timedelta(0), *WAITS):
        now += wait
        assert deliver_alerts(now=now) == 1
    assert deliver_alerts(now=now + timedelta(days=1)) == 0
    event.refresh_from_db()
    assert {state["state"] for state in event.deliveries.values()} == {"failed"}
    assert "private address" in event.deliveries["webhook"]["error"]
    assert "MAIL_URL" in event.deliveries["email"]["error"]


def test_a_worker_that_dies_while_it_sends_loses_nothing(workspace, system, open_network, monkeypatch):
    with hook() as (url, got):
        alert = make_alert(workspace, system, webhook_url=url)
        test_alert(actor=system, alert=alert)
        now = timezone.now() + timedelta(seconds=1)
        with monkeypatch.context() as patched:
            patched.setattr("apps.tracing.services.alert_delivery._deliver", _die)
            with pytest.raises(KeyboardInterrupt):
                deliver_alerts(now=now)
        assert (got, deliver_alerts(now=now)) == ([], 0)
        assert deliver_alerts(now=now + WAITS[0]) == 1
        assert len(got) == 1


def test_a_lost_key_costs_the_webhook_only(workspace, system, roll, settings, editor, console):
    alert = make_alert(
        workspace, system, operator="lt", threshold=5.0, emails=["ops@example.org"],
        webhook_url="https://hooks.example.org/",
    )  # fmt: skip
    settings.ENCRYPTION_KEYS, settings.MAIL_URL = ("another key",), "smtp://mail.example.org"
    roll()
    assert evaluate_alerts() == 1
    assert deliver_alerts(now=timezone.now() + timedelta(seconds=1)) == 1
    states = alert.events.get().deliveries
    assert [states[name]["state"] for name in ("webhook", "email")] == ["waiting", "sent"]
    assert "ENCRYPTION_KEYS" in states["webhook"]["error"]
    for url in (LIST, alert.get_absolute_url()):
        assert console(editor).get(url).status_code == 200


def _die(_event):
    raise KeyboardInterrupt


# -- services, pages, API --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": " "}, "name"),
        ({"threshold": float("nan")}, "finite"),
        ({"window_minutes": 4}, "5 minutes"),
        ({"evaluations": 0}, "in a row"),
        ({"operator": "eq"}, "none of"),
        ({"emails": ["nobody"]}, "no e-mail"),
        ({"webhook_url": "ftp://example.org"}, "http"),
        ({"webhook_url": "http://[x"}, "http"),
        ({"webhook_secret": "a\nb"}, "can't be used"),
    ],
)
def test_an_alert_that_can_not_work_is_refused(workspace, system, change, words):
    with pytest.raises(InvalidAlert, match=words):
        make_alert(workspace, system, **change)
    assert not Alert.objects.exists()


def test_writes_are_audited_without_secrets_and_begin_anew(workspace, system):
    alert = make_alert(
        workspace, system, webhook_url="https://hooks.example.org/T0/s3cret", webhook_secret="k3y"
    )
    with pytest.raises(InvalidAlert, match="already"):
        make_alert(workspace, system)
    with pytest.raises(InvalidMetricQuery):
        make_alert(workspace, system, name="x", metric="speed")
    Alert.objects.update(state="firing", breaches=3)
    changed = update_alert(actor=system, alert=alert, values=AlertValues("Few", "count", 1.0))
    assert (changed.state, changed.breaches, changed.webhook_host) == ("ok", 0, "hooks.example.org")
    assert changed.webhook_secret.reveal() == "k3y"
    with connection.cursor() as cursor:
        cursor.execute("SELECT webhook_url, webhook_secret FROM tracing_alert")
        assert b"example" not in b"".join(map(bytes, cursor.fetchone()))
    assert (
        update_alert(
            actor=system, alert=alert, values=AlertValues("Few", "count", 1.0, webhook_url="")
        ).webhook_host
        == ""
    )
    with pytest.raises(InvalidAlert, match="first"):
        test_alert(actor=system, alert=alert)
    with pytest.raises(InvalidAlert, match="year"):
        mute_alert(actor=system, alert=alert, until=timezone.now() - timedelta(days=1))
    delete_alert(actor=system, alert=alert)
    trail = json.dumps([entry.changes for entry in AuditEntry.objects.filter(object_type="tracing.alert")])
    assert "s3cret" not in trail
    assert "k3y" not in trail


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANNOTATOR])
def test_looking_roles_look_only(workspace, system, console, role):
    alert = make_alert(workspace, system, webhook_url="https://hooks.example.org/T0/s3cret")
    member = make_member(workspace, role)
    actor = Actor.for_user(member)
    for write in (
        lambda: create_alert(actor=actor, workspace=workspace, values=MANY),
        lambda: update_alert(actor=actor, alert=alert, values=MANY),
        lambda: mute_alert(actor=actor, alert=alert, until=None),
        lambda: test_alert(actor=actor, alert=alert),
        lambda: delete_alert(actor=actor, alert=alert),
    ):
        with pytest.raises(NotAllowed):
            write()
    client = console(member)
    page = client.get(alert.get_absolute_url())
    assert page.status_code == 200
    assert "s3cret" not in page.content.decode()
    assert client.post(f"{LIST}{alert.pk}/act/", {"action": "test"}).status_code == 403


def test_the_pages_make_change_test_and_mute_an_alert(console, editor, workspace):
    client = console(editor)
    form = {
        "name": "Slow", "description": "", "enabled": "on", "severity": "critical", "view": "traces",
        "metric": "latency_p95", "window_minutes": "15", "operator": "gt", "threshold": "2000", "evaluations": "3",
        "no_data": "keep", "renotify_minutes": "60", "emails": "a@example.org\nb@example.org",
        "new_webhook_url": "https://hooks.example.org/T0/s3cret", "new_webhook_secret": "k3y",
        "filters_field": ["environment", ""], "filters_operator": ["is", "is"], "filters_value": ["live", ""],
    }  # fmt: skip
    refused = client.post(f"{LIST}add/", {**form, "emails": "nobody"})
    assert "no e-mail address" in refused.content.decode()
    assert client.post(f"{LIST}add/", form).status_code == 302
    alert = Alert.objects.get(workspace=workspace)
    assert alert.filters == [{"field": "environment", "operator": "is", "value": "live"}]
    assert alert.emails == ["a@example.org", "b@example.org"]
    url = alert.get_absolute_url()
    assert (
        client.post(
            url, {**form, "new_webhook_url": "", "new_webhook_secret": "", "name": "Too slow"}
        ).status_code
        == 302
    )
    alert.refresh_from_db()
    assert (alert.name, alert.webhook_secret.reveal()) == ("Too slow", "k3y")
    client.post(f"{LIST}{alert.pk}/act/", {"action": "test"})
    client.post(f"{LIST}{alert.pk}/act/", {"action": "1d"})
    page = client.get(url).content.decode()
    assert (
        "Traces: Latency p95 &gt; 2.00 s over 15 minutes (Environment is live)"
        in client.get(LIST).content.decode()
    )
    assert "s3cret" not in page
    assert "Unmute" in page
    assert "Webhook: waiting" in page
    client.post(f"{LIST}{alert.pk}/act/", {"action": "unmute"})
    assert client.post(f"{LIST}{alert.pk}/act/", {"action": "x"}).status_code == 404
    alert.refresh_from_db()
    assert alert.muted_until is None
    client.post(url, {**form, "new_webhook_url": "", "forget_webhook": "on"})
    alert.refresh_from_db()
    assert alert.webhook_host == ""


def test_the_api_keeps_alerts(api, editor, viewer, stranger):
    client = api(editor)
    body = {
        "name": "Cost", "metric": "cost", "threshold": 5, "window_minutes": 1440, "emails": ["a@example.org"],
        "webhook_url": "https://hooks.example.org/T0/s3cret",
        "filters": [{"field": "model", "operator": "is", "value": "small-1"}],
    }  # fmt: skip
    made = client.post(API, body, format="json").json()
    assert (made["state"], made["webhook_host"], made["filters"]) == (
        "ok",
        "hooks.example.org",
        body["filters"],
    )
    assert "s3cret" not in json.dumps(made)
    url = f"{API}{made['id']}/"
    changed = client.patch(url, {"threshold": 9, "severity": "critical"}, format="json").json()
    assert (changed["threshold"], changed["name"], changed["filters"]) == (9.0, "Cost", body["filters"])
    assert changed["webhook_host"] == "hooks.example.org"
    until = (timezone.now() + timedelta(hours=1)).isoformat()
    assert client.post(f"{url}mute/", {"until": until}, format="json").json()["muted_until"]
    assert client.post(f"{url}test/").json()["kind"] == "test"
    assert [event["kind"] for event in client.get(f"{url}events/").json()] == ["test"]
    bad = client.post(API, {**body, "name": "x", "metric": "speed"}, format="json")
    assert (bad.status_code, bad.json()["code"]) == (422, "invalid_metric_query")
    assert api(viewer).get(url).status_code == 200
    assert api(viewer).post(f"{url}test/").status_code == 403
    outsider = APIClient()
    outsider.force_authenticate(stranger)
    assert outsider.post(f"{url}mute/", {}, format="json").status_code == 404
    assert client.delete(url).status_code == 204
