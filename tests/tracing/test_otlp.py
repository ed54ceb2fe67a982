"""The OTLP/HTTP door: bytes in, rows out, and an answer for everything else."""

import base64
import contextlib
import gzip
import json
import threading
import time
import uuid
import zlib
from concurrent.futures import Future

import psycopg
import pytest
from django.test import AsyncClient
from google.protobuf.json_format import MessageToDict
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from apps.core.access import Role
from apps.core.models import ApiKey, User, Workspace
from apps.tracing import asgi, ingest
from apps.tracing.ingest import ingestor
from apps.tracing.mapping import SpanRecord
from apps.tracing.models import Observation, Trace
from apps.tracing.otlp import OtlpError, decode, inflate
from apps.tracing.writer import SpanWriter, WriteResult
from config.routing import past_django
from tests.factories.core import make_api_key, make_member, make_workspace

PROTOBUF = "application/x-protobuf"


@pytest.fixture(scope="module")
def door(django_db_setup, django_db_blocker):
    """A committed workspace with keys: received spans are stored by threads of their own."""
    with django_db_blocker.unblock():
        workspace = make_workspace()
        editor = make_member(workspace, Role.EDITOR)
        viewer = make_member(workspace, Role.VIEWER)
        keys = {
            "write": make_api_key(workspace, editor),
            "ingest": make_api_key(workspace, editor, ("ingest",)),
            "read": make_api_key(workspace, editor, ("read",)),
            "viewer": make_api_key(workspace, viewer),
        }
        yield workspace, keys
        ApiKey.objects.filter(workspace=workspace).delete()
        User.objects.filter(pk__in=[editor.pk, viewer.pk]).delete()
        Workspace.objects.filter(pk=workspace.pk).delete()


def attribute(key, value):
    if isinstance(value, str):
        return KeyValue(key=key, value=AnyValue(string_value=value))
    if isinstance(value, list):
        items = [AnyValue(string_value=item) for item in value]
        return KeyValue(key=key, value=AnyValue(array_value=ArrayValue(values=items)))
    if isinstance(value, dict):
        pairs = [attribute(name, item) for name, item in value.items()]
        return KeyValue(key=key, value=AnyValue(kvlist_value=KeyValueList(values=pairs)))
    return KeyValue(key=key, value=AnyValue(int_value=value))


_number = iter(range(1, 10**9))


def make_span(name="step", *, trace_id=None, parent=b"", attributes=None, start=None, **fields):
    start = start or time.time_ns() - 10**9
    return Span(
        trace_id=trace_id or (time.time_ns() + next(_number)).to_bytes(16, "big"),
        span_id=(next(_number) + time.time_ns()).to_bytes(8, "big"),
        parent_span_id=parent,
        name=name,
        start_time_unix_nano=start,
        end_time_unix_nano=start + 5_000_000,
        attributes=[attribute(key, value) for key, value in (attributes or {}).items()],
        **fields,
    )


def export(*spans, resource=None):
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    resource_spans.resource.attributes.extend(attribute(*pair) for pair in (resource or {}).items())
    scope_spans = resource_spans.scope_spans.add()
    scope_spans.scope.name = "tests"
    scope_spans.spans.extend(spans)
    return request


def hex_json(request):
    """The JSON form, whose ids are hexadecimal."""
    document = MessageToDict(request)
    for resource_spans in document["resourceSpans"]:
        for scope_spans in resource_spans["scopeSpans"]:
            for span in scope_spans["spans"]:
                for name in ("traceId", "spanId"):
                    span[name] = base64.b64decode(span[name]).hex()
    return json.dumps(document).encode()


async def send(body, key="", *, content_type=PROTOBUF, path="/v1/traces", **headers):
    if key:
        headers["Authorization"] = f"Bearer {key}"
    return await AsyncClient().post(path, body, content_type=content_type, headers=headers)


def stored(workspace, name):
    return Observation.objects.in_workspace(workspace).filter(name=name)


