"""Background work of this app."""

from __future__ import annotations

from django.utils.translation import gettext as _

from apps.annotations.models import Export
from apps.annotations.services.export import JOB, write_export
from apps.core import jobs
from apps.core.jobs import JobContext, JobFailed


@jobs.task(JOB, queue="default")
def write_export_file(ctx: JobContext, *, export_id: str) -> None:
    """Write a large training file; see `services.export`."""
    export = Export.objects.select_related("version").filter(pk=export_id).first()
    if export is None:
        raise JobFailed(_("The export was deleted."))
    write_export(export=export, progress=ctx.progress)
