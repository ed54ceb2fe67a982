"""Spans, counted for Prometheus."""

from typing import Final

from apps.core.metrics import counter

SPANS: Final = counter("spans", "Spans by where they came from and what became of them.", ["door", "outcome"])


def count_spans(*, door: str, stored: int, rejected: int) -> None:
    """Count one batch; `door` is `own` or `otlp`. A span that was stored before counts as stored."""
    if stored:
        SPANS.labels(door, "stored").inc(stored)
    if rejected:
        SPANS.labels(door, "rejected").inc(rejected)
