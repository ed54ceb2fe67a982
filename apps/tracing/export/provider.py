"""The OpenTelemetry SDK, installed once per process."""

import logging

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider

from apps.tracing.export.baggage import BaggageProcessor
from apps.tracing.export.processor import StoringProcessor

logger = logging.getLogger(__name__)


def install() -> None:
    """Make the spans of this process reach the database; a second call changes nothing."""
    if isinstance(trace.get_tracer_provider(), TracerProvider):
        return
    provider = TracerProvider(
        resource=Resource({"service.name": "flywheel"}),
        span_limits=SpanLimits(max_span_attributes=1_000, max_events=100),
    )
    provider.add_span_processor(BaggageProcessor())
    provider.add_span_processor(StoringProcessor())
    trace.set_tracer_provider(provider)
    _flush_with_workers()


def flush() -> bool:
    """Store all finished spans of this process before returning; False when some had to stay on disk."""
    provider = trace.get_tracer_provider()
    return provider.force_flush() if isinstance(provider, TracerProvider) else True


def _flush_with_workers() -> None:
    """A forked worker leaves without running exit handlers: store its last spans when it is told to stop."""
    from celery.signals import worker_process_shutdown

    worker_process_shutdown.connect(_on_worker_shutdown, weak=False)


def _on_worker_shutdown(**_kwargs: object) -> None:
    flush()
