"""ExportTraceServiceRequest, as protobuf or JSON, into span records.

https://opentelemetry.io/docs/specs/otlp/ and, for the JSON form, its section on JSON Protobuf encoding.
"""

from dataclasses import dataclass, field

from apps.tracing.mapping import SpanRecord
from apps.tracing.otlp.encoding import OtlpError
from apps.tracing.otlp.json_form import read_json
from apps.tracing.otlp.protobuf_form import read_protobuf

JSON = "application/json"
PROTOBUF = (
    "application/x-protobuf",
    "application/protobuf",
    "application/vnd.google.protobuf",
    "application/octet-stream",
)


@dataclass(slots=True)
class Decoded:
    """The spans of a request that can be read, and one sentence for each that can't."""

    spans: list[SpanRecord] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)


def decode(body: bytes, content_type: str, public_key: str = "") -> Decoded:
    """Read an uncompressed body; raises OtlpError when it is no export at all.

    With a `public_key`, spans whose scope names another one are refused.
    """
    kind = content_type.partition(";")[0].strip().lower()
    decoded = Decoded()
    if kind == JSON:
        read_json(body, decoded.spans, decoded.rejected, public_key)
    elif kind in PROTOBUF:
        read_protobuf(body, decoded.spans, decoded.rejected, public_key)
    else:
        raise OtlpError(
            f"The content type {kind[:60]!r} is not supported; send application/x-protobuf or application/json.",
            status=415,
            code="content_type",
        )
    return decoded
