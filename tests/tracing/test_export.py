"""Our own spans, from the OpenTelemetry API to the database."""

import asyncio
import logging
import os
import time
import uuid

import psycopg
import pytest
from opentelemetry import trace as otel
from opentelemetry.sdk.trace import TracerProvider

from apps.tracing import attributes as names
from apps.tracing import export
from apps.tracing.context import trace_context
from apps.tracing.export.baggage import BaggageProcessor
from apps.tracing.export.processor import StoringProcessor
from apps.tracing.export.spill import Spill
from apps.tracing.models import Observation, Trace
from apps.tracing.writer import SpanWriter
from apps.tracing.writer import writer as writer_module
from tests.factories.tracing import make_row

pytestmark = pytest.mark.django_db

tracer = otel.get_tracer(__name__)


@pytest.fixture
def spill(tmp_path):
    return Spill(tmp_path / "spans")


@pytest.fixture
def pipeline(spill):
    """A provider of the test's own that stores only when it is flushed."""
    provider = TracerProvider(shutdown_on_exit=False)
    processor = StoringProcessor(spill, delay_s=3600)
    provider.add_span_processor(BaggageProcessor())
    provider.add_span_processor(processor)
    yield provider
    provider.shutdown()


@pytest.fixture
def database_away(monkeypatch):
    """Send the writer to a port where nobody listens until the returned function is called."""
    away = True
    connect = writer_module.connect

    def refuse():
        return psycopg.connect(host="127.0.0.1", port=1, connect_timeout=1) if away else connect()

    monkeypatch.setattr(writer_module, "connect", refuse)

    def come_back():
        nonlocal away
        away = False

    return come_back


def test_nested_async_steps_become_one_tree(workspace):
    async def step(number):
        with tracer.start_as_current_span(f"step {number}", attributes={names.OBSERVATION_TYPE: "tool"}):
            await asyncio.sleep(0)
            with tracer.start_as_current_span(f"call {number}", attributes={names.MODEL: "small"}):
                await asyncio.sleep(0)

    async def answer():
        with tracer.start_as_current_span("root", attributes={names.INPUT: "hi"}) as root:
            await asyncio.gather(*(step(number) for number in range(5)))
            return f"{root.get_span_context().trace_id:032x}"

    source = uuid.uuid4()
    with trace_context(
        workspace_id=workspace.pk,
        session_id="s-7",
        source_type="agents.message",
        source_id=source,
        tags=["a", "b"],
    ):
        trace_id = asyncio.run(answer())
    assert export.flush()
    trace = Trace.objects.get(workspace=workspace, trace_id=trace_id)
    assert (trace.name, trace.observation_count, trace.session_id) == ("root", 11, "s-7")
    assert (trace.source_type, trace.source_id, trace.tags) == ("agents.message", str(source), ["a", "b"])
    rows = {row.name: row for row in Observation.objects.of_trace(trace)}
    for number in range(5):
        assert rows[f"step {number}"].parent_id == rows["root"].span_id
        assert rows[f"call {number}"].parent_id == rows[f"step {number}"].span_id
        assert rows[f"call {number}"].type == "generation"
        assert rows[f"call {number}"].session_id == "s-7"


def test_spans_are_stored_without_a_flush(workspace):
    with trace_context(workspace_id=workspace.pk), tracer.start_as_current_span("quick"):
        pass
    deadline = time.monotonic() + 30
    while not Trace.objects.filter(workspace=workspace).exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_concurrent_contexts_keep_their_workspaces_apart(workspace, pipeline):
    other = uuid.uuid4()
    mine = pipeline.get_tracer("test")

    async def run(workspace_id):
        with trace_context(workspace_id=workspace_id), mine.start_as_current_span("outer"):
            await asyncio.sleep(0.001)
            with mine.start_as_current_span("inner"):
                pass

    async def main():
        await asyncio.gather(*(run(workspace.pk if n % 2 else other) for n in range(20)))

    asyncio.run(main())
    pipeline.force_flush()
    assert Trace.objects.filter(workspace=workspace, observation_count=2).count() == 10
    assert Trace.objects.filter(workspace_id=other, observation_count=2).count() == 10


