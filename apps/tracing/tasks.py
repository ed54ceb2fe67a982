"""Periodic work of tracing."""

from typing import Any

from django.utils.translation import gettext as _

from apps.core import jobs
from apps.core.jobs import JobContext, JobFailed, periodic
from apps.tracing.models import TraceExport
from apps.tracing.selection import Selection
from apps.tracing.services import (
    alert_delivery,
    alert_evaluation,
    bulk,
    forwarder,
    retention,
    rollup,
    trace_export,
    trace_retention,
)
from apps.tracing.services.media import drop_unused_media
from apps.tracing.services.sealing import seal
from apps.tracing.services.span_draft import drop_old_drafts, write_due


@periodic("tracing.keep_partitions", seconds=3600)
def keep_partitions() -> None:
    """Make the partitions of the coming days and drop the expired ones."""
    retention.keep_partitions()
    retention.drop_expired()


@periodic("tracing.expire_traces", seconds=300)
def expire_traces() -> None:
    """Delete traces that their workspace no longer keeps."""
    trace_retention.expire_traces()


@periodic("tracing.index_days", seconds=300)
def index_days() -> None:
    """Index the days that are over, for any filter."""
    seal()


@periodic("tracing.forward", seconds=5)
def forward() -> None:
    """Send new spans on to other back ends."""
    forwarder.forward_all()


@periodic("tracing.roll_up", seconds=10)
def roll_up() -> None:
    """Add up what has arrived for the dashboards."""
    rollup.roll_up()


@periodic("tracing.write_drafts", seconds=5)
def write_drafts() -> None:
    """Write spans that arrive in pieces and of which nothing more has come."""
    write_due()


@periodic("tracing.drop_old_drafts", seconds=3600)
def drop_drafts() -> None:
    """Forget the pieces of spans that are long whole."""
    drop_old_drafts()


@periodic("tracing.drop_unused_media", seconds=3600)
def drop_media() -> None:
    """Delete files that nothing uses any more."""
    drop_unused_media()


@periodic("tracing.evaluate_alerts", seconds=30)
def evaluate_alerts() -> None:
    """Look at the figures of alerts whose turn it is."""
    alert_evaluation.evaluate_alerts()


@periodic("tracing.deliver_alerts", seconds=10)
def deliver_alerts() -> None:
    """Tell people what became of their alerts."""
    alert_delivery.deliver_alerts()


@periodic("tracing.drop_old_alert_events", seconds=3600)
def drop_old_alert_events() -> None:
    """Delete events of alerts that are months old."""
    alert_evaluation.drop_old_events()


@periodic("tracing.drop_old_rollups", seconds=3600)
def drop_old_rollups() -> None:
    """Delete rollups finer than anybody asks for."""
    rollup.drop_old()


@jobs.task(trace_export.JOB, queue="default")
def write_export(ctx: JobContext, *, export_id: str) -> None:
    """Write the file of an export."""
    found = TraceExport.objects.select_related("workspace", "author").filter(pk=export_id).first()
    if found is None:
        raise JobFailed(_("The export was deleted."))
    trace_export.write_export(export=found, context=ctx)


@periodic("tracing.drop_expired_exports", seconds=3600)
def drop_expired_exports() -> None:
    """Delete exported files whose time is over."""
    trace_export.drop_expired()


@jobs.task(bulk.JOB, queue="default")
def act_on_rows(
    ctx: JobContext,
    *,
    action: str,
    selection: dict[str, Any],
    values: dict[str, Any],
    place: tuple[str, ...] = (),
    changed: int = 0,
) -> None:
    """Do an action to many rows; `place` and `changed` say how far a worker got that died."""
    bulk.run_job(
        context=ctx,
        name=action,
        selection=Selection.from_json(selection),
        values=values,
        place=place,
        changed=changed,
    )
