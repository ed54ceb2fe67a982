"""Spans and traces, stored through the real writer (and so outside the test's transaction)."""

from __future__ import annotations

import base64
import hashlib
import time
from itertools import count
from typing import Any

from apps.core.models import Workspace
from apps.tracing import attributes as names
from apps.tracing.mapping import ObservationRow, SpanRecord, map_span
from apps.tracing.models import Media, Trace
from apps.tracing.services.media import Use, announce_media, upload_media
from apps.tracing.writer import SpanWriter
from tests.factories.core import SYSTEM

_numbers = count(1)
_SECOND = 10**9


def new_trace_id() -> str:
    """A trace id that no other test uses."""
    return f"{time.time_ns():016x}{next(_numbers):016x}"


def make_span(
    trace_id: str = "",
    *,
    number: int = 1,
    parent: int | None = None,
    start_s: float = 0.0,
    length_s: float = 1.0,
    ago_s: float = 60.0,
    name: str = "step",
    failed: bool = False,
    base_ns: int | None = None,
    **attributes: Any,
) -> SpanRecord:
    """A span that started `ago_s` before now (or at `base_ns`) plus `start_s`; ids follow from `number`."""
    base = time.time_ns() - int(ago_s * _SECOND) if base_ns is None else base_ns
    start = base + int(start_s * _SECOND)
    return SpanRecord(
        trace_id=trace_id or new_trace_id(),
        span_id=f"{number:016x}",
        parent_id="" if parent is None else f"{parent:016x}",
        name=name,
        start_ns=start,
        end_ns=start + int(length_s * _SECOND),
        failed=failed,
        attributes={getattr(names, key): value for key, value in attributes.items()},
    )


def make_row(workspace: Workspace, span: SpanRecord | None = None, **kwargs: Any) -> ObservationRow:
    """The row of a span."""
    return map_span(span or make_span(**kwargs), workspace_id=workspace.pk)


def store(*rows: ObservationRow) -> int:
    """Write rows; returns how many were new."""
    with SpanWriter() as writer:
        return writer.write(rows).stored


def make_trace(
    workspace: Workspace,
    *,
    name: str = "answer",
    ago_s: float = 60.0,
    metadata: dict[str, Any] | None = None,
    **attributes: Any,
) -> Trace:
    """A stored trace of an agent, which has the metadata, a retriever and a generation with usage and cost."""
    trace_id = new_trace_id()
    base = {"trace_id": trace_id, "base_ns": time.time_ns() - int(ago_s * _SECOND)}
    failed = bool(attributes.pop("failed", False))
    root = {"OBSERVATION_TYPE": "agent", "INPUT": "What is it?", "OUTPUT": "It is this.", **attributes}
    generation = {
        "OBSERVATION_TYPE": "generation",
        "MODEL": "small-1",
        "INPUT": '[{"role": "user", "content": "What is it?"}]',
        "OUTPUT": "It is this.",
        "INPUT_TOKENS": 120,
        "OUTPUT_TOKENS": 30,
        "COST": "0.0015",
        "TTFT_MS": 200,
    }
    first = make_row(workspace, make_span(**base, number=1, name=name, length_s=2, failed=failed, **root))
    first.metadata = metadata
    store(
        first,
        make_row(
            workspace,
            make_span(
                **base,
                number=2,
                parent=1,
                name="retrieve",
                start_s=0.1,
                length_s=0.2,
                OBSERVATION_TYPE="retriever",
            ),
        ),
        make_row(
            workspace,
            make_span(**base, number=3, parent=1, name="chat", start_s=0.4, length_s=1.5, **generation),
        ),
    )
    return Trace.objects.get(workspace=workspace, trace_id=trace_id)


def make_media(workspace: Workspace, content: bytes, content_type: str = "text/plain") -> Media:
    """A file that a trace uses."""
    media = announce_media(
        actor=SYSTEM,
        workspace=workspace,
        sha256=base64.b64encode(hashlib.sha256(content).digest()).decode(),
        content_type=content_type,
        size=len(content),
        use=Use(trace_id=new_trace_id(), field="input"),
    )
    return upload_media(media=media, chunks=[content])
