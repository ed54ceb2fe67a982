"""From spans of any convention to one observation row: plain Python, one table per convention."""

from apps.tracing.mapping.mapper import Mapper, map_span
from apps.tracing.mapping.observation import ObservationRow, ObservationType
from apps.tracing.mapping.span import SpanError, SpanEvent, SpanRecord

__all__ = ["Mapper", "ObservationRow", "ObservationType", "SpanError", "SpanEvent", "SpanRecord", "map_span"]
