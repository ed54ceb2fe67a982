"""kill -9 of the worker in the middle of an export, of a bulk action and of an alert: nothing lost, nothing doubled."""

from __future__ import annotations

import csv
import io
import json
import os
import secrets
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psycopg
import pytest

from tests.support.api import Api
from tests.support.otlp import send_spans, span
from tests.support.product import Product, wait_until

pytestmark = pytest.mark.durability

ENVIRONMENT = "quay"
#: More than an export reads at once, and many times what a bulk action does at once.
TRACES = 1_300


@pytest.fixture(scope="module")
def api(product: Product) -> Api:
    return Api.of(product)


@pytest.fixture(scope="module")
def traces(api: Api) -> list[str]:
    """Ids of the traces of a list."""
    now, ids = time.time_ns(), [secrets.token_hex(16) for _ in range(TRACES)]
    spans = [
        span(f"call {number}", trace_id=trace_id, start=now - number * 1_000_000, end=now, attributes={})
        for number, trace_id in enumerate(ids)
    ]
    send_spans(api, spans, environment=ENVIRONMENT)
    return ids


class Gate:
    """Holds whoever touches a table, and lets them through one statement or transaction at a time."""

    def __init__(self, product: Product, table: str) -> None:
        self.product, self.table = product, table
        self.closed = self._connect()
        self._close(self.closed)

    def let_one_through(self) -> None:
        """Let the one who waits do its work, and stop it when it comes again."""
        self.wait_for_one()
        after = self._connect()
        # locks are given in the order in which they are asked for: behind the one who waits
        closing = threading.Thread(target=self._close, args=[after])
        closing.start()
        wait_until(lambda: self._waiting() == 2, what="the second lock")
        self.closed.close()
        closing.join()
        self.closed = after

    def wait_for_one(self) -> None:
        """Wait until somebody stands before the gate."""
        wait_until(lambda: self._waiting() == 1, what=f"somebody who needs {self.table}")

    def open(self) -> None:
        """Let everybody through."""
        self.closed.close()

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(self.product.postgres.dsn())

    def _close(self, connection: psycopg.Connection) -> None:
        connection.execute(f"LOCK TABLE {self.table} IN ACCESS EXCLUSIVE MODE")

    def _waiting(self) -> int:
        query = "select count(*) from pg_locks where not granted and relation = %s::regclass"
        return int(self.product.query(query, self.table)[0][0])


@contextmanager
def gate(product: Product, table: str) -> Iterator[Gate]:
    """A gate that is open again afterwards."""
    closed = Gate(product, table)
    try:
        yield closed
    finally:
        closed.open()


def job_of(product: Product, job_id: str) -> tuple[str, int, int, int]:
    """State, attempts, units done and total of a job."""
    query = "select state, attempts, done, total from core_job where id = %s"
    ((state, attempts, done, total),) = product.query(query, job_id)
    return state, attempts, done, total


def kill_worker(product: Product, closed: Gate) -> None:
    """Kill the worker that stands before the gate, and let its successor find it open."""
    old = product.kill("worker")
    closed.open()
    product.wait_back("worker", after=old)


def test_an_export_is_whole_though_its_worker_is_killed(
    product: Product, api: Api, traces: list[str]
) -> None:
    with gate(product, "tracing_score") as closed:  # the scores of a step's rows are read after the rows
        export = api.call(
            "POST",
            "/api/v1/trace-exports/",
            {"list": "traces", "format": "csv", "filters": [f"environment:is:{ENVIRONMENT}"]},
        )
        closed.let_one_through()
        closed.wait_for_one()
        assert job_of(product, export["job"]) == ("running", 1, 1_000, TRACES)
        kill_worker(product, closed)

    wait_until(lambda: job_of(product, export["job"])[0] == "succeeded", what="the file")
    assert job_of(product, export["job"]) == ("succeeded", 2, TRACES, TRACES)
    export = api.call("GET", f"/api/v1/trace-exports/{export['id']}/")
    content = api.download(export["download_url"])
    assert (export["state"], export["row_count"], export["byte_count"]) == ("completed", TRACES, len(content))
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    assert sorted(row["trace_id"] for row in rows) == sorted(traces)


