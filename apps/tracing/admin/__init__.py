"""Console pages of tracing."""

from apps.tracing.admin.score_config import ScoreConfigAdmin

__all__ = ["ScoreConfigAdmin"]
