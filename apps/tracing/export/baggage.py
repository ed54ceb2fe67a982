"""Copies the identity of a trace from baggage to every span."""

from opentelemetry import baggage
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Span, SpanProcessor

from apps.tracing.attributes import INHERITED


class BaggageProcessor(SpanProcessor):
    """Sets the inherited attributes when a span starts; attributes the span sets itself later win."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Copy what `trace_context` put into the baggage."""
        found = baggage.get_all(parent_context)
        for name in INHERITED:
            value = found.get(name)
            if value is not None and name not in (span.attributes or {}):
                span.set_attribute(name, str(value))