@pytest.mark.django_db
class TestDoor:
    @pytest.mark.parametrize("encoding", ["", "gzip", "deflate", "raw"])
    async def test_what_is_answered_is_stored(self, door, encoding):
        workspace, keys = door
        body = export(make_span(f"stored-{encoding}", attributes={"a": "b"})).SerializeToString()
        if encoding == "gzip":
            body = gzip.compress(body)
        elif encoding == "deflate":
            body = zlib.compress(body)
        elif encoding == "raw":
            packer = zlib.compressobj(wbits=-15)
            body = packer.compress(body) + packer.flush()
        sent = "deflate" if encoding == "raw" else encoding
        response = await send(body, keys["ingest"], **({"Content-Encoding": sent} if sent else {}))
        assert (response.status_code, response.content) == (200, b"")
        assert response["Content-Type"] == PROTOBUF
        assert await stored(workspace, f"stored-{encoding}").acount() == 1

    async def test_a_slash_at_the_end_is_no_redirect(self, door):
        response = await send(export(make_span()).SerializeToString(), door[1]["write"], path="/v1/traces/")
        assert response.status_code == 200

    async def test_the_key_may_be_a_basic_password_or_stand_in_a_header(self, door):
        body = export(make_span()).SerializeToString()
        key = door[1]["write"]
        basic = base64.b64encode(f"anything:{key}".encode()).decode()
        assert (await send(body, Authorization=f"Basic {basic}")).status_code == 200
        assert (await send(body, **{"x-api-key": key})).status_code == 200

    @pytest.mark.parametrize("content_type", [PROTOBUF, "application/json"])
    async def test_spans_of_another_langfuse_project_are_refused(self, door, content_type):
        workspace, keys = door
        name = f"project-{content_type[-4:]}"
        request = export(make_span(name))
        mine, other = request.resource_spans[0].scope_spans[0], ExportTraceServiceRequest()
        mine.scope.attributes.append(attribute("public_key", "pk-lf-mine"))
        other.CopyFrom(request)
        other.resource_spans[0].scope_spans[0].scope.attributes[0].value.string_value = "pk-lf-other"
        other.resource_spans[0].scope_spans[0].spans[0].span_id = b"12345678"
        request.MergeFrom(other)
        body = request.SerializeToString()
        if content_type != PROTOBUF:
            body = hex_json(request)

        async def refused(user):
            basic = base64.b64encode(f"{user}:{keys['write']}".encode()).decode()
            answer = await send(body, content_type=content_type, Authorization=f"Basic {basic}")
            assert answer.status_code == 200
            return answer.content.decode("utf-8", "replace")

        assert "pk-lf-other" in (said := await refused("pk-lf-mine"))
        assert "pk-lf-mine" not in said
        assert await stored(workspace, name).acount() == 1
        # a name that is no public key says nothing of projects
        assert "pk-lf" not in await refused("collector")
        assert await stored(workspace, name).acount() == 2

    @pytest.mark.parametrize(
        ("key", "status"), [("", 401), ("fw_000000000000_wrong", 401), ("read", 403), ("viewer", 403)]
    )
    async def test_a_stranger_stores_nothing(self, door, key, status):
        workspace, keys = door
        response = await send(export(make_span("strange")).SerializeToString(), keys.get(key, key))
        assert response.status_code == status
        assert response["Content-Type"] == "application/problem+json"
        assert not await stored(workspace, "strange").aexists()

    async def test_json_is_taken_with_its_spelling_of_ids_and_numbers(self, door):
        workspace, keys = door
        start = time.time_ns()
        span = {
            "traceId": "5B8EFFF798038103D269B633813FC60C",
            "spanId": "EEE19B7EC3C1B174",
            "name": "json-span",
            "startTimeUnixNano": str(start),
            "endTimeUnixNano": str(start + 10**9),
            "status": {"code": 2, "message": "broken"},
            "attributes": [
                {"key": "n", "value": {"intValue": "7"}},
                {"key": "list", "value": {"arrayValue": {"values": [{"stringValue": "x"}]}}},
            ],
        }
        body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})
        response = await send(body, keys["write"], content_type="application/json")
        assert (response.status_code, response.json()) == (200, {})
        row = await stored(workspace, "json-span").aget()
        assert (row.trace_id, row.span_id) == ("5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174")
        assert (row.status, row.status_message) == ("error", "broken")
        assert row.attributes == {"n": 7, "list": ["x"]}

    async def test_good_spans_of_a_request_are_stored_and_bad_ones_named(self, door):
        workspace, keys = door
        bad = make_span("from-2100", start=4_102_444_800 * 10**9)
        request = export(make_span("good"), bad, Span(name="no-id"))
        response = await send(request.SerializeToString(), keys["write"])
        partial = ExportTraceServiceResponse.FromString(response.content).partial_success
        assert response.status_code == 200
        assert partial.rejected_spans == 2
        assert "from-2100" in partial.error_message
        assert "only traces" in partial.error_message
        assert await stored(workspace, "good").acount() == 1

    async def test_sending_again_changes_nothing(self, door):
        workspace, keys = door
        body = export(make_span("twice", attributes={"gen_ai.request.model": "m"})).SerializeToString()
        for _ in range(2):
            assert (await send(body, keys["write"])).status_code == 200
        row = await stored(workspace, "twice").aget()
        assert (await Trace.objects.aget(workspace=workspace, trace_id=row.trace_id)).observation_count == 1

    async def test_spans_of_1970_nul_and_surrogates_are_stored(self, door):
        workspace, keys = door
        text = "a\0b"
        body = export(make_span("odd", start=10**9, attributes={"k\0": text})).SerializeToString()
        assert (await send(body, keys["write"])).status_code == 200
        row = await stored(workspace, "odd").aget()
        assert row.attributes["k"] == "ab"
        assert row.start_time.year == 1970
        now = time.time_ns()
        half = {
            "traceId": f"{now:032x}",
            "spanId": f"{now:016x}",
            "name": "half \ud83d",
            "startTimeUnixNano": str(now),
        }
        raw = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [half]}]}]})
        assert (await send(raw, keys["write"], content_type="application/json")).status_code == 200
        assert await stored(workspace, "half \ufffd").aexists()

    @pytest.mark.parametrize(
        ("body", "content_type", "encoding", "status"),
        [
            (b"\xff\xff\xff", PROTOBUF, "", 400),
            (b"{", "application/json", "", 400),
            (b"[]", "application/json", "", 400),
            (b"[" * 100_000, "application/json", "", 400),
            (b"not gzip", PROTOBUF, "gzip", 400),
            (gzip.compress(b"x" * 1000, mtime=0)[:-20], PROTOBUF, "gzip", 400),
            (b"", PROTOBUF, "br", 415),
            (b"", "text/plain", "", 415),
        ],
    )
    async def test_what_is_no_export_gets_a_sentence(self, door, body, content_type, encoding, status):
        headers = {"Content-Encoding": encoding} if encoding else {}
        response = await send(body, door[1]["write"], content_type=content_type, **headers)
        assert response.status_code == status
        assert response.json()["detail"]

    async def test_a_bomb_is_too_large(self, door):
        packer = zlib.compressobj(9, wbits=31)
        zeros = bytes(2**20)
        bomb = b"".join(packer.compress(zeros) for _ in range(70)) + packer.flush()
        response = await send(bomb, door[1]["write"], **{"Content-Encoding": "gzip"})
        assert response.status_code == 413

    async def test_ten_thousand_attributes_are_cut(self, door):
        workspace, keys = door
        body = export(make_span("wide", attributes={f"k{n}": n for n in range(10_000)})).SerializeToString()
        assert (await send(body, keys["write"])).status_code == 200
        assert 1_000 <= len((await stored(workspace, "wide").aget()).attributes) < 1_010

    async def test_without_a_database_the_client_is_asked_to_send_again(self, door, monkeypatch):
        def away(*_args):
            raise psycopg.OperationalError("gone")

        monkeypatch.setattr(SpanWriter, "write", away)
        response = await send(export(make_span()).SerializeToString(), door[1]["write"])
        assert (response.status_code, response["Retry-After"]) == (503, "1")


