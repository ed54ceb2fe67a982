"""Forgetting which values fields had in weeks whose observations are gone."""

from datetime import datetime, timedelta

from apps.core.models import Workspace
from apps.tracing.models import KnownValue
from apps.tracing.writer.known import week_of


def forget_values(*, before: datetime, workspace: Workspace | None = None) -> int:
    """Delete what is known of weeks that were over before a moment, of one workspace or of all; returns how much."""
    found = KnownValue.objects.filter(week__lt=week_of(before - timedelta(weeks=1)))
    if workspace is not None:
        found = found.in_workspace(workspace)
    return found._raw_delete(found.db)
