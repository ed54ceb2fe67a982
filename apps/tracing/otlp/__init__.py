"""OpenTelemetry's wire format for traces, in plain Python: bytes in, span records out."""

from apps.tracing.otlp.decode import Decoded, decode
from apps.tracing.otlp.encoding import MAX_BYTES, OtlpError, inflate
from apps.tracing.otlp.reply import reply

__all__ = ["MAX_BYTES", "Decoded", "OtlpError", "decode", "inflate", "reply"]