class Writer:
    """Stores nothing; notes how many rows it was given at once."""

    def __init__(self, error=None):
        self.error = error
        self.batches = []

    def write(self, rows):
        if self.error:
            raise self.error
        self.batches.append(len(rows))
        return WriteResult(len(rows))

    def close(self):
        pass


def parcel_of(count, size=0):
    """A parcel of `count` spans that are made as they are taken."""
    spans = (
        SpanRecord("1" * 32, f"{number:016x}", "", "n", 10**18, 10**18) for number in range(1, count + 1)
    )
    return ingest.Parcel(lambda: uuid.UUID(int=7), lambda: ingest.Received(spans, [], size), size)


def test_a_big_parcel_is_stored_in_pieces_and_small_ones_together(monkeypatch):
    monkeypatch.setattr(ingestor, "BATCH_SPANS", 10)
    monkeypatch.setattr(ingestor, "BATCH_BYTES", 100)
    monkeypatch.setattr(ingestor, "prepare", lambda records, _workspace, _rejected: records)
    parcels = [parcel_of(25), parcel_of(3), parcel_of(3, size=100), parcel_of(3)]
    ingestor._store(parcels, writer := Writer())
    assert writer.batches == [10, 10, 11, 3]
    assert [parcel.done.result(0) for parcel in parcels] == [[], [], [], []]


def test_when_the_database_is_away_no_parcel_of_the_batch_is_acknowledged(monkeypatch):
    monkeypatch.setattr(ingestor, "BATCH_SPANS", 10)
    monkeypatch.setattr(ingestor, "prepare", lambda records, _workspace, _rejected: records)
    parcels = [parcel_of(3), parcel_of(25), parcel_of(3)]
    ingestor._store(parcels, Writer(psycopg.OperationalError("gone")))
    assert [type(parcel.done.exception(0)) for parcel in parcels] == [ingest.UnavailableError] * 3


