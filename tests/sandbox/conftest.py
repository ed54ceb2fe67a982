"""A running sandbox for the tests that need a real one."""

from __future__ import annotations

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from apps.core.sandbox import policy, service
from tests.sandbox.attacks.harness import Ground


@pytest.fixture(scope="session")
def ground():
    """One for the whole session, as this machine allows it."""
    ground = Ground()
    ground.report = ground.wait()
    yield ground
    ground.close()


@pytest.fixture
def sandbox(ground, settings):
    """The product uses it."""
    settings.SANDBOX_SOCKET = ground.directory
    service.transport.cache_clear()
    policy.forget_policies()
    yield ground
    service.transport.cache_clear()
    policy.forget_policies()


@pytest.fixture
def no_sandbox(tmp_path, settings):
    """The product finds none."""
    settings.SANDBOX_SOCKET = tmp_path / "none"
    service.transport.cache_clear()
    yield
    service.transport.cache_clear()


@pytest.fixture(scope="session")
def _span_exporter() -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return exporter


@pytest.fixture
def spans(_span_exporter):
    """Call it for the spans of code since the beginning of the test."""
    _span_exporter.clear()
    return lambda: [span for span in _span_exporter.get_finished_spans() if span.name.startswith("code ")]
