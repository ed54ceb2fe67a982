"""Inputs and outputs: in pieces, as files, and as conversations."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.tracing import openers
from apps.tracing.downloads.response import stream_steps
from apps.tracing.models import Observation, packed
from tests.factories.tracing import make_row, make_span, new_trace_id, store

pytestmark = [
    pytest.mark.django_db,
    # the client of the tests is synchronous and collects what the server would stream
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous iterators"),
]

TEXT = "Grüße 😀 " * 30_000
TURNS = json.dumps([{"role": "user", "content": f"{number} " + "x" * 300} for number in range(250)])


@pytest.fixture
def address(workspace):
    """The address of a step with a long text and a long conversation."""
    trace_id = new_trace_id()
    store(make_row(workspace, make_span(trace_id, INPUT=TURNS, OUTPUT=TEXT)))
    return f"/api/v1/observations/{trace_id}/{1:016x}/"


def test_pieces_put_together_are_the_whole(api, viewer, address):
    client, found, offset = api(viewer), "", 0
    while True:
        piece = client.get(f"{address}payload/?side=output&offset={offset}&limit=100000").json()
        assert piece["offset"] == offset
        assert piece["total"] == len(TEXT)
        found += piece["text"]
        offset += len(piece["text"])
        if offset >= piece["total"]:
            break
    assert found == TEXT
    assert client.get(f"{address}payload/?offset=99999999").json()["text"] == ""


def test_a_file_is_streamed_whole_and_never_shown_in_place(api, viewer, address, monkeypatch):
    monkeypatch.setattr(packed, "STEP_BYTES", 70_001)
    client = api(viewer)
    output = client.get(f"{address}payload/file/?side=output")
    assert output["Content-Type"] == "text/plain; charset=utf-8"
    assert output["X-Content-Type-Options"] == "nosniff"
    assert output["Content-Disposition"].startswith("attachment; ")
    assert b"".join(output).decode() == TEXT
    given = client.get(f"{address}payload/file/?side=input")
    assert given["Content-Type"] == "application/json"
    assert b"".join(given).decode() == TURNS


def test_a_conversation_is_read_in_pages(api, viewer, address):
    client = api(viewer)
    first = client.get(f"{address}conversation/?side=input").json()
    assert (first["total"], len(first["turns"])) == (250, 100)
    last = client.get(f"{address}conversation/?side=input&offset=200").json()
    assert last["turns"][-1]["parts"][0]["text"].startswith("249 ")
    assert client.get(f"{address}conversation/?side=output").json()["total"] == 0


def test_short_values_come_with_their_turns_and_long_texts_are_cut(api, viewer, workspace):
    trace_id = new_trace_id()
    message = json.dumps({"role": "assistant", "content": "y" * 30_000})
    store(make_row(workspace, make_span(trace_id, INPUT="Hi", OUTPUT=message)))
    address = f"/api/v1/observations/{trace_id}/{1:016x}/"
    page = api(viewer).get(f"{address}?limit=50000&turns=true").json()
    assert page["turns"]["input"] is None
    part = page["turns"]["output"]["turns"][0]["parts"][0]
    assert (len(part["text"]), part["length"]) == (20_000, 30_000)
    cut = api(viewer).get(f"{address}?limit=100&turns=true").json()
    assert cut["turns"]["output"] is None
    assert "turns" not in api(viewer).get(address).json()
    assert api(viewer).get(f"{address}payload/?side=input").json() == {"text": "Hi", "offset": 0, "total": 2}


def test_what_is_asked_wrongly_or_by_strangers_is_refused(api, viewer, stranger, address):
    for query in ("payload/?side=both", "payload/?offset=-1", "payload/?limit=0", "conversation/?offset=x"):
        assert api(viewer).get(address + query).status_code == 400
    for path in ("payload/", "payload/file/", "conversation/"):
        assert api(stranger).get(address + path).status_code in {403, 404}


def test_a_step_says_where_else_it_can_be_opened(api, viewer, address, monkeypatch):
    monkeypatch.setattr(openers, "_openers", openers.Registry("test"))
    openers.register("here", openers.Opener("Open here", lambda _actor, found: f"/x/{found.span_id}"))
    openers.register("nowhere", openers.Opener("Open nowhere", lambda _actor, _found: None))
    page = api(viewer).get(f"{address}?limit=10&links=true").json()
    assert page["links"] == [{"title": "Open here", "url": f"/x/{1:016x}"}]


def test_a_step_is_read_with_few_queries(api, viewer, address):
    client = api(viewer)
    client.get(address)
    with CaptureQueriesContext(connection) as captured:
        client.get(f"{address}?limit=50000&turns=true")
    assert len(captured) <= 9
    assert Observation.objects.filter(trace_id=address.split("/")[4]).count() == 1


async def test_steps_are_made_off_the_loop_and_closed_where_the_server_awaits_them(async_rf):
    stored = packed.pack(None, TEXT)
    steps = packed.stream(stored, 1)
    found = [step async for step in stream_steps(async_rf.get("/"), steps)]
    assert len(found) > 1
    assert b"".join(found).decode() == TEXT
    steps = packed.stream(stored, 1)
    left = stream_steps(async_rf.get("/"), steps)
    await anext(left)
    await left.aclose()
    assert next(steps, None) is None
