"""kill -9 while exporters send spans: every acknowledged span is there, once."""

import logging
import threading
from collections.abc import Iterator

import pytest
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


def traces() -> Iterator[list[ReadableSpan]]:
    """Finished traces of BATCH spans."""
    memory = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    tracer = provider.get_tracer("durability")
    while True:
        with tracer.start_as_current_span("request"):
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
