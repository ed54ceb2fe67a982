"""Addresses that OpenTelemetry exporters send to. With and without a slash: a redirect would lose every span."""

from django.urls import path

from apps.tracing.api.otlp import export_traces

urlpatterns = [
    path("v1/traces", export_traces, name="otlp_traces"),
    path("v1/traces/", export_traces),
]
