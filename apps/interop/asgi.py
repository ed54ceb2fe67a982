"""Doors past Django: Langfuse's SDKs export their spans as often as any OpenTelemetry exporter."""

from apps.tracing.asgi import otlp_traces

#: What `config.asgi` sends past Django: method and path to application.
http_doors = {
    ("POST", path): otlp_traces for path in ("/api/public/otel/v1/traces", "/api/public/otel/v1/traces/")
}
