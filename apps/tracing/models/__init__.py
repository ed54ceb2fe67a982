"""Tables of tracing. Traces, observations and payloads are written by `apps.tracing.writer` alone."""

from apps.tracing.models.comment import Comment
from apps.tracing.models.forwarder import TraceForwarder
from apps.tracing.models.masking_rule import MaskingKind, MaskingRule
from apps.tracing.models.media import Media, MediaUse
from apps.tracing.models.observation import Observation
from apps.tracing.models.payload import ObservationPayload
from apps.tracing.models.rollup import Grain, Measure, Rollup, RollupProgress, UserRollup
from apps.tracing.models.saved_view import SavedView
from apps.tracing.models.score import Score, ScoreSource
from apps.tracing.models.score_config import ScoreConfig, ScoreDataType
from apps.tracing.models.span_draft import SpanDraft
from apps.tracing.models.trace import Trace, TraceStatus
from apps.tracing.models.trace_export import ExportFormat, ExportLimit, ExportList, TraceExport

__all__ = [
    "Comment",
    "ExportFormat",
    "ExportLimit",
    "ExportList",
    "Grain",
    "MaskingKind",
    "MaskingRule",
    "Measure",
    "Media",
    "MediaUse",
    "Observation",
    "ObservationPayload",
    "Rollup",
    "RollupProgress",
    "SavedView",
    "Score",
    "ScoreConfig",
    "ScoreDataType",
    "ScoreSource",
    "SpanDraft",
    "Trace",
    "TraceExport",
    "TraceForwarder",
    "TraceStatus",
    "UserRollup",
]
