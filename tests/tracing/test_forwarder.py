"""Sending spans on to other back ends."""

import gzip
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.utils import timezone

from apps.core.actors import Actor
from apps.tracing.exceptions import InvalidForwarder
from apps.tracing.forwarding import reader
from apps.tracing.models import Observation, TraceForwarder
from apps.tracing.otlp import decode
from apps.tracing.services import forwarder as forwarder_service
from apps.tracing.services.forwarder import ForwarderValues, create_forwarder, forward_all
from tests.factories.core import make_workspace
from tests.factories.tracing import make_row, make_span, store

pytestmark = pytest.mark.django_db

LIST = "/admin/tracing/traceforwarder/"


def span_with(name, attributes):
    return replace(make_span(name=name), attributes=attributes)


class BackEnd:
    """An OTLP back end on loopback that remembers what it was sent."""

    def __init__(self) -> None:
        self.status = 200
        self.most_bytes = 10**9
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        backend = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                plain = gzip.decompress(body)
                status = 413 if len(plain) > backend.most_bytes else backend.status
                if status == 200:
                    backend.bodies.append(plain)
                    backend.headers.append(dict(self.headers))
                self.send_response(status)
                self.end_headers()
                self.wfile.write(b"full" if status != 200 else b"")

            def log_message(self, *_args: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/v1/traces"

    def spans(self):
        return [span for body in self.bodies for span in decode(body, "application/x-protobuf").spans]


@pytest.fixture
def backend(monkeypatch) -> Iterator[BackEnd]:
    # the clock of the query stands at the start of the test's transaction, seconds ago on a busy machine
    monkeypatch.setattr(reader, "SETTLED_AFTER", timedelta(minutes=-1))
    found = BackEnd()
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture
def make_forwarder(workspace, owner, backend):
    workspace.allow_private_network = True
    workspace.save()

    def make(**values):
        known = {"name": "other", "endpoint": backend.url, "headers": {"Authorization": "Bearer key"}}
        return create_forwarder(
            actor=Actor.for_user(owner), workspace=workspace, values=ForwarderValues(**{**known, **values})
        )

    return make


def test_what_arrives_is_sent_once_and_complete(workspace, backend, make_forwarder):
    forwarder = make_forwarder()
    long = "x" * 1_000
    attributes = {
        "gen_ai.request.model": "m",
        "gen_ai.usage.input_tokens": 7,
        "flywheel.input": json.dumps([{"role": "user", "content": long}]),
        "flywheel.metadata.k": [1, {"a": None}],
        "flywheel.tags": ["t"],
        "deployment.environment.name": "prod",
    }
    store(make_row(workspace, span_with("call", attributes)))
    assert forward_all() == 1
    assert forward_all() == 0
    (span,) = backend.spans()
    row = Observation.objects.get(workspace=workspace, name="call")
    assert (span.trace_id, span.span_id, span.name) == (row.trace_id, row.span_id, "call")
    assert span.attributes["gen_ai.request.model"] == "m"
    assert span.attributes["gen_ai.usage.input_tokens"] == 7
    assert long in span.attributes["input.value"]
    assert span.attributes["flywheel.metadata.k"][0] == 1
    assert span.resource["deployment.environment.name"] == "prod"
    assert backend.headers[0]["Authorization"] == "Bearer key"
    forwarder.refresh_from_db()
    assert (forwarder.sent_count, forwarder.error) == (1, "")


def test_a_back_end_that_fails_gets_the_spans_later(workspace, backend, make_forwarder):
    forwarder = make_forwarder()
    store(make_row(workspace, make_span(name="later")))
    backend.status = 503
    assert forward_all() == 0
    forwarder.refresh_from_db()
    assert "503" in forwarder.error
    assert forwarder.failed_at is not None
    backend.status = 200
    assert forward_all() == 1
    forwarder.refresh_from_db()
    assert (forwarder.error, forwarder.failed_at) == ("", None)


def test_long_texts_go_in_requests_of_bounded_size(workspace, backend, make_forwarder, monkeypatch):
    monkeypatch.setattr(forwarder_service, "BATCH_BYTES", 100_000)
    make_forwarder()
    for number in range(5):
        store(make_row(workspace, span_with(f"long {number}", {"flywheel.input": f"{number}" * 45_000})))
    assert forward_all() == 5
    assert [len(decode(body, "application/x-protobuf").spans) for body in backend.bodies] == [2, 2, 1]
    assert [span.name for span in backend.spans()] == [f"long {number}" for number in range(5)]
    assert {len(span.attributes["input.value"]) for span in backend.spans()} == {45_000}
    assert forward_all() == 0


def test_what_is_too_large_for_the_back_end_holds_up_nothing(workspace, backend, make_forwarder):
    forwarder = make_forwarder()
    store(
        make_row(workspace, span_with("before", {"flywheel.input": "b" * 1_000})),
        make_row(workspace, span_with("huge", {"flywheel.input": "h" * 90_000})),
        make_row(workspace, span_with("after", {"flywheel.input": "a" * 1_000})),
    )
    backend.most_bytes = 20_000
    assert forward_all() == 3
    sent = {span.name: span.attributes.get("input.value", "") for span in backend.spans()}
    assert sent == {"before": "b" * 1_000, "huge": "", "after": "a" * 1_000}
    forwarder.refresh_from_db()
    assert (forwarder.sent_count, forwarder.error) == (3, "")


def test_filters_and_sampling_choose_what_is_sent(workspace, backend, make_forwarder):
    make_forwarder(types=["generation"], environments=["prod"], with_content=False)
    prod = {"deployment.environment.name": "prod", "flywheel.input": "secret"}
    store(
        make_row(workspace, span_with("yes", {**prod, "gen_ai.request.model": "m"})),
        make_row(workspace, span_with("no-type", prod)),
        make_row(workspace, span_with("no-env", {"gen_ai.request.model": "m"})),
    )
    assert forward_all() == 1
    (span,) = backend.spans()
    assert span.name == "yes"
    assert "input.value" not in span.attributes
    TraceForwarder.objects.update(sampling=0.0)
    store(make_row(workspace, span_with("yes", {**prod, "gen_ai.request.model": "m"})))
    assert forward_all() == 0


def test_spans_of_others_and_of_before_stay(workspace, backend, make_forwarder):
    store(make_row(workspace, make_span(name="before")))
    make_forwarder()
    store(make_row(make_workspace(), make_span(name="others")))
    assert forward_all() == 0


def test_private_addresses_are_refused_unless_the_workspace_allows_them(workspace, backend, make_forwarder):
    forwarder = make_forwarder()
    workspace.allow_private_network = False
    workspace.save()
    store(make_row(workspace, make_span()))
    assert forward_all() == 0
    forwarder.refresh_from_db()
    assert forwarder.error
    assert not backend.bodies


@pytest.mark.parametrize(
    "values",
    [{"endpoint": "ftp://x"}, {"sampling": 2.0}, {"types": ["colour"]}, {"headers": {"a": "b\r\nc"}}],
)
def test_what_can_not_work_is_refused(make_forwarder, values):
    with pytest.raises(InvalidForwarder):
        make_forwarder(**values)


def test_a_name_is_used_once(make_forwarder):
    make_forwarder()
    with pytest.raises(InvalidForwarder):
        make_forwarder()


class TestConsole:
    VALUES = {
        "name": "grafana", "endpoint": "https://otlp.example.com/v1/traces", "headers": "Authorization: Basic abc",
        "types": "generation\ntool", "sampling": "0.5", "enabled": "on",
    }  # fmt: skip

    def test_an_owner_keeps_forwarders_and_never_sees_the_headers_again(self, console, owner, workspace):
        client = console(owner)
        assert client.post(f"{LIST}add/", self.VALUES).status_code == 302
        forwarder = TraceForwarder.objects.get(workspace=workspace)
        assert dict(forwarder.headers) == {"Authorization": "Basic abc"}
        assert forwarder.types == ["generation", "tool"]
        page = client.get(f"{LIST}{forwarder.pk}/change/").content.decode()
        assert "Basic abc" not in page
        client.post(f"{LIST}{forwarder.pk}/change/", {**self.VALUES, "headers": "", "name": "renamed"})
        forwarder.refresh_from_db()
        assert (forwarder.name, dict(forwarder.headers)) == ("renamed", {"Authorization": "Basic abc"})
        assert "renamed" in client.get(LIST).content.decode()
        client.post(f"{LIST}{forwarder.pk}/delete/", {"post": "yes"})
        assert not TraceForwarder.objects.exists()

    def test_mistakes_are_told_beside_the_form(self, console, owner):
        for change in ({"headers": "no colon"}, {"types": "colour"}, {"sampling": "3"}):
            response = console(owner).post(f"{LIST}add/", {**self.VALUES, **change})
            assert response.status_code == 200
        assert not TraceForwarder.objects.exists()

    def test_editors_do_not_see_them(self, console, editor):
        assert console(editor).get(LIST).status_code in (302, 403)


def test_the_cursor_starts_when_the_forwarder_is_made(make_forwarder):
    assert abs(make_forwarder().cursor_at - timezone.now()) < timedelta(minutes=1)
