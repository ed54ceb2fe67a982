"""Making files of lists, in the background."""

import logging
import secrets
import tempfile
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from typing import IO, Final

from django.core.files import File
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.core import audit, jobs, permissions
from apps.core.actors import Actor
from apps.core.jobs import JobContext, JobFailed, JobLost
from apps.core.models import Job, JobState, Workspace
from apps.tracing import conf
from apps.tracing.downloads import Column, Writer, pick_columns, read_rows, writer_for
from apps.tracing.exceptions import InvalidExport, SearchTooSlow, TooManyExports
from apps.tracing.explorer.bounded import LIST_TIMEOUT_S, at_most
from apps.tracing.models import ExportFormat, ExportLimit, ExportList, TraceExport
from apps.tracing.selection import KINDS, Selection

logger = logging.getLogger(__name__)

JOB: Final = "tracing.write_export"
#: Exports of a workspace that wait or are being written.
MAX_OPEN: Final = 5


def list_of(list_name: str) -> str:
    """The list whose filters choose the rows: sessions are the sums of traces."""
    return ExportList.TRACES.value if list_name == ExportList.SESSIONS else list_name


@transaction.atomic
def create_export(
    *,
    actor: Actor,
    workspace: Workspace,
    list_name: str,
    selection: Selection,
    file_format: str,
    columns: Sequence[str] = (),
    payloads: bool = False,
) -> TraceExport:
    """Ask for a file; a job writes it. Without `columns` it has all of them.

    Raises NotAllowed, InvalidExport for a list, format or column that does not exist, and TooManyExports.
    """
    permissions.require_in(actor, "add", TraceExport, workspace)
    if actor.user is None:
        raise InvalidExport(_("An export belongs to a person: it holds what that person may see."))
    picked = pick_columns(list_name, columns, payloads=payloads)
    if file_format not in ExportFormat.values:
        raise InvalidExport(_("The formats are: %(known)s.") % {"known": ", ".join(ExportFormat.values)})
    if selection.kind is not KINDS[list_of(list_name)]:
        raise InvalidExport(_("These filters belong to another list."))
    _require_room(workspace)
    export = TraceExport.objects.create(
        workspace=workspace,
        list_name=list_name,
        selection=selection.fixed().to_json(),
        format=file_format,
        columns=[column.name for column in picked],
        author=actor.user,
        expires_at=timezone.now() + timedelta(days=conf.export_days()),
    )
    export.job = jobs.enqueue(
        JOB,
        actor=actor,
        workspace=workspace,
        args={"export_id": str(export.pk)},
        subject=export,
        title=_("Export: %(list)s as %(format)s")
        % {"list": export.get_list_name_display(), "format": export.get_format_display()},
    )
    export.save(update_fields=["job", "updated_at"])
    asked = audit.snapshot(export, ["list_name", "selection", "format", "columns"])
    audit.record(actor=actor, action="tracing.trace_export.create", obj=export, after=asked)
    return export


def _require_room(workspace: Workspace) -> None:
    waiting = TraceExport.objects.in_workspace(workspace).filter(
        job__state__in=[JobState.QUEUED, JobState.RUNNING]
    )
    if waiting.count() >= MAX_OPEN:
        raise TooManyExports


def write_export(*, export: TraceExport, context: JobContext) -> None:
    """Write the file and offer it. A second try after a crash starts over: only a whole file is ever offered.

    Raises JobFailed with a sentence when the author is gone or may not export any more.
    """
    if export.completed_at is not None:
        return
    if export.author is None or not permissions.allows_in(
        export.author, "add", TraceExport, export.workspace
    ):
        raise JobFailed(_("Whoever asked for the export may not see the data any more."))
    _remove_earlier(export, context)
    with tempfile.TemporaryFile() as target:
        limit = _write(export, context, target)
        # nothing is offered by a worker that was told to stop, or that lost the job to another one
        context.checkpoint()
        _offer(export, context, target, limit)


def _write(export: TraceExport, context: JobContext, target: IO[bytes]) -> ExportLimit:
    """Write rows until the list or a limit ends; the number of rows is put on `export`."""
    selection = Selection.from_json(export.selection)
    columns = pick_columns(export.list_name, export.columns, payloads=True)
    # also where the job is stopped: Arrow's writer would write to the file once more when it is gone
    with closing(writer_for(export.format, target, columns)) as writer:
        return _write_rows(export, context, target, writer, selection, columns)


