"""Log lines as JSON objects that name the trace they were written in."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from opentelemetry import baggage, trace
from pythonjsonlogger.orjson import OrjsonFormatter

from apps.tracing import attributes

if TYPE_CHECKING:
    from pythonjsonlogger.core import LogData

#: Where a line belongs, by the name of its field. Users and sessions stay out: logs are kept by other rules.
IDENTITY = {
    "workspace_id": attributes.WORKSPACE_ID,
    "source_type": attributes.SOURCE_TYPE,
    "source_id": attributes.SOURCE_ID,
}


class JsonFormatter(OrjsonFormatter):
    """One object a line: timestamp, level, logger, message, process, exception, `extra`, trace and span id."""

    def __init__(self, process: str) -> None:
        super().__init__(
            ["levelname", "name", "message"],
            rename_fields={"levelname": "level", "name": "logger", "exc_info": "exception"},
            static_fields={"process": process},
            timestamp=True,
        )

    def add_fields(self, log_data: LogData, record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        """Add what the current span and its baggage tell; a line outside any span has none of it."""
        super().add_fields(log_data, record, message_dict)
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            log_data["trace_id"] = trace.format_trace_id(span.trace_id)
            log_data["span_id"] = trace.format_span_id(span.span_id)
        carried = baggage.get_all()
        log_data.update({name: carried[key] for name, key in IDENTITY.items() if key in carried})