def test_a_span_without_a_workspace_is_dropped_with_a_log_line(pipeline, caplog):
    with caplog.at_level(logging.WARNING), pipeline.get_tracer("test").start_as_current_span("homeless"):
        pass
    pipeline.force_flush()
    assert "homeless" in caplog.text
    assert not Observation.objects.filter(name="homeless").exists()


def test_an_exception_marks_its_span(workspace, pipeline):
    def fail():
        with pipeline.get_tracer("test").start_as_current_span("broken"):
            raise ValueError("nul \0 and surrogate \ud800")

    with trace_context(workspace_id=workspace.pk), pytest.raises(ValueError, match="nul"):
        fail()
    pipeline.force_flush()
    row = Observation.objects.get(workspace=workspace)
    assert row.status == "error"
    assert "ValueError" in row.status_message
    assert row.attributes["exception.type"] == "ValueError"


def test_content_can_be_left_out(workspace, pipeline, settings):
    settings.TRACE_CONTENT = False
    with trace_context(workspace_id=workspace.pk):
        span = pipeline.get_tracer("test").start_span(
            "x", attributes={names.INPUT: "secret", names.MODEL: "m"}
        )
        span.end()
    pipeline.force_flush()
    row = Observation.objects.get(workspace=workspace)
    assert (row.input_preview, row.model) == ("", "m")


def test_spans_wait_on_disk_while_the_database_is_away(workspace, pipeline, spill, database_away):
    mine = pipeline.get_tracer("test")
    with trace_context(workspace_id=workspace.pk):
        for number in range(30):
            with mine.start_as_current_span(
                f"s{number}", attributes={names.COST: "0.5", names.OUTPUT: "o" * 900}
            ):
                pass
    assert not pipeline.force_flush()
    assert len(spill.files()) == 1
    assert not Trace.objects.filter(workspace=workspace).exists()
    database_away()
    assert pipeline.force_flush()
    assert spill.files() == []
    assert Trace.objects.filter(workspace=workspace, cost="0.5").count() == 30


def test_a_spilled_batch_stored_twice_counts_once(workspace, spill):
    row = make_row(workspace, MODEL="m", INPUT_TOKENS=3, COST="0.1", TTFT_MS=5, TAGS="a,b", INPUT="x" * 400)
    spill.save([row])
    path = spill.files()[0]
    content = path.read_bytes()
    with SpanWriter() as writer:
        assert spill.drain(writer.write) == 1
        path.write_bytes(content + b"{garbled\n")
        assert spill.drain(writer.write) == 1
    trace = Trace.objects.get(workspace=workspace)
    assert (trace.observation_count, trace.input_tokens, trace.tags) == (1, 3, ["a", "b"])
    assert spill.files() == []


def test_a_full_spill_says_what_is_lost(workspace, tmp_path, caplog):
    spill = Spill(tmp_path / "spans", max_bytes=10)
    assert not spill.save([make_row(workspace)])
    assert "1 spans lost" in caplog.text


def test_a_full_queue_goes_to_disk(workspace, pipeline, spill, monkeypatch):
    processor = pipeline._active_span_processor._span_processors[1]
    monkeypatch.setattr(processor._queue, "_max_spans", 3)
    with trace_context(workspace_id=workspace.pk):
        for number in range(5):
            pipeline.get_tracer("test").start_span(f"s{number}").end()
    assert len(spill.files()) == 2
    assert pipeline.force_flush()
    assert Trace.objects.filter(workspace=workspace).count() == 5


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_process_stores_its_own_spans_only(workspace, pipeline):
    mine = pipeline.get_tracer("test")
    with trace_context(workspace_id=workspace.pk):
        mine.start_span("parent's").end()
        child = os.fork()
        if child == 0:
            try:
                mine.start_span("child's").end()
                stored = pipeline.force_flush()
            except BaseException:  # noqa: BLE001 - the child must not run on as a test
                os._exit(2)
            os._exit(0 if stored else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert list(Trace.objects.filter(workspace=workspace).values_list("name", flat=True)) == ["child's"]
    pipeline.force_flush()
    assert Trace.objects.filter(workspace=workspace).count() == 2
