"""Tables of tracing. Traces, observations and payloads are written by `apps.tracing.writer` alone."""

from apps.tracing.models.alert import Alert, AlertState, NoData, Operator, Severity
from apps.tracing.models.alert_event import AlertEvent, EventKind
from apps.tracing.models.comment import Comment
from apps.tracing.models.dashboard import Dashboard
from apps.tracing.models.forwarder import TraceForwarder
from apps.tracing.models.known_value import Knowledge, KnownValue
from apps.tracing.models.masking_rule import MaskingKind, MaskingRule
from apps.tracing.models.media import Media, MediaUse
from apps.tracing.models.observation import Observation
from apps.tracing.models.payload import ObservationPayload
from apps.tracing.models.rollup import (
    CountedTags,
    Grain,
    Level,
    Owner,
    Rollup,
    RollupProgress,
    RollupTag,
    ScoreChange,
    ScoreRollup,
    SessionRollup,
    TagChange,
    TagRollup,
    UserRollup,
)
from apps.tracing.models.saved_view import SavedView
from apps.tracing.models.score import Score, ScoreSource
from apps.tracing.models.score_config import ScoreConfig, ScoreDataType
from apps.tracing.models.span_draft import SpanDraft
from apps.tracing.models.trace import Trace, TraceStatus
from apps.tracing.models.trace_export import ExportFormat, ExportLimit, ExportList, TraceExport
from apps.tracing.models.trace_retention import TraceRetention
from apps.tracing.models.widget import Chart, MetricView, Widget

__all__ = [
    "Alert",
    "AlertEvent",
    "AlertState",
    "Chart",
    "Comment",
    "CountedTags",
    "Dashboard",
    "EventKind",
    "ExportFormat",
    "ExportLimit",
    "ExportList",
    "Grain",
    "Knowledge",
    "KnownValue",
    "Level",
    "MaskingKind",
    "MaskingRule",
    "Media",
    "MediaUse",
    "MetricView",
    "NoData",
    "Observation",
    "ObservationPayload",
    "Operator",
    "Owner",
    "Rollup",
    "RollupProgress",
    "RollupTag",
    "SavedView",
    "Score",
    "ScoreChange",
    "ScoreConfig",
    "ScoreDataType",
    "ScoreRollup",
    "ScoreSource",
    "SessionRollup",
    "Severity",
    "SpanDraft",
    "TagChange",
    "TagRollup",
    "Trace",
    "TraceExport",
    "TraceForwarder",
    "TraceRetention",
    "TraceStatus",
    "UserRollup",
    "Widget",
]
