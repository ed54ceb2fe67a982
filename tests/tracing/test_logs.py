"""Log lines as JSON objects, with the trace they were written in."""

import io
import json
import logging
from typing import Any
from uuid import uuid4

import pytest
from opentelemetry.sdk.trace import TracerProvider

from apps.tracing.context import trace_context
from apps.tracing.logs import JsonFormatter

tracer = TracerProvider().get_tracer(__name__)


class Written:
    """A logger and what it has written."""

    def __init__(self) -> None:
        self._stream = io.StringIO()
        self.logger = logging.getLogger("apps.example")
        handler = logging.StreamHandler(self._stream)
        handler.setFormatter(JsonFormatter(process="web"))
        self.logger.handlers = [handler]

    def last(self) -> dict[str, Any]:
        """The last line."""
        line: dict[str, Any] = json.loads(self._stream.getvalue().splitlines()[-1])
        return line


@pytest.fixture
def written() -> Written:
    return Written()


def test_a_line_names_its_span_and_its_source(written: Written) -> None:
    workspace, source = uuid4(), uuid4()
    with (
        trace_context(workspace_id=workspace, source_type="agents.message", source_id=source, user_id="u-1"),
        tracer.start_as_current_span("step") as span,
    ):
        written.logger.warning("Call %s failed", 3, extra={"attempt": 2})

    line = written.last()
    context = span.get_span_context()
    assert (line["trace_id"], line["span_id"]) == (f"{context.trace_id:032x}", f"{context.span_id:016x}")
    assert (line["workspace_id"], line["source_type"], line["source_id"]) == (
        str(workspace),
        "agents.message",
        str(source),
    )
    assert (line["level"], line["logger"], line["process"]) == ("WARNING", "apps.example", "web")
    assert (line["message"], line["attempt"]) == ("Call 3 failed", 2)
    assert "u-1" not in str(line)


def test_a_line_outside_a_trace_is_complete_without_one(written: Written) -> None:
    try:
        int("not\na number")
    except ValueError:
        written.logger.exception("No")

    line = written.last()
    assert "trace_id" not in line
    assert "ValueError: invalid literal" in line["exception"]
    assert line["timestamp"].endswith("+00:00")
