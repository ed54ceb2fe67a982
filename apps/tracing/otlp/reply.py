"""The answer to an export: which spans were not taken, and why."""

import orjson
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

_SHOWN = 10


def reply(rejected: list[str], *, as_json: bool) -> bytes:
    """An ExportTraceServiceResponse; empty when every span was taken. `rejected` has one sentence per span."""
    if not rejected:
        return b"{}" if as_json else b""
    sentences = list(dict.fromkeys(rejected))
    message = " ".join(sentences[:_SHOWN])
    if len(sentences) > _SHOWN:
        message += f" And {len(sentences) - _SHOWN} other reasons."
    if as_json:
        return orjson.dumps(
            {"partialSuccess": {"rejectedSpans": str(len(rejected)), "errorMessage": message}}
        )
    response = ExportTraceServiceResponse()
    response.partial_success.rejected_spans = len(rejected)
    response.partial_success.error_message = message
    encoded: bytes = response.SerializeToString()
    return encoded
