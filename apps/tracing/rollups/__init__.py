"""Figures for dashboards and alerts, added up while spans arrive so that no page has to."""

from apps.tracing.rollups.query import MetricFilter, MetricQuery, Question
from apps.tracing.rollups.read import Answer, Series, Sums, answer, read_metrics
from apps.tracing.rollups.timerange import KEPT_HOURS, KEPT_MINUTES, TimeRange

__all__ = [
    "KEPT_HOURS",
    "KEPT_MINUTES",
    "Answer",
    "MetricFilter",
    "MetricQuery",
    "Question",
    "Series",
    "Sums",
    "TimeRange",
    "answer",
    "read_metrics",
]