def _write_rows(
    export: TraceExport,
    context: JobContext,
    target: IO[bytes],
    writer: Writer,
    selection: Selection,
    columns: Sequence[Column],
) -> ExportLimit:
    assert export.author is not None  # noqa: S101  # as above
    most_rows, most_bytes = conf.export_rows(), conf.export_bytes()
    total = _total(export, selection, most_rows)
    limit = ExportLimit.NONE
    written = 0
    for group in read_rows(
        export.list_name, selection, columns, user=export.author, workspace=export.workspace
    ):
        fitting = group[: most_rows - written]
        writer.write(fitting)
        written += len(fitting)
        # a total that was counted before may be overtaken by rows that arrived since
        context.progress(written, max(total, written + 1))
        context.checkpoint()
        if len(fitting) < len(group):
            limit = ExportLimit.ROWS
        elif target.tell() > most_bytes:
            limit = ExportLimit.BYTES
        if limit:
            break
    export.row_count = written
    return limit


def _total(export: TraceExport, selection: Selection, most: int) -> int:
    """How many rows there will be, for the progress bar; 0 where counting takes too long."""
    assert export.author is not None  # noqa: S101  # as above
    if export.list_name == ExportList.SESSIONS:
        return 0
    try:
        with at_most(LIST_TIMEOUT_S):
            return min(selection.count(user=export.author, workspace=export.workspace, limit=most), most)
    except SearchTooSlow:
        return 0


def _offer(export: TraceExport, context: JobContext, target: IO[bytes], limit: ExportLimit) -> None:
    """Put the file into the store, then say so in one statement that only the job's holder can make."""
    size = target.tell()
    target.seek(0)
    name = f"{context.job.attempts}-{secrets.token_urlsafe(24)}.{export.format}"
    export.file.save(name, File(target), save=False)
    context.progress(export.row_count, export.row_count)
    now = timezone.now()
    offered = TraceExport.objects.filter(
        pk=export.pk, completed_at__isnull=True, job__lease_token=context.token
    ).update(
        file=export.file.name,
        row_count=export.row_count,
        byte_count=size,
        limit_reached=limit,
        completed_at=now,
        expires_at=now + timedelta(days=conf.export_days()),
        updated_at=now,
    )
    if not offered:
        export.file.storage.delete(str(export.file.name))
        raise JobLost


def _remove_earlier(export: TraceExport, context: JobContext) -> None:
    """Delete what a worker left that died between storing the file and saying so."""
    if context.job.attempts <= 1:
        return
    storage = export.file.storage
    folder = f"trace-exports/{export.workspace_id}/{export.pk}"
    if not storage.exists(folder):
        return
    _folders, files = storage.listdir(folder)
    for name in files:
        attempt = name.partition("-")[0]
        if attempt.isdigit() and int(attempt) < context.job.attempts:
            storage.delete(f"{folder}/{name}")


@transaction.atomic
def delete_export(*, actor: Actor, export: TraceExport) -> None:
    """Delete an export and its file; one that is still being written is stopped."""
    permissions.require(actor, "delete", export)
    audit.record(actor=actor, action="tracing.trace_export.delete", obj=export, before=audit.snapshot(export))
    if export.job is not None and not JobState(export.job.state).is_final:
        jobs.cancel(actor=actor, job=export.job)
    _delete(export)


def _delete(export: TraceExport) -> None:
    file = export.file
    export.delete()
    if file and (name := file.name):
        transaction.on_commit(lambda: file.storage.delete(name))


def drop_expired() -> int:
    """Delete exports whose time is over, with their files; returns how many."""
    dropped = 0
    busy = Job.objects.open().values("pk")
    for export in TraceExport.objects.filter(expires_at__lt=timezone.now()).exclude(job__in=busy)[:1000]:
        with transaction.atomic():
            _delete(export)
        dropped += 1
    if dropped:
        logger.info("%d exports were over their time.", dropped)
    return dropped


def describe_limit(export: TraceExport) -> str:
    """Why the file ends before the list does, as a sentence; "" when it does not."""
    if export.limit_reached == ExportLimit.ROWS:
        return _(
            "The file ends after %(limit)d rows, the most an export may have. Narrow the time range for the rest."
        ) % {"limit": export.row_count}
    if export.limit_reached == ExportLimit.BYTES:
        return _(
            "The file ends after %(limit)d rows because it reached the greatest size. Narrow the time range, or "
            "leave columns out."
        ) % {"limit": export.row_count}
    return ""
