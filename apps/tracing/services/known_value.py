"""Which values fields had: noted where no span brings them, forgotten when the observations are gone."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from apps.core.models import Workspace
from apps.tracing.models import Knowledge, KnownValue
from apps.tracing.writer.known import week_of


def note_value(*, workspace_id: UUID, field: str, value: str, moments: Iterable[datetime]) -> None:
    """Note a value that a trace got otherwise than by a span; `moments` are when the traces that have it began."""
    weeks = sorted({week_of(moment) for moment in moments})
    noted = [
        KnownValue(
            workspace_id=workspace_id, week=week, field=field, key="", kind=Knowledge.VALUE, value=value
        )
        for week in weeks
    ]
    KnownValue.objects.bulk_create(noted, ignore_conflicts=True)


def forget_values(*, before: datetime, workspace: Workspace | None = None) -> int:
    """Delete what is known of weeks that were over before a moment, of one workspace or of all; returns how much."""
    found = KnownValue.objects.filter(week__lt=week_of(before - timedelta(weeks=1)))
    if workspace is not None:
        found = found.in_workspace(workspace)
    return found._raw_delete(found.db)