def test_parcels_weigh_until_they_are_answered():
    release = threading.Event()

    def slow():
        release.wait(10)
        raise OtlpError("no spans")

    queue = ingest.Ingestor(max_bytes=100)
    busy = ingest.Parcel(lambda: uuid.UUID(int=7), slow, 90)
    queue.submit(busy)
    while queue._queue:
        time.sleep(0.001)
    with pytest.raises(ingest.BusyError):
        queue.submit(ingest.Parcel(authorize=None, read=None, size=20))
    release.set()
    assert isinstance(busy.done.exception(10), OtlpError)
    while queue.room < 100:
        time.sleep(0.001)


def test_a_full_queue_refuses_and_an_empty_one_takes_even_a_big_parcel(monkeypatch):
    monkeypatch.setattr(ingestor.threading.Thread, "start", lambda self: None)
    queue = ingest.Ingestor(max_bytes=100)
    big = ingest.Parcel(authorize=None, read=None, size=150)
    queue.submit(big)
    with pytest.raises(ingest.BusyError):
        queue.submit(ingest.Parcel(authorize=None, read=None, size=1))
    assert isinstance(big.done, Future)


@given(
    st.binary(max_size=300),
    st.sampled_from(["", "gzip", "deflate"]),
    st.sampled_from([PROTOBUF, "application/json"]),
)
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_read_or_refused(body, encoding, content_type):
    with contextlib.suppress(OtlpError):
        decode(inflate(body, encoding), content_type)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["spans", "scope", "attributes", "key", "value", "arrayValue", "values", "intValue", "name"]),
        inner, max_size=4,
    ),
    max_leaves=15,
)  # fmt: skip


@given(_json)
@settings(max_examples=200, deadline=None)
def test_any_json_below_the_frame_is_read_or_refused(value):
    document = {"resourceSpans": [{"scopeSpans": [{"spans": [value]}, value]}, value]}
    decoded = decode(json.dumps(document).encode(), "application/json")
    assert len(decoded.spans) + len(decoded.rejected) >= 1


def test_several_resources_and_a_status_are_read():
    request = export(
        make_span(
            "x", status=Status(code=Status.STATUS_CODE_ERROR, message="m"), attributes={"d": {"k": "v"}}
        ),
        resource={"service.name": "shop"},
    )
    (record,) = decode(request.SerializeToString(), PROTOBUF).spans
    assert (record.failed, record.status_message, record.scope) == (True, "m", "tests")
    assert record.resource == {"service.name": "shop"}
    assert record.attributes == {"d": {"k": "v"}}


@pytest.mark.django_db
class TestBareDoor:
    """The same door where the server leads past Django."""

    async def call(self, key, *parts):
        waiting = [
            {"type": "http.request", "body": part, "more_body": part is not parts[-1]} for part in parts
        ]
        sent = []

        async def receive():
            return waiting.pop(0) if waiting else {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        headers = [(b"Content-Type", PROTOBUF.encode()), (b"Authorization", f"Bearer {key}".encode())]
        scope = {"type": "http", "method": "POST", "path": "/v1/traces", "headers": headers}
        await past_django(None)(scope, receive, send)
        return sent

    async def test_a_request_in_pieces_is_stored(self, door):
        workspace, keys = door
        body = export(make_span("in-pieces")).SerializeToString()
        start, end = await self.call(keys["ingest"], body[:40], body[40:])
        assert (start["status"], end["body"]) == (200, b"")
        assert await stored(workspace, "in-pieces").acount() == 1

    async def test_a_stranger_is_refused_with_a_problem(self, door):
        start, end = await self.call("fw_x_y", b"")
        assert start["status"] == 401
        assert json.loads(end["body"])["code"] == "unknown_key"

    async def test_a_body_is_refused_while_it_comes_in(self, door):
        piece = bytes(16 * 2**20)
        start, _end = await self.call(door[1]["write"], *[piece + bytes([n]) for n in range(5)])
        assert start["status"] == 413

    async def test_a_client_that_went_away_gets_nothing(self, door):
        assert await self.call(door[1]["write"]) == []

    async def test_what_comes_in_weighs_as_much_as_what_waits(self, door, monkeypatch):
        class Full:
            room = 50

        monkeypatch.setattr(asgi, "current_ingestor", Full)
        start, end = await self.call(door[1]["write"], b"a" * 40, b"b" * 40, b"c" * 40)
        assert (start["status"], dict(start["headers"])[b"retry-after"]) == (429, b"1")
        assert json.loads(end["body"])["code"] == "rate_limited"
        assert asgi._Arriving.total == 0
