"""A finished span as it comes in, whatever door it came through."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


class SpanError(ValueError):
    """This span can't be stored; the message says why. The other spans of its batch are not concerned."""


@dataclass(slots=True)
class SpanEvent:
    """Something that happened inside a span, at `time_ns` (Unix nanoseconds)."""

    name: str
    time_ns: int
    attributes: Mapping[str, object]


# Records are not changed once made, but not frozen: every span is one, and making a frozen one costs five times that.
@dataclass(slots=True)
class SpanRecord:
    """One span: ids as lower-case hex (32 and 16 digits), times in Unix nanoseconds, no parent for a root.

    Spans of one process share their `resource`, which is read once as long as it is the same object.
    """

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    start_ns: int
    end_ns: int
    failed: bool = False
    status_message: str = ""
    attributes: Mapping[str, object] = field(default_factory=dict)
    events: Sequence[SpanEvent] = ()
    scope: str = ""
    scope_version: str = ""
    resource: Mapping[str, object] = field(default_factory=dict)