SCORE_ALL = """
from apps.core.actors import Actor
from apps.core.models import User, Workspace
from apps.tracing import bulk
from apps.tracing.explorer import TRACES, Search
from apps.tracing.selection import Selection, parse_conditions
from apps.tracing.services.bulk import act
outcome = act(
    actor=Actor.for_user(User.objects.first()), workspace=Workspace.objects.first(), name="score",
    action=bulk.find("score", "traces"), values={"name": "seen", "value": "1"},
    selection=Selection(Search(TRACES, None, None, "", parse_conditions(TRACES, ["environment:is:%s"]))),
)
print(outcome.job.pk)
"""


def test_a_bulk_action_reaches_every_row_once_though_its_worker_is_killed(
    product: Product, traces: list[str]
) -> None:
    with gate(product, "tracing_score") as closed:
        job = product.run(SCORE_ALL % ENVIRONMENT)
        closed.let_one_through()
        closed.wait_for_one()
        assert job_of(product, job) == ("running", 1, 200, TRACES)
        kill_worker(product, closed)

    wait_until(lambda: job_of(product, job)[0] == "succeeded", what="the end of the action")
    assert job_of(product, job) == ("succeeded", 2, TRACES, TRACES)
    scores = product.query("select trace_id, count(*) from tracing_score where name = 'seen' group by 1")
    assert dict(scores) == dict.fromkeys(traces, 1)
    entry = "select changes->'rows'->1, changes->'changed'->1 from core_auditentry where action = 'tracing.bulk.score'"
    assert product.query(entry) == [(TRACES, TRACES)]


class Receiver(ThreadingHTTPServer):
    """A webhook that counts its calls by event, and answers only when it is told to."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Call)
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.answering = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/alerts"


class _Call(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.calls.append((self.headers["X-Flywheel-Event"], body))
        self.server.answering.wait(30)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.answering.set()
        server.shutdown()


@contextmanager
def still(product: Product) -> Iterator[None]:
    """Nothing is begun by the clock meanwhile."""
    beat = product.pid("beat")
    assert beat is not None
    os.kill(beat, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(beat, signal.SIGCONT)


ADD_UP = """
from apps.tracing.services.rollup import roll_up
roll_up()
"""
EVALUATE = """
from config.celery import app
app.send_task("core.run_periodic", ["tracing.evaluate_alerts"], queue="default")
"""


def add_up(product: Product) -> None:
    """Add up all that has come until now; the worker may be at it as well."""
    [(now,)] = product.query("select now()")

    def added_up() -> bool:
        product.run(ADD_UP)
        return product.query("select received_before >= %s from tracing_rollupprogress", now) == [(True,)]

    wait_until(added_up, what="the figures")


def test_an_alert_is_told_though_the_worker_is_killed_before_and_while_it_tells(
    product: Product, api: Api, traces: list[str], receiver: Receiver
) -> None:
    product.query("update core_workspace set allow_private_network = true")
    with still(product):
        alert = api.call(
            "POST",
            "/api/v1/alerts/",
            {
                "name": "Traffic",
                "metric": "count",
                "operator": "gte",
                "threshold": 1,
                "webhook_url": receiver.url,
            },
        )
        add_up(product)
        product.run(EVALUATE)
        query = "select id::text, attempts, due_at is null from tracing_alertevent where alert_id = %s"
        [(event, attempts, _none)] = wait_until(lambda: product.query(query, alert["id"]), what="the event")
        assert (attempts, receiver.calls) == (0, [])
        before = product.kill("worker")  # what was seen is kept, and nobody was told yet

    wait_until(lambda: receiver.calls, what="the call")
    during = product.kill("worker")
    assert during != before
    receiver.answering.set()
    # the next attempt comes half a minute later: let that time be over
    product.query("update tracing_alertevent set due_at = now() where alert_id = %s", alert["id"])
    wait_until(lambda: product.query(query, alert["id"]) == [(event, 2, True)], what="the second call")

    assert [name for name, _body in receiver.calls] == [event] * 2
    assert receiver.calls[0][1] == receiver.calls[1][1]
    [told] = api.call("GET", f"/api/v1/alerts/{alert['id']}/events/")
    assert (told["kind"], told["deliveries"]["webhook"]["state"]) == ("firing", "sent")
    product.query("update tracing_alert set enabled = false where id = %s", alert["id"])
