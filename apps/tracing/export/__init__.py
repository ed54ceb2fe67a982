"""Our own spans on their way from the OpenTelemetry API to the writer."""

from apps.tracing.export.provider import flush, install

__all__ = ["flush", "install"]
