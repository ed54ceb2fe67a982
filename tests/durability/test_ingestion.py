"""kill -9 and a stuck database while exporters send spans: every acknowledged span is there, once."""

import http.client
import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator

import psutil
import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.support.api import Api
from tests.support.product import Product, wait_until

pytestmark = pytest.mark.durability

SENDERS = 3
BATCH = 20


class Sender:
    """An application that sends batches of one trace each, again until they are acknowledged."""

    def __init__(self, product: Product, key: str, stop: threading.Event) -> None:
        self.exporter = OTLPSpanExporter(
            f"{product.base_url}/v1/traces", headers={"authorization": f"Bearer {key}"}, timeout=3
        )
        self.acknowledged: set[str] = set()
        self.stop = stop
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self) -> None:
        for spans in traces():
            while self.exporter.export(spans) is not SpanExportResult.SUCCESS:
                self.stop.wait(0.1)
            self.acknowledged |= {format(span.context.span_id, "016x") for span in spans}
            if self.stop.is_set():
                return


def traces(name: str = "request", attributes: dict[str, str] | None = None) -> Iterator[list[ReadableSpan]]:
    """Finished traces of BATCH spans."""
    memory = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    tracer = provider.get_tracer("durability")
    while True:
        with tracer.start_as_current_span(name, attributes=attributes):
            for number in range(BATCH - 1):
                with tracer.start_as_current_span("step", attributes={"number": number}):
                    pass
        yield list(memory.get_finished_spans())
        memory.clear()


@pytest.mark.parametrize("victim", ["web", "postgres"])
def test_every_acknowledged_span_is_there_once(product: Product, victim: str) -> None:
    logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)  # its retries are the point
    stop = threading.Event()
    key = Api.of(product).key
    senders = [Sender(product, key, stop) for _ in range(SENDERS)]
    wait_until(lambda: all(sender.acknowledged for sender in senders), what="the first spans")

    old = product.kill(victim)

    product.wait_back(victim, after=old)
    before = sum(len(sender.acknowledged) for sender in senders)
    wait_until(
        lambda: sum(len(sender.acknowledged) for sender in senders) > before + SENDERS * BATCH * 3,
        what="spans after the restart",
    )
    stop.set()
    for sender in senders:
        sender.thread.join(60)
    acknowledged = set().union(*(sender.acknowledged for sender in senders))
    rows = product.query(
        "select span_id, count(*) from tracing_observation where name in ('request', 'step') group by 1"
    )
    stored = {format(span_id & 0xFFFF_FFFF_FFFF_FFFF, "016x"): count for span_id, count in rows}
    assert not acknowledged - set(stored)
    assert set(stored.values()) == {1}
    totals = product.query(
        "select t.observation_count, count(o.*) from tracing_trace t join tracing_observation o "
        "using (workspace_id, trace_id) where t.name = 'request' group by t.trace_id, t.observation_count"
    )
    assert {(BATCH, BATCH)} == set(totals)


#: What a web process may add to its memory: the queue of 128 MiB, what is unpacked of it, and what Python keeps.
MAX_GROWTH = 500 * 2**20
FLOOD_CLIENTS = 30
#: Of one span of each request: 30 of them don't fit.
TEXT = "the database takes its time " * 220_000


def test_a_stuck_database_costs_bounded_memory_and_no_span(product: Product) -> None:
    key = Api.of(product).key
    web = product.pid("web")
    assert web is not None
    before, peak = resident(web), 0
    statuses: Counter[int] = Counter()
    acknowledged: list[str] = []
    stop = threading.Event()

    def flood() -> None:
        for spans in traces("flood", {"input.value": TEXT}):
            body = encode_spans(spans).SerializeToString()
            while (status := post(product, key, body)) != 200:
                statuses[status] += 1
                if stop.wait(0.2):
                    return
            statuses[status] += 1
            acknowledged.append(format(spans[0].context.trace_id, "032x"))
            if stop.is_set():
                return

    senders = [threading.Thread(target=flood) for _ in range(FLOOD_CLIENTS)]
    with product.connect() as blocker, blocker.transaction():
        blocker.execute("LOCK TABLE tracing_observation IN ACCESS EXCLUSIVE MODE")
        for sender in senders:
            sender.start()
        wait_until(lambda: statuses[429], seconds=60, what="a refusal")
        peak = max(resident(web) for _ in range(30) if not time.sleep(0.1))
        assert not statuses[200]
    wait_until(lambda: len(acknowledged) > 10, seconds=120, what="spans after the lock")
    peak = max(peak, resident(web))
    stop.set()
    for sender in senders:
        sender.join(120)
    assert set(statuses) <= {200, 429}
    assert peak - before < MAX_GROWTH
    counts = product.query(
        "select trace_id, count(*), count(distinct span_id) from tracing_observation where name = 'flood' group by 1"
    )
    stored = {trace_id.hex: (count, distinct) for trace_id, count, distinct in counts}
    assert {stored.get(trace_id) for trace_id in acknowledged} == {(1, 1)}


def resident(pid: int) -> int:
    """Bytes of a process and all below it."""
    process = psutil.Process(pid)
    return sum(one.memory_info().rss for one in [process, *process.children(recursive=True)])


def post(product: Product, key: str, body: bytes) -> int:
    """The status of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", product.port, timeout=180)
    try:
        connection.request(
            "POST",
            "/v1/traces",
            body,
            {"Content-Type": "application/x-protobuf", "Authorization": f"Bearer {key}"},
        )
        return connection.getresponse().status
    finally:
        connection.close()
