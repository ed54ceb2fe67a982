"""Console pages of tracing."""

from apps.tracing.admin.alert import AlertAdmin
from apps.tracing.admin.forwarder import TraceForwarderAdmin
from apps.tracing.admin.masking_rule import MaskingRuleAdmin
from apps.tracing.admin.score_config import ScoreConfigAdmin
from apps.tracing.admin.trace_export import TraceExportAdmin

__all__ = ["AlertAdmin", "MaskingRuleAdmin", "ScoreConfigAdmin", "TraceExportAdmin", "TraceForwarderAdmin"]
